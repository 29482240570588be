import { describe, expect, it } from 'vitest';
import { parseNpy, parseNpyBytes, writeNpyRecords } from './npy';

/** A .npy file as numpy.lib.format writes it: the header padded so that data starts at a multiple of 64. */
function npy(header: string, values: readonly number[], version: 1 | 2 = 1): ArrayBuffer {
  const prefix = version === 1 ? 10 : 12;
  const padded = `${header.padEnd(Math.ceil((prefix + header.length + 1) / 64) * 64 - prefix - 1)}\n`;
  const bytes = new Uint8Array(prefix + padded.length + 4 * values.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, padded.length, true);
  else view.setUint32(8, padded.length, true);
  bytes.set(new TextEncoder().encode(padded), prefix);
  values.forEach((value, i) => {
    view.setFloat32(prefix + padded.length + 4 * i, value, true);
  });
  return bytes.buffer;
}

const header = (shape: string, descr = '<f4', order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe('parseNpy', () => {
  it('reads shape and values, for header versions 1 and 2', () => {
    for (const version of [1, 2] as const) {
      const { shape, data } = parseNpy(npy(header('(2, 3)'), [1, 2, 3, 4, 5, Number.NaN], version));
      expect(shape).toEqual([2, 3]);
      expect([...data]).toEqual([1, 2, 3, 4, 5, Number.NaN]);
    }
  });

  it('views the answer’s bytes instead of copying them', () => {
    const buffer = npy(header('(3,)'), [1, 2, 3]);
    expect(parseNpy(buffer).data.buffer).toBe(buffer);
  });

  it('reads empty and scalar shapes', () => {
    expect(parseNpy(npy(header('(0, 4, 2)'), [])).shape).toEqual([0, 4, 2]);
    expect(parseNpy(npy(header('()'), [7])).data[0]).toBe(7);
  });

  it('reads bytes too, and takes neither for the other', () => {
    const buffer = npy(header('(2, 4)', '|u1'), [0, 1]);
    const { shape, data } = parseNpyBytes(buffer);
    expect(shape).toEqual([2, 4]);
    expect([...data]).toEqual([...new Uint8Array(Float32Array.of(0, 1).buffer)]);
    expect(() => parseNpy(buffer)).toThrow('only <f4 (float32)');
    expect(() => parseNpyBytes(npy(header('(1,)'), [1]))).toThrow('only |u1 (uint8)');
    expect(() => parseNpyBytes(npy(header('(3,)', '|u1'), [1]))).toThrow('promises 3 bytes but holds 4');
  });

  it('says what is wrong with what it cannot read', () => {
    expect(() => parseNpy(new TextEncoder().encode('<!doctype html>').buffer)).toThrow('not a .npy file');
    expect(() => parseNpy(npy(header('(1,)', '<f8'), [1]))).toThrow('only <f4 (float32)');
    expect(() => parseNpy(npy(header('(1,)', '<f4', 'True'), [1]))).toThrow('Fortran order');
    expect(() => parseNpy(npy(header('(2, 3)'), [1, 2]))).toThrow('promises 2 × 3 floats but holds 8 bytes');
  });
});

describe('writeNpyRecords', () => {
  it.each([
    ["the verb's", 1, 'latin1', "('the verb\\'s', '<f4')"],
    ['back\\slash é', 1, 'latin1', "('back\\\\slash é', '<f4')"],
    ['de → à', 3, 'utf-8', "('de → à', '<f4')"],
  ])('writes the name %j as Python does', (name, version, encoding, expected) => {
    const bytes = writeNpyRecords(
      [
        { name: 'layer', whole: true },
        { name, whole: false },
      ],
      [[3, 0.5]],
    );
    const view = new DataView(bytes.buffer);
    const [begin, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
    const header = new TextDecoder(encoding).decode(bytes.subarray(begin, begin + length));
    expect([bytes[6], (begin + length) % 64, header.endsWith('\n')]).toEqual([version, 0, true]);
    expect(header).toContain(`[('layer', '<i8'), ${expected}]`);
    expect([view.getBigInt64(begin + length, true), view.getFloat32(begin + length + 8, true)]).toEqual([
      3n,
      0.5,
    ]);
    expect(bytes.length).toBe(begin + length + 12);
  });
});
