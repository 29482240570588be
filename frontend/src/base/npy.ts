/** NumPy's array file, as far as it is used here: little-endian, C order; read are float32, bytes, and header versions 1 and 2. */

export interface NpyArray {
  readonly shape: readonly number[];
  /** A view into the answer's own bytes wherever its alignment allows. */
  readonly data: Float32Array;
}

/** An array of bytes. */
export interface NpyBytes {
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

export function parseNpy(buffer: ArrayBuffer): NpyArray {
  const { shape, start, length } = parseHead(buffer, '<f4', 'float32', 4);
  const data =
    start % 4 === 0 ? new Float32Array(buffer, start, length) : new Float32Array(buffer.slice(start));
  return { shape, data };
}

/** The same of a file of uint8. */
export function parseNpyBytes(buffer: ArrayBuffer): NpyBytes {
  const { shape, start, length } = parseHead(buffer, '|u1', 'uint8', 1);
  return { shape, data: new Uint8Array(buffer, start, length) };
}

/** What the file is of, and where its numbers begin.
 * @param size bytes of a number */
function parseHead(
  buffer: ArrayBuffer,
  type: string,
  called: string,
  size: number,
): { readonly shape: readonly number[]; readonly start: number; readonly length: number } {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new Error('The server’s answer is not a .npy file.');
  }
  const version = bytes[6];
  if (version !== 1 && version !== 2) {
    throw new Error(`The .npy header has version ${version}; versions 1 and 2 can be read.`);
  }
  const view = new DataView(buffer);
  const headerStart = version === 1 ? 10 : 12;
  if (bytes.length < headerStart) throw new Error('The .npy file ends inside its header.');
  const start = headerStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < start) throw new Error('The .npy file ends inside its header.');
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerStart, start));
  const shape = parseHeader(header, type, called);

  const length = shape.reduce((product, side) => product * side, 1);
  const found = bytes.length - start;
  if (found !== size * length) {
    const promised = `${shape.join(' × ')} ${size === 4 ? 'floats' : 'bytes'}`;
    throw new Error(`The .npy file promises ${promised} but holds ${found} bytes of data.`);
  }
  return { shape, start, length };
}

/** The header is a Python dict literal; NumPy writes its three keys in one fixed form. */
function parseHeader(header: string, type: string, called: string): number[] {
  const dtype = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (dtype === undefined || order === undefined || shape === undefined) {
    throw new Error(`The .npy header cannot be read: ${header.trim()}`);
  }
  if (dtype !== type) throw new Error(`The .npy file holds ${dtype}; only ${type} (${called}) can be read.`);
  if (order !== 'False') throw new Error('The .npy file is in Fortran order; only C order can be read.');
  return shape
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
}

/** @returns the file of a float32 array */
export function writeNpy({ shape, data }: NpyArray): Uint8Array<ArrayBuffer> {
  const file = npyFile("'<f4'", shape, 4 * data.length);
  const view = new DataView(file.bytes.buffer);
  data.forEach((value, i) => {
    view.setFloat32(file.start + 4 * i, value, true);
  });
  return file.bytes;
}

/** A field of a record: whole numbers are int64. */
export interface NpyField {
  readonly name: string;
  readonly whole: boolean;
}

/** @returns the file of a structured array, [rows]: `array['name']` is a column */
export function writeNpyRecords(
  fields: readonly NpyField[],
  rows: readonly (readonly number[])[],
): Uint8Array<ArrayBuffer> {
  const types = fields.map(({ name, whole }) => `(${literal(name)}, '${whole ? '<i8' : '<f4'}')`);
  const size = fields.reduce((sum, { whole }) => sum + (whole ? 8 : 4), 0);
  const file = npyFile(
    `[${types.join(', ')}${types.length === 1 ? ',' : ''}]`,
    [rows.length],
    size * rows.length,
  );
  const view = new DataView(file.bytes.buffer);
  let at = file.start;
  for (const row of rows) {
    fields.forEach(({ whole }, i) => {
      const value = row[i] ?? Number.NaN;
      if (whole) view.setBigInt64(at, BigInt(Math.trunc(value)), true);
      else view.setFloat32(at, value, true);
      at += whole ? 8 : 4;
    });
  }
  return file.bytes;
}

/** A text as Python writes it in its own code. */
function literal(text: string): string {
  const signs: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' };
  return `'${text.replace(/[\\'\n\r]/g, (sign) => signs[sign] ?? `\\${sign}`)}'`;
}

/** The header of version 1.0, or of 2.0 where it is long, or of 3.0, which is UTF-8, where it needs more than Latin-1 can
 * say; and room for the data behind it. */
function npyFile(
  type: string,
  shape: readonly number[],
  bytes: number,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly start: number } {
  const text = `{'descr': ${type}, 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const wide = /[^\0-\xff]/.test(text);
  const said = wide ? new TextEncoder().encode(text) : Uint8Array.from(text, (sign) => sign.charCodeAt(0));
  const long = wide || said.length > 65000;
  const begin = long ? 12 : 10;
  // NumPy pads so that the data begins at a multiple of 64 bytes.
  const start = Math.ceil((begin + said.length + 1) / 64) * 64;
  const file = new Uint8Array(start + bytes);
  file.set([...MAGIC, wide ? 3 : long ? 2 : 1, 0]);
  const view = new DataView(file.buffer);
  if (long) view.setUint32(8, start - begin, true);
  else view.setUint16(8, start - begin, true);
  file.fill(0x20, begin + said.length, start - 1); // blanks
  file[start - 1] = 0x0a;
  file.set(said, begin);
  return { bytes: file, start };
}
