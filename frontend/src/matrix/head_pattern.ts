import type { Layer } from '../run/types';

/** Which heads a text names: by the model's own numbers ("L5", "L4-8", "L5 H3", "H0-2") or by part of a module's name
 * ("decoder", "encoder_attn"), several with commas between them. */

type Range = readonly [number, number];
interface Term {
  readonly layers: Range | null;
  readonly heads: Range | null;
  readonly module: string | null;
}

const NUMBERED =
  /^(?:l(?:ayer)?\s*(\d+)(?:\s*[-–]\s*(\d+))?)?[\s·]*(?:h(?:ead)?\s*(\d+)(?:\s*[-–]\s*(\d+))?)?$/;

/** @returns whether a head, by its place among the recorded ones, is named; a text without a term names all */
export function matchHeads(
  text: string,
  layers: readonly Layer[],
): (place: { readonly layer: number; readonly head: number }) => boolean {
  const terms = text
    .toLowerCase()
    .split(/[,;]/)
    .map((term) => term.trim())
    .filter((term) => term !== '')
    .map(readTerm);
  if (terms.length === 0) return () => true;
  return ({ layer, head }) => {
    const { number = layer, name = '', head_numbers } = layers[layer] ?? {};
    const headNumber = head_numbers?.[head] ?? head;
    const module = name.toLowerCase();
    return terms.some(
      (term) =>
        holds(term.layers, number) &&
        holds(term.heads, headNumber) &&
        (term.module === null || module.includes(term.module)),
    );
  };
}

function readTerm(text: string): Term {
  const found = NUMBERED.exec(text);
  if (!found) return { layers: null, heads: null, module: text };
  return { layers: range(found[1], found[2]), heads: range(found[3], found[4]), module: null };
}

function range(low: string | undefined, high: string | undefined): Range | null {
  if (low === undefined) return null;
  const [a, b] = [Number(low), Number(high ?? low)];
  return a <= b ? [a, b] : [b, a];
}

function holds(range: Range | null, number: number): boolean {
  return range === null || (number >= range[0] && number <= range[1]);
}
