import { describe, expect, it } from 'vitest';
import { indexTokens } from '../run/places';
import { pack, rectangles } from './packing';
import { imagesOf } from './probe_images';

describe('images in one texture', () => {
  it('lie in rows of equal cells, at their own size where that fits', () => {
    const { width, height, boxes } = pack([
      { width: 30, height: 40 },
      null,
      { width: 40, height: 20 },
      { width: 10, height: 10 },
    ]);
    expect([width, height]).toEqual([80, 80]);
    expect(boxes).toEqual([
      { left: 0, top: 0, width: 30, height: 40 },
      null,
      { left: 40, top: 0, width: 40, height: 20 },
      { left: 0, top: 40, width: 10, height: 10 },
    ]);
  });

  it('are made smaller, all by one factor, until they fit', () => {
    const { width, height, boxes } = pack(
      Array.from({ length: 9 }, () => ({ width: 50, height: 50 })),
      100,
    );
    expect([width, height]).toEqual([99, 99]);
    expect(boxes[4]).toEqual({ left: 33, top: 33, width: 33, height: 33 });
    const many = pack(Array.from({ length: 512 }, () => ({ width: 512, height: 384 })));
    expect(Math.max(many.width, many.height)).toBeLessThanOrEqual(4096);
    const last = many.boxes.at(-1);
    expect((last?.top ?? 0) + (last?.height ?? 0)).toBeLessThanOrEqual(many.height);
  });

  it('give each token its patch, and none to what has no place', () => {
    const image = {
      kind: 'image',
      tokens: ['[CLS]', 'r0c0', 'r0c1'],
      repeat: null,
      grid: { rows: 1, columns: 2 },
      places: [null, [0, 0], [0, 1]] as const,
      image: { width: 8, height: 6 },
    };
    const text = { kind: 'text', tokens: ['a'], repeat: null };
    const index = indexTokens({ run: 'run', sequences: [image, text, image] });
    const packing = pack([image.image, null, image.image]);
    const found = rectangles(index, packing);
    const first = [0, 0, 0, 0, 0, 0, 4, 6, 4, 0, 8, 6];
    const second = [0, 0, 0, 0, 0, 6, 4, 12, 4, 6, 8, 12]; // below the first one: 8 × 12 is less of a strip than 16 × 6
    expect([...found]).toEqual([...first, 0, 0, 0, 0, ...second]);
  });

  it('are of both sides of a sequence', () => {
    const image = {
      kind: 'image',
      tokens: ['r0c0'],
      repeat: null,
      grid: { rows: 1, columns: 1 },
      places: [[0, 0]] as const,
      image: { width: 4, height: 4 },
    };
    const text = { kind: 'text', tokens: ['a', 'b'], repeat: null, key_tokens: image };
    const sides = [
      { of: 'tokens', grid: null, first: 0, tokens: 2 },
      { of: 'key_tokens', grid: null, first: 2, tokens: 1 },
    ] as const;
    const images = imagesOf([text]);
    expect(images).toEqual([null, { sequence: 0, side: 'key_tokens', width: 4, height: 4 }]);
    const found = rectangles(indexTokens({ run: 'run', sequences: [text] }, sides), pack(images));
    expect([...found]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4]); // words have none
  });
});
