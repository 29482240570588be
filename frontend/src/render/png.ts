/** A small picture as a PNG file: 8 bits a pixel, numbers of colours in a table; the first colour is clear. */

/** @param pixels numbers of colours [height, width]
 * @param colours RGBA bytes [256, 4] */
export function pngDataUrl(width: number, height: number, pixels: Uint8Array, colours: Uint8Array): string {
  const rows = new Uint8Array(height * (width + 1)); // each begins with its filter: none
  for (let row = 0; row < height; row++) {
    rows.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  const table = Uint8Array.from({ length: 3 * 256 }, (_, i) => colours[4 * Math.floor(i / 3) + (i % 3)] ?? 0);
  const header = [...big(width), ...big(height), 8, 3, 0, 0, 0];
  const file = [
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    chunk('IHDR', header),
    chunk('PLTE', [...table]),
    chunk('tRNS', [0]),
    chunk('IDAT', stored(rows)),
    chunk('IEND', []),
  ].flat();
  return `data:image/png;base64,${btoa(String.fromCharCode(...file))}`;
}

/** A zlib stream that packs nothing: what is so small is not worth it. */
function stored(bytes: Uint8Array): number[] {
  const stream = [0x78, 0x01];
  for (let at = 0; at < bytes.length; at += 0xffff) {
    const part = bytes.subarray(at, at + 0xffff);
    const length = part.length;
    stream.push(Number(at + length === bytes.length));
    stream.push(length & 255, length >> 8, ~length & 255, (~length >> 8) & 255, ...part);
  }
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return [...stream, ...big(b * 65536 + a)];
}

function chunk(name: string, content: readonly number[]): number[] {
  const named = [...name].map((letter) => letter.charCodeAt(0)).concat(content);
  return [...big(content.length), ...named, ...big(checksum(named))];
}

/** CRC-32. */
function checksum(bytes: readonly number[]): number {
  let found = 0xffffffff;
  for (const byte of bytes) {
    found ^= byte;
    for (let bit = 0; bit < 8; bit++) found = (found >>> 1) ^ (found & 1 ? 0xedb88320 : 0);
  }
  return ~found >>> 0;
}

function big(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
