import { noise } from '../base/noise';
import type { Sequence } from '../run/types';

/** What one made-up head does: it starts as a random blob and turns, around its own step, into one of the
 * patterns that real heads are known for. Everything is a pure function of its numbers. */

const KINDS = ['positional', 'previous', 'semantic', 'induction', 'sink', 'self'] as const;
type Kind = (typeof KINDS)[number];

export interface SyntheticHead {
  readonly kind: Kind;
  readonly seed: number;
  /** When it forms, as a share of the training run. */
  readonly birth: number;
}

export function syntheticHead(layer: number, head: number): SyntheticHead {
  const seed = layer * 131 + head * 17 + 5;
  const kind = KINDS[Math.floor(noise(seed, 1) * KINDS.length)] as Kind;
  return { kind, seed, birth: 0.1 + 0.7 * noise(seed, 2) };
}

/** 0 at the start of training, 1 once the head has formed. */
export function formation(head: SyntheticHead, time: number): number {
  return 1 / (1 + Math.exp(-(time - head.birth) * 14));
}

/** Where one query or key lies, in [-1, 1]³; with two dimensions only x and y are used. */
export function position(
  head: SyntheticHead,
  formed: number,
  side: 'query' | 'key',
  token: { readonly index: number; readonly at: number; readonly length: number; readonly word: number },
  out: Float64Array,
): void {
  const salt = side === 'query' ? 11 : 23;
  const gauss = (axis: number) =>
    noise(head.seed + token.index * 7, salt + axis) + noise(head.seed + token.index * 7, salt + axis + 5) - 1;
  const share = token.at / Math.max(1, token.length - 1);
  let x = 0;
  let y = 0;
  let z = 0;
  if (head.kind === 'positional' || head.kind === 'previous') {
    const shift = head.kind === 'previous' && side === 'key' ? 1 / Math.max(1, token.length) : 0;
    const angle = (share + shift) * 9 + head.seed;
    const radius = 0.2 + 0.6 * (share + shift);
    x = radius * Math.cos(angle);
    y = radius * Math.sin(angle);
    z = 1.2 * share - 0.6;
  } else if (head.kind === 'sink') {
    const rest = side === 'key' && token.at > 0;
    x = rest ? -0.15 : 0.62;
    y = rest ? -0.1 : 0.3 * Math.sin(head.seed);
    z = rest ? 0 : 0.4;
  } else {
    const classes = head.kind === 'semantic' ? 5 : head.kind === 'induction' ? 11 : 17;
    const angle = ((token.word % classes) / classes) * 2 * Math.PI + head.seed;
    const radius = head.kind === 'self' ? 0.75 : 0.6;
    x = radius * Math.cos(angle);
    y = radius * Math.sin(angle);
    z = 0.5 * Math.sin(3 * angle);
  }
  const spread = 0.42 * (1 - formed) + (head.kind === 'sink' ? 0.24 : 0.07 + 0.12 * noise(head.seed, 9));
  out[0] = formed * x + spread * gauss(0);
  out[1] = formed * y + spread * gauss(1);
  out[2] = formed * z + spread * gauss(2);
}

/** One row-stochastic causal matrix, [n, n] row by row. */
export function attention(head: SyntheticHead, formed: number, sequence: Sequence): Float32Array {
  const n = sequence.tokens.length;
  const period = sequence.repeat?.period ?? 0;
  const weights = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    let total = 0;
    for (let j = 0; j <= i; j++) {
      const distance = i - j;
      const same = wordClass(sequence.tokens[i] ?? '') % 5 === wordClass(sequence.tokens[j] ?? '') % 5;
      const liking = {
        positional: -distance / 2,
        previous: distance === 1 ? 4 : -1,
        semantic: same ? 2.5 : -1,
        induction: period > 0 && distance === period - 1 ? 6 : j === 0 ? 1 : -1,
        sink: j === 0 ? 5 : -1,
        self: distance === 0 ? 4 : -1,
      }[head.kind];
      const weight = Math.exp(formed * liking + 0.6 * noise(head.seed + i, j));
      weights[i * n + j] = weight;
      total += weight;
    }
    for (let j = 0; j <= i; j++) weights[i * n + j] = (weights[i * n + j] ?? 0) / total;
  }
  return weights;
}

export function health(head: SyntheticHead, time: number): Record<string, number> {
  const formed = formation(head, time);
  const wobble = 0.02 * (noise(head.seed, Math.round(time * 1000)) - 0.5);
  const is = (kind: Kind) => (head.kind === kind ? formed : 0);
  return {
    entropy: 0.97 - 0.75 * formed * noise(head.seed, 3) + wobble,
    max_logit: Math.exp(0.5 + 3.5 * formed * (0.4 + noise(head.seed, 4)) + 5 * wobble),
    query_norm: 3 + 9 * formed * noise(head.seed, 5) + wobble,
    key_norm: 3 + 7 * formed * noise(head.seed, 6) + wobble,
    sink: 0.05 + 0.8 * is('sink') + Math.abs(wobble),
    previous: 0.04 + 0.85 * is('previous') + Math.abs(wobble),
    self: 0.05 + 0.8 * is('self') + Math.abs(wobble),
    next: 0.01 + Math.abs(wobble),
    distance: 8 - 6 * (is('previous') + is('self')) + wobble,
    induction: 0.02 + 0.9 * is('induction') + Math.abs(wobble),
    duplicate: 0.02 + Math.abs(wobble),
    non_finite: 0,
    effective_rank: 24 - 18 * formed * noise(head.seed, 7) + wobble,
  };
}

export function wordClass(token: string): number {
  let hash = 7;
  for (let i = 0; i < token.length; i++) hash = (hash * 31 + token.charCodeAt(i)) % 9973;
  return hash;
}
