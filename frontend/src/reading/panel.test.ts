import { describe, expect, it } from 'vitest';
import type { TokenPlace } from '../attention/side';
import type { Drawn } from './asked_attention.svelte';
import { differenceOf, panelOf, weightTold } from './panel';

const none = [false, false];
const choice = { gone: { query: none, key: none }, top: 0, least: 0 };
const named = { id: 'shown', title: 'L0 H0' };
const drawn = (weights: readonly number[], late = false, of: TokenPlace | null = null): Drawn => ({
  attention: { shape: of ? [1, 2] : [2, 2], data: Float32Array.from(weights), of },
  step: late ? 0 : 100,
  late,
});
const told = (weights: Float32Array | null | undefined) =>
  weights && [...weights].map((weight) => Number(weight.toFixed(3)));

describe('a panel', () => {
  it('has the weights, and of them what is drawn', () => {
    const panel = panelOf(named, drawn([0.75, 0.25, 0.5, 0.5]), { ...choice, least: 0.5 });
    expect(panel).toMatchObject({ id: 'shown', title: 'L0 H0', step: 100, late: false, signed: false });
    expect([told(panel.weights), told(panel.drawn)]).toEqual([
      [0.75, 0.25, 0.5, 0.5],
      [0.75, 0, 0.5, 0.5],
    ]);
  });

  it('gives what went to a token that is left out to the others', () => {
    const gone = { query: [false, true], key: [false, true] };
    expect(told(panelOf(named, drawn([0.75, 0.25, 0.5, 0.5]), { ...choice, gone }).weights)).toEqual([
      1, 0, 0, 0,
    ]);
  });

  it('tells the weight of a pair: none of a label alone, of another step, or while it is on its way', () => {
    const pair = { query: 0, key: 1 };
    const panel = panelOf(named, drawn([0.75, 0.25, 0.5, 0.5]), choice);
    expect(weightTold(panel, pair, 2)).toBe('25 %');
    expect(weightTold({ ...panel, signed: true }, pair, 2)).toBe('+25 %');
    for (const [of, at] of [
      [panel, { query: null, key: 1 }],
      [panel, null],
      [{ ...panel, late: true }, pair],
      [panelOf(named, null, choice), pair],
    ] as const)
      expect(weightTold(of, at, 2)).toBe('');
  });

  it('is empty without an answer, and with one of another size', () => {
    const empty = { weights: null, drawn: null, part: null, step: null, late: false };
    expect(panelOf(named, null, choice)).toMatchObject(empty);
    const long = { query: [...none, false], key: [...none, false] };
    expect(panelOf(named, drawn([1, 0, 0, 1], true), { ...choice, gone: long })).toMatchObject(empty);
  });

  it('may have one row alone', () => {
    const of = { side: 'query', token: 1 } as const;
    const panel = panelOf(named, drawn([0.25, 0.75], false, of), choice);
    expect([panel.weights, panel.part?.of, told(panel.part?.weights)]).toEqual([null, of, [0.25, 0.75]]);
  });
});

describe('a difference', () => {
  const shown = panelOf(named, drawn([0.75, 0.25, 0.5, 0.5]), choice);
  const other = panelOf(named, drawn([0.5, 0.5, 0.5, 0.5]), choice);

  it('is what the first is more than the second', () => {
    const panel = differenceOf(named, shown, other, choice);
    expect([told(panel.weights), panel.signed, panel.step]).toEqual([[0.25, -0.25, 0, 0], true, 100]);
  });

  it('is late as soon as one of the two is, and empty where one is missing', () => {
    const late = panelOf(named, drawn([0.5, 0.5, 0.5, 0.5], true), choice);
    expect(differenceOf(named, late, other, choice)).toMatchObject({ late: true, step: 0 });
    expect(differenceOf(named, shown, late, choice).late).toBe(true);
    expect(differenceOf(named, late, panelOf(named, null, choice), choice)).toMatchObject({
      weights: null,
      late: false,
    });
  });

  it('is not taken between rows of different queries', () => {
    const row = (token: number) => panelOf(named, drawn([1, 0], false, { side: 'query', token }), choice);
    expect(differenceOf(named, row(0), row(0), choice).part).not.toBeNull();
    expect(differenceOf(named, row(0), row(1), choice).part).toBeNull();
  });
});
