import { SourceError } from './source';

/** A page's pieces of data, as tb_attnviz/export/packing.py packs them: gzip in base64, two bytes a number. */

const STEPS = 32767;
const WEIGHT_STEPS = 65535;

/** @returns what was packed */
export async function unpack(text: string): Promise<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  try {
    return await new Response(stream).arrayBuffer();
  } catch {
    throw new SourceError('This page is damaged: a part of its data cannot be unpacked. Fetch it again.');
  }
}

export interface Unpacked<Header> {
  readonly header: Header;
  readonly data: Float32Array;
}

export interface PointsHeader {
  readonly shape: readonly number[];
  readonly scale: number;
  readonly notes: Readonly<Record<string, string>>;
}

/** int16 of its scale; the least one is NaN. */
export function readPoints(buffer: ArrayBuffer): Unpacked<PointsHeader> {
  const { header, view, start } = open<PointsHeader>(buffer);
  const data = new Float32Array((buffer.byteLength - start) / 2);
  for (let i = 0; i < data.length; i++) {
    const whole = view.getInt16(start + 2 * i, true);
    data[i] = whole < -STEPS ? Number.NaN : (whole * header.scale) / STEPS;
  }
  return { header, data };
}

export interface WeightsHeader {
  /** Of the arrays that lie one after the other. */
  readonly shapes: readonly (readonly [number, number])[];
}

/** uint16 of 1. */
export function readWeights(buffer: ArrayBuffer): Unpacked<WeightsHeader> {
  const { header, view, start } = open<WeightsHeader>(buffer);
  const data = new Float32Array((buffer.byteLength - start) / 2);
  for (let i = 0; i < data.length; i++) data[i] = view.getUint16(start + 2 * i, true) / WEIGHT_STEPS;
  return { header, data };
}

function open<Header>(buffer: ArrayBuffer): { header: Header; view: DataView; start: number } {
  const view = new DataView(buffer);
  const start = 4 + view.getUint32(0, true);
  return { header: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4))), view, start };
}
