import { expect, it } from 'vitest';
import { lightHits } from './hits';

it('lights hits in the hue of their term, marked ones and the selected one larger, and nothing else', () => {
  const styles = Uint8Array.from([1, 2, 3, 1, 1, 2, 3, 1, 1, 2, 3, 3, 1, 2, 3, 1]);
  const hues = [
    [1, 0, 0],
    [0, 0, 1],
  ] as const;
  lightHits(styles, Uint8Array.of(1, 0, 1, 2), hues, new Set([3]));
  expect([...styles]).toEqual([255, 0, 0, 4, 1, 2, 3, 1, 255, 0, 0, 5, 0, 0, 255, 5]);
});
