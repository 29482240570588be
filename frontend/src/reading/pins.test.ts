import { expect, it } from 'vitest';
import { formatPins, parsePins, pinned } from './pins';

it('is written into the address and read back, each pin once, three at most', () => {
  const pins = [{ step: 200 }, { head: { layer: 1, head: 4 } }];
  expect(formatPins(pins)).toBe('s200_1-4');
  expect(parsePins('s200_1-4_s200')).toEqual(pins);
  expect(parsePins('s1_s2_s3_s4').length).toBe(3);
  expect(parsePins('x_1-_s')).toEqual([]);
  expect(parsePins(undefined)).toEqual([]);
});

it('follows the head or the step that it does not name', () => {
  const head = { layer: 0, head: 2 };
  expect(pinned({ step: 200 }, 900, head)).toEqual({ step: 200, layer: 0, head: 2 });
  expect(pinned({ head: { layer: 5, head: 1 } }, 900, head)).toEqual({ step: 900, layer: 5, head: 1 });
});
