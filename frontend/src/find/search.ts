import { tokenText } from '../run/places';

/** One thing that is looked for. */
export interface Term {
  /** As it was typed. */
  readonly source: string;
  /** @param token as the tokenizer writes it */
  readonly matches: (token: string) => boolean;
}

export interface Search {
  readonly terms: readonly Term[];
  /** What cannot be looked for, in a sentence, or null. */
  readonly error: string | null;
}

/** Terms that can be told apart by their hue. */
export const MOST_TERMS = 6;

/** A quoted text (exact), a regular expression between slashes (`\/` is a slash in it), or a word, which ends at a comma
 * or white space. A lone slash or quote is a word. */
const TERM = /"([^"]+)"|\/((?:\\.|[^/\\])+)\/(?=[\s,]|$)|([^\s,]+)/gu;

/** Reads what was typed: terms with commas or spaces between them. A term is a whole token, `micro*` what begins with
 * `micro`, `/^[0-9]+$/` a regular expression. Tokens are compared as people read them, without the marks of word starts;
 * the `##` of continued words counts only where the term has it too. */
export function parseSearch(text: string, matchCase: boolean): Search {
  const terms = new Map<string, Term>();
  let error: string | null = null;
  for (const [source, quoted, pattern, word = ''] of text.matchAll(TERM)) {
    try {
      const test =
        pattern !== undefined ? byPattern(pattern, matchCase) : byText(quoted ?? word, matchCase, !quoted);
      terms.set(source, { source, matches: comparing(source, test) });
    } catch (problem) {
      const why = problem instanceof Error ? problem.message.replace(/^.*\/\w*: /, '') : '';
      error = `${source} is no regular expression: ${why || 'it cannot be read'}.`;
    }
  }
  if (terms.size > MOST_TERMS) {
    error ??= `Only the first ${MOST_TERMS} terms are looked for: more hues could not be told apart.`;
  }
  return { terms: [...terms.values()].slice(0, MOST_TERMS), error };
}

/** A token's text as a term that finds it and nothing else. */
export function quote(text: string): string {
  const [whole] = text.matchAll(TERM);
  const plain = whole?.[3] === text && (!text.endsWith('*') || text === '*');
  return plain || text.includes('"') ? text : `"${text}"`;
}

/** The term that is being typed at the end, and where it begins. */
export function lastTerm(text: string): { readonly from: number; readonly text: string } {
  const last = [...text.matchAll(TERM)].at(-1);
  if (!last || last.index + last[0].length < text.length) return { from: text.length, text: '' };
  return { from: last.index, text: last[0] };
}

/** The search without one of its terms. */
export function withoutTerm(text: string, source: string): string {
  const kept = [...text.matchAll(TERM)].map(([other]) => other).filter((other) => other !== source);
  return kept.join(' ');
}

function byText(text: string, matchCase: boolean, mayBePrefix: boolean): (text: string) => boolean {
  const fold = (a: string) => (matchCase ? a : a.toLowerCase());
  const wanted = fold(text);
  if (!mayBePrefix || !wanted.endsWith('*') || wanted === '*') return (found) => fold(found) === wanted;
  const start = wanted.slice(0, -1);
  return (found) => fold(found).startsWith(start);
}

function byPattern(pattern: string, matchCase: boolean): (text: string) => boolean {
  const expression = new RegExp(pattern, matchCase ? 'u' : 'iu');
  return (found) => expression.test(found);
}

function comparing(source: string, test: (text: string) => boolean): (token: string) => boolean {
  const withMark = source.includes('##');
  return (token) => {
    const text = tokenText(token);
    return test(withMark ? text : text.replace(/^##(?=.)/u, ''));
  };
}
