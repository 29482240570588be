import { beforeEach, expect, it } from 'vitest';
import type { PointsQuery } from '../run/pictures';
import { DEFAULT_PROJECTION } from '../run/projection';
import { noteOf } from './notes';

const query = (layer: number, head?: number): PointsQuery => ({
  run: 'a',
  step: 0,
  layer,
  ...(head !== undefined && { head }),
  projection: DEFAULT_PROJECTION,
  dims: 2,
  frame: 0,
});
const name = ({ layer, head }: PointsQuery) => `${layer}/${head ?? 'all'}`;

let points: Record<string, Float32Array>;
let notes: Record<string, ReadonlyMap<number, string>>;
let errors: Record<string, string>;
let opened: boolean;
const loader = {
  points: (asked: PointsQuery) => points[name(asked)] ?? null,
  notesOf: (asked: PointsQuery) => notes[name(asked)] ?? null,
  error: (asked: PointsQuery) => errors[name(asked)] ?? null,
};
const scene = (...asked: PointsQuery[]) => ({
  questions: () => asked.map((one) => ({ query: one, numbers: [] })),
});
const noteAt = (layer: number, head: number) =>
  noteOf(
    {
      loader,
      data: { layers: [{ heads: 2 }, { heads: 2 }] },
      matrix: scene(query(0), query(1)),
      headView: scene(query(1, 1)),
      playback: { index: 0 },
      focus: { isOpened: () => opened },
    },
    { layer, head },
  );

beforeEach(() => {
  points = { '0/all': Float32Array.of(0, 0, Number.NaN, Number.NaN), '1/all': Float32Array.of(0, 0, 1, 1) };
  notes = {};
  errors = {};
  opened = false;
});

it('says what the answer said of a head, and that it has no finite point', () => {
  notes['1/all'] = new Map([[0, 'Too few tokens.']]);
  expect([noteAt(1, 0), noteAt(1, 1), noteAt(0, 0)]).toEqual(['Too few tokens.', null, null]);
  expect(noteAt(0, 1)).toBe('No picture: queries or keys are not finite at this step, or were not recorded.');
});

it('says why a head that was asked for by itself does not come, if it is the opened one', () => {
  errors['1/1'] = 'The worker died.';
  expect(noteAt(1, 1)).toBeNull();
  opened = true;
  expect(noteAt(1, 1)).toBe('The worker died.');
});
