import { layerOf } from './layer.fixture';
import { type LayerTokens, layerTokens, runLists } from './lists';
import { indexTokens, type TokenIndex } from './places';
import type { Run, Sequence, TokenList } from './types';

/** A run of one layer with two heads and one sequence of five tokens, recorded at 0, 100, 200 and 300, but for `parts`; for
 * tests. */
export function runOf(parts: Partial<Run> = {}): Run {
  return {
    run: 'a',
    steps: [0, 100, 200, 300],
    layers: [layerOf({ heads: 2, head_numbers: [0, 1] })],
    segments: [],
    sequences: 1,
    queries: 5,
    keys: 5,
    figures: [],
    error: null,
    ...parts,
  };
}

/** A sequence of these words. */
export function textOf(words: string, parts: Partial<Sequence> = {}): Sequence {
  return { kind: 'text', tokens: words.split(' '), repeat: null, ...parts };
}

/** A run whose probe has these sequences, and what follows from it, as `RunState` has it. */
export function dataOf(
  sequences: readonly Sequence[],
  parts: Partial<Run> = {},
): {
  run: Run;
  probe: { value: TokenIndex | null };
  layers: Run['layers'];
  lists: readonly TokenList[];
  layerTokens: readonly LayerTokens[];
} {
  const tokens = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
  const run = runOf({ sequences: sequences.length, queries: tokens, keys: tokens, ...parts });
  const lists = runLists(run);
  return {
    run,
    probe: { value: indexTokens({ run: run.run, sequences }, run.lists) },
    layers: run.layers,
    lists,
    layerTokens: run.layers.map((layer) => layerTokens(lists, layer)),
  };
}
