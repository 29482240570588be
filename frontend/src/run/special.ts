/** Tokens that a tokenizer adds around a text: [CLS], <s>, <|endoftext|> and their like. Masks and unknown words stand
 * for words of the text, so they are none of these. */
const SPECIAL =
  /^(\[(CLS|SEP|PAD|BOS|EOS)\]|<\/?s>|<\/?(cls|sep|pad|bos|eos)>|<\|[^|]*\|>|<｜[^｜]*｜>|<(start|end)_of_turn>)$/i;

export function isSpecial(token: string): boolean {
  return SPECIAL.test(token);
}
