/** NumPy's array file, as far as the routes use it: float32, little-endian, C order, header version 1 or 2. */

export interface NpyArray {
  readonly shape: readonly number[];
  /** A view into the answer's own bytes wherever its alignment allows. */
  readonly data: Float32Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

export function parseNpy(buffer: ArrayBuffer): NpyArray {
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
  const dataStart = headerStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < dataStart) throw new Error('The .npy file ends inside its header.');
  const shape = parseHeader(new TextDecoder('latin1').decode(bytes.subarray(headerStart, dataStart)));

  const length = shape.reduce((product, size) => product * size, 1);
  const found = bytes.length - dataStart;
  if (found !== 4 * length) {
    throw new Error(`The .npy file promises ${shape.join(' × ')} floats but holds ${found} bytes of data.`);
  }
  const data =
    dataStart % 4 === 0
      ? new Float32Array(buffer, dataStart, length)
      : new Float32Array(buffer.slice(dataStart));
  return { shape, data };
}

/** The header is a Python dict literal; NumPy writes its three keys in one fixed form. */
function parseHeader(header: string): number[] {
  const dtype = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (dtype === undefined || order === undefined || shape === undefined) {
    throw new Error(`The .npy header cannot be read: ${header.trim()}`);
  }
  if (dtype !== '<f4') throw new Error(`The .npy file holds ${dtype}; only <f4 (float32) can be read.`);
  if (order !== 'False') throw new Error('The .npy file is in Fortran order; only C order can be read.');
  return shape
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
}
