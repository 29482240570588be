import { noise } from '../base/noise';
import type { Sequence } from '../run/types';
import { syntheticLabels } from './synthetic_figures';

const TEXTS = [
  '[CLS] the cat that chased the mouse was hungry because it had not eat ##en all day . [SEP]',
  '[CLS] when mary and john went to the store , john gave a drink to mary . [SEP]',
  '[CLS] the river rose after the storm and the old bridge was closed for re ##pair ##s . [SEP]',
  'Once Ġupon Ġa Ġtime Ġthere Ġwas Ġa Ġlittle Ġgirl Ġwho Ġloved Ġthe Ġsea . Ċ She Ġwent Ġthere Ġevery Ġday .',
  '[CLS] in 1905 einstein published four papers that changed physics for ever . [SEP]',
  '[CLS] she read the letter twice , folded it , and put it back in the drawer . [SEP]',
] as const;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

export function text(i: number): Sequence {
  const tokens = (TEXTS[i % TEXTS.length] ?? '').split(' ');
  return { kind: 'text', tokens, repeat: null, labels: syntheticLabels(tokens) };
}

/** The texts again and again, up to so many tokens. */
export function long(length: number): Sequence {
  const words = TEXTS.flatMap((line) => line.split(' '));
  const tokens = Array.from({ length }, (_, i) => words[i % words.length] ?? '');
  return { kind: 'text', tokens, repeat: null };
}

/** Random letters, twice over: the probe of induction heads. */
export function repeated(i: number): Sequence {
  const period = 12;
  const letters = Array.from(
    { length: period },
    (_, j) => ALPHABET[Math.floor(noise(i, j) * ALPHABET.length)] ?? 'a',
  );
  return { kind: 'text', tokens: [...letters, ...letters], repeat: { start: 0, period } };
}
