/** What is not seen, or is no character at all: controls but for tabs and line breaks, halves of surrogate pairs,
 * noncharacters, and marks that turn the direction of what follows. XML can hold few of them (https://www.w3.org/TR/xml/#charsets). */
const UNSEEN = /[^\P{Cc}\t\n\r]|[\p{Cs}\p{Noncharacter_Code_Point}\u202a-\u202e\u2066-\u2069]/gu;

/** The text with such parts as escapes that can be read: "a\ufffeb" with its six letters. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (part) => {
    const code = (part.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}
