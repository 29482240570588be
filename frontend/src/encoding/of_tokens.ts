import type { TokenValues } from '../render/scale';
import { everyToken, sequenceOf, type TokenIndex, tokenText } from '../run/places';
import { isSpecial } from '../run/special';
import type { Colouring } from './colouring';

/** What the probe says of its tokens. */
export const TOKEN_COLOURINGS: readonly Colouring[] = [
  made('position', 'position', 'Sequence', 'Its place in the sequence.', ({ position }) =>
    numbers(position, 'tokens'),
  ),
  made('mod5', 'position mod 5', 'Sequence', 'Its place in the sequence, modulo 5.', ({ position }) => ({
    kind: 'names',
    names: ['0', '1', '2', '3', '4'],
    of: position.map((at) => at % 5),
    ordered: true,
  })),
  made('sequence', 'sequence', 'Sequence', 'Which sequence it is in.', ({ sequence, sequences }) => ({
    kind: 'names',
    names: sequences.map((_, i) => String(i)),
    of: sequence,
    cycles: true,
    ordered: true,
  })),
  made('sentence_length', 'sequence length', 'Sequence', 'How many tokens its sequence has.', (index) =>
    numbers(
      index.sequence.map((_, token) => sequenceOf(index, token)?.tokens.length ?? 0),
      'tokens',
    ),
  ),
  made('token_length', 'token length', 'Token', 'How many letters it has.', (index) => {
    // Special tokens are no words: their names have letters, they have none.
    return numbers(
      everyToken(index).map((token) => (isSpecial(token) ? Number.NaN : letters(token))),
      'letters',
    );
  }),
  made('frequency', 'frequency', 'Token', 'How often this token occurs in the probe.', (index) => {
    const tokens = everyToken(index);
    const counts = new Map<string, number>();
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
    return {
      ...numbers(
        tokens.map((token) => counts.get(token) ?? 0),
        'times',
      ),
      logarithmic: true,
    };
  }),
  made(
    'class',
    'punctuation',
    'Token',
    'Whether it is a word, punctuation, a number or a special token.',
    (index) => ({
      kind: 'names',
      names: CLASSES,
      of: Int32Array.from(everyToken(index), (token) => CLASSES.indexOf(classOf(token))),
      ordered: true,
    }),
  ),
];

const CLASSES = ['word', 'within a word', 'punctuation', 'number', 'special', 'symbol'] as const;

/** What a token is, by its letters alone. */
export function classOf(token: string): (typeof CLASSES)[number] {
  if (isSpecial(token) || /^(\[[A-Z]+\d*\]|<[a-z_]+\d*>)$/.test(token)) return 'special';
  const text = bare(token);
  if (/^\p{L}[\p{L}\p{M}’'-]*$/u.test(text)) return /^##/.test(token) ? 'within a word' : 'word';
  if (/^[\p{N}][\p{N}.,]*$/u.test(text)) return 'number';
  if (/^[\p{P}\s↵⇥␠]+$/u.test(text)) return 'punctuation';
  return 'symbol';
}

/** A token without the marks of its tokenizer. */
function bare(token: string): string {
  return tokenText(token).replace(/^##(?=.)/, '');
}

function letters(token: string): number {
  return [...bare(token)].length;
}

function numbers(of: ArrayLike<number>, unit: string): TokenValues & { kind: 'numbers' } {
  return { kind: 'numbers', of: Float64Array.from(of), unit };
}

function made(
  id: string,
  title: string,
  group: 'Token' | 'Sequence',
  says: string,
  values: (index: TokenIndex) => TokenValues,
): Colouring {
  return { id, title, says, group, origin: { kind: 'tokens', values } };
}
