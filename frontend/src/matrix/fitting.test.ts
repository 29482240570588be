import { expect, it } from 'vitest';
import { callsOf } from './calls';
import { fitting, widthOf } from './fitting';

const USUAL = { letter: 5, rim: 8 };

it('is what says most of what fits, or a beginning', () => {
  const said = ['previous token · local', 'previous token, 1 more', 'previous token', 'previous'];
  const of = (room: number) => fitting(said, room, USUAL);
  expect([118, 117, 77, 47, 38, 37].map(of)).toEqual([
    'previous token · local',
    'previous token',
    'previous',
    'previo…',
    'previ…',
    '',
  ]);
  expect(fitting([], 100, USUAL)).toBe('');
});

it('is never nothing in a larger cell where it is something in a smaller one', () => {
  for (const title of [
    'same token elsewhere',
    'fixed distance or induction',
    'induction',
    '11 tokens back',
  ]) {
    const said = callsOf({ title, also: ['first token'], why: [], findings: [] });
    let least = '';
    for (let room = 20; room < 260; room++) {
      const told = fitting(said, room, USUAL);
      if (least) expect(told, `${title} at ${room}`).not.toBe('');
      expect(widthOf(told, USUAL)).toBeLessThanOrEqual(Math.max(8, room));
      least = told;
    }
  }
});
