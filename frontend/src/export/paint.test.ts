import { expect, it } from 'vitest';
import { painted, paintOf, stopsOf } from './paint';

it('reads the colours that a browser computes', () => {
  expect(paintOf('rgb(0, 158, 115)')).toEqual({ code: '#009e73', opacity: 1 });
  expect(paintOf('rgba(0, 0, 0, 0.06)')).toEqual({ code: '#000000', opacity: 0.06 });
  expect(paintOf('color(srgb 1 0.5 0 / 0.25)')).toEqual({ code: '#ff8000', opacity: 0.25 });
  expect(painted('fill', 'none')).toBe('fill="none"');
  expect(painted('stroke', 'rgb(1, 2, 3)', 0.5)).toBe('stroke="#010203" stroke-opacity="0.5"');
});

it('finds the colours of a gradient', () => {
  expect(stopsOf('linear-gradient(90deg, rgb(1, 2, 3), rgba(4, 5, 6, 0.5))')).toEqual([
    'rgb(1, 2, 3)',
    'rgba(4, 5, 6, 0.5)',
  ]);
  expect(stopsOf('none')).toEqual([]);
});
