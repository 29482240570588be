import type { TokenValues } from '../render/scale';
import { areNumbers } from '../run/label_values';
import type { TokenIndex } from '../run/places';
import type { Sequence } from '../run/types';
import type { Colouring } from './colouring';

/** A colouring for everything that was given with the probe. */
export function labelColourings(index: TokenIndex): readonly Colouring[] {
  const names = [...new Set(allSequences(index).flatMap(({ labels }) => Object.keys(labels ?? {})))];
  return names.map((name) => ({
    id: `label:${name}`,
    title: name,
    says: `“${name}”, as it was given with the probe.`,
    group: 'Labels',
    origin: { kind: 'tokens', values: (of) => labelValues(of, name) },
  }));
}

/** Numbers if all that is known are numbers; else categories. */
export function labelValues(index: TokenIndex, name: string): TokenValues {
  const given = allSequences(index).flatMap<string | number>(
    ({ labels, tokens }) => labels?.[name] ?? tokens.map(() => ''),
  );
  if (areNumbers(given)) {
    const of = Float64Array.from(given, (value) => (value === '' ? Number.NaN : Number(value)));
    return name === 'hue'
      ? { kind: 'numbers', of, unit: 'degrees', hue: true }
      : { kind: 'numbers', of, unit: '' };
  }
  const names = [...new Set(given.map(String))].filter((value) => value !== '').sort();
  const numbers = new Map(names.map((value, i) => [value, i]));
  const of = new Int32Array(index.tokens).fill(-1);
  given.forEach((value, i) => {
    of[i] = numbers.get(String(value)) ?? -1;
  });
  return { kind: 'names', names, of };
}

function allSequences({ lists }: TokenIndex): readonly Sequence[] {
  return lists.flatMap(({ sequences }) => sequences);
}
