import { SourceError } from '../run/source';

/** A page's pieces of data, as tb_attnviz/export/packing.py packs them: gzip in base64, two bytes a number. */

const STEPS = 32767;
const WEIGHT_STEPS = 65534;

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

interface Unpacked<Header> {
  readonly header: Header;
  readonly data: Float32Array;
}

interface PointsHeader {
  readonly shape: readonly number[];
  readonly scale: number;
  readonly notes: Readonly<Record<string, string>>;
}

/** int16 of its scale; the least one is NaN. */
export function readPoints<Header extends Pick<PointsHeader, 'scale'> = PointsHeader>(
  buffer: ArrayBuffer,
): Unpacked<Header> {
  const { header, view, start } = open<Header>(buffer);
  const data = new Float32Array((buffer.byteLength - start) / 2);
  for (let i = 0; i < data.length; i++) {
    const whole = view.getInt16(start + 2 * i, true);
    data[i] = whole < -STEPS ? Number.NaN : (whole * header.scale) / STEPS;
  }
  return { header, data };
}

export interface ChangesHeader extends Omit<PointsHeader, 'notes'> {
  /** The earlier step of each row. */
  readonly since: readonly number[];
}

interface WeightsHeader {
  /** Of the arrays that lie one after the other. */
  readonly shapes: readonly (readonly [number, number])[];
}

/** uint16 of 1; the greatest one is NaN. */
export function readWeights(buffer: ArrayBuffer): Unpacked<WeightsHeader> {
  const { header, view, start } = open<WeightsHeader>(buffer);
  const data = new Float32Array((buffer.byteLength - start) / 2);
  for (let i = 0; i < data.length; i++) {
    const whole = view.getUint16(start + 2 * i, true);
    data[i] = whole > WEIGHT_STEPS ? Number.NaN : whole / WEIGHT_STEPS;
  }
  return { header, data };
}

/** float16 of its scale. */
export function readFigures(buffer: ArrayBuffer): Unpacked<Omit<PointsHeader, 'notes'>> {
  const { header, view, start } = open<PointsHeader>(buffer);
  const data = new Float32Array((buffer.byteLength - start) / 2);
  for (let i = 0; i < data.length; i++) data[i] = header.scale * half(view.getUint16(start + 2 * i, true));
  return { header, data };
}

/** A float16 by its bits: a sign, 5 of an exponent, 10 of a fraction. */
function half(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
}

function open<Header>(buffer: ArrayBuffer): { header: Header; view: DataView; start: number } {
  const view = new DataView(buffer);
  const start = 4 + view.getUint32(0, true);
  return { header: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4))), view, start };
}
