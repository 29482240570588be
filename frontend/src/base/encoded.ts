/** The text as an address has it. No address holds halves of surrogate pairs: `encodeURIComponent` throws at them. */
export function encoded(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd'));
}
