import { encoded } from '../base/encoded';
import { areNumbers } from '../run/label_values';
import type { TokenIndex } from '../run/places';

/** Values of a label that are let through: some of its names, or a span of its numbers, ends included. */
export type Wanted = readonly string[] | { readonly low: number; readonly high: number };

/** A label that comes with the probe. */
export type Label = NameLabel | NumberLabel;

interface NameLabel {
  readonly name: string;
  /** The most frequent first. */
  readonly values: readonly { readonly value: string; readonly count: number }[];
}

export interface NumberLabel {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

/** What is shown: all, or only tokens of some sequences, with some labels. */
export interface Filter {
  readonly sequences: readonly number[] | null;
  readonly labels: ReadonlyMap<string, Wanted>;
}

/** The labels of a probe, with their values or the span of their numbers. */
export function labelsOf(index: TokenIndex): readonly Label[] {
  const counts = new Map<string, Map<string | number, number>>();
  for (const { labels = {} } of index.lists.flatMap(({ sequences }) => sequences)) {
    for (const [name, values] of Object.entries(labels)) {
      const known = counts.get(name) ?? new Map<string | number, number>();
      counts.set(name, known);
      for (const value of values) known.set(value, (known.get(value) ?? 0) + 1);
    }
  }
  return [...counts].map(([name, found]) => {
    const values = [...found];
    if (areNumbers([...found.keys()])) {
      const numbers = values.flatMap(([value]) => (typeof value === 'number' ? [value] : []));
      const low = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      return { name, low, high: numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) };
    }
    const named = values.map(([value, count]) => ({ value: String(value), count }));
    return { name, values: named.sort((a, b) => b.count - a.count) };
  });
}

/** Which tokens a filter lets through [tokens]; null: all. A token without a wanted label is not let through. */
export function tokensShown(index: TokenIndex, { sequences, labels }: Filter): Uint8Array | null {
  if (sequences === null && labels.size === 0) return null;
  const wanted = sequences && new Set(sequences);
  const shown = new Uint8Array(index.tokens);
  for (const list of index.lists) {
    list.sequences.forEach((sequence, number) => {
      if (wanted && !wanted.has(number)) return;
      const first = list.first[number] ?? 0;
      sequence.tokens.forEach((_, i) => {
        const passes = [...labels].every(([name, values]) => isWanted(sequence.labels?.[name]?.[i], values));
        if (passes) shown[first + i] = 1;
      });
    });
  }
  return shown;
}

function isWanted(value: string | number | undefined, wanted: Wanted): boolean {
  if (value === undefined) return false;
  if ('low' in wanted) return typeof value === 'number' && value >= wanted.low && value <= wanted.high;
  return wanted.includes(String(value));
}

/** The wanted values of each label in a link: `part%20of%20speech:NOUN|VERB;length:1..4`. Encoded names hold none
 * of the signs between them. */
export function formatWanted(labels: ReadonlyMap<string, Wanted>): string {
  return [...labels]
    .map(([name, wanted]) => {
      const values = 'low' in wanted ? `${wanted.low}..${wanted.high}` : wanted.map(encoded).join('|');
      return `${encoded(name)}:${values}`;
    })
    .join(';');
}

/** @returns what of it makes sense: with a span only where the label has numbers */
export function parseWanted(text: string, labels: readonly Label[]): Map<string, Wanted> {
  const found = new Map<string, Wanted>();
  for (const part of text.split(';')) {
    const [name, values] = part.split(':');
    const label = labels.find((known) => encoded(known.name) === name);
    if (!label || values === undefined) continue;
    if ('low' in label) {
      const [low = Number.NaN, high = Number.NaN] = values.split('..').map(Number);
      if (low <= high) found.set(label.name, { low, high });
      continue;
    }
    const wanted = label.values
      .map(({ value }) => value)
      .filter((value) => values.split('|').includes(encoded(value)));
    if (wanted.length > 0) found.set(label.name, wanted);
  }
  return found;
}
