import { expect, it } from 'vitest';
import { runOf } from './run.fixture';
import { checkpoint, choice, joined, mapped, numbers, settings, text, whole, word } from './setting';

const RUN = runOf({ steps: [0, 100] });
const link = (said: Record<string, string>) => new Map(Object.entries(said));

class Shown {
  form: 'lines' | 'map' = 'lines';
  fills = false;
  words = true;
  top: number | null = null;
  view: readonly number[] | null = null;
  colour = 'kind';
  mean = false;
  position = 0;
  readonly settings = settings<Shown>(this, {
    form: choice(['lines', 'map']),
    fills: word('1', true).as('fill'),
    words: word('off', false),
    top: whole(50),
    view: numbers(2, 2, 9),
    colour: text(/./).stated(),
    mean: word('1', true),
    position: whole().when(() => this.mean),
  });

  said(pairs: Record<string, string>): Readonly<Record<string, string>> {
    this.settings.enter(link(pairs), RUN);
    return this.settings.said;
  }
}

it('says what is not as usual, under its own names, and is read back', () => {
  const shown = new Shown();
  expect(shown.settings.said).toEqual({ colour: 'kind' });
  shown.form = 'map';
  shown.fills = true;
  shown.words = false;
  shown.top = 7;
  shown.view = [0.123, -4];
  const said = { form: 'map', fill: '1', words: 'off', top: '7', view: '0.12_-4', colour: 'kind' };
  expect(shown.settings.said).toEqual(said);
  expect(new Shown().said(said)).toEqual(said);
});

it('takes what a link leaves unsaid, and what cannot be, as usual', () => {
  const shown = new Shown();
  shown.form = 'map';
  shown.top = 3;
  shown.colour = 'norm';
  const wrong = { form: 'tree', fill: '2', words: 'on', top: '51', view: '1_2_3', colour: '' };
  expect(shown.said(wrong)).toEqual({ colour: 'kind' });
  expect(shown.said({ view: '1_10' })).toEqual({ colour: 'kind' });
  expect(shown.said({ view: '1_x', top: '-1' })).toEqual({ colour: 'kind' });
});

it('says some settings only while they count for something', () => {
  const shown = new Shown();
  expect(shown.said({ position: '4' })).toEqual({ colour: 'kind' });
  expect(shown.position).toBe(4);
  shown.mean = true;
  expect(shown.settings.said).toMatchObject({ mean: '1', position: '4' });
  const closed = settings({ a: 0 }, { a: whole() }, () => false);
  closed.enter(link({ a: '3' }), RUN);
  expect(closed.said).toEqual({});
});

it('has a usual value of its own where the field begins with another one', () => {
  const place: { step: number | null } = { step: 100 };
  const both = joined(
    settings(place, { step: checkpoint.or(null) }),
    settings(
      { a: 1 },
      {
        a: mapped(
          whole(),
          (a) => a + 1,
          (a) => a - 1,
        ),
      },
    ),
  );
  expect(both.said).toEqual({ step: '100' });
  both.enter(link({ step: '150', a: '4' }), RUN); // 150 was not recorded
  expect([place.step, both.said]).toEqual([null, { a: '4' }]);
});

it('may have a word for nothing', () => {
  const tint: { tint: string | null } = { tint: 'entropy' };
  const said = settings(tint, {
    tint: text().none('none'),
  });
  said.enter(link({ tint: 'none' }), RUN);
  expect([tint.tint, said.said]).toEqual([null, { tint: 'none' }]);
});
