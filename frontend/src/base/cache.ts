/** Keeps the arrays used last, up to a number of bytes: scrubbing back asks the server for nothing. */
export class ArrayCache {
  private readonly entries = new Map<string, Float32Array>();
  private bytes = 0;

  /** @param capacity bytes; may grow later */
  constructor(public capacity: number) {}

  get size(): number {
    return this.bytes;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  get(key: string): Float32Array | null {
    const data = this.entries.get(key);
    if (data === undefined) return null;
    // A Map lists its keys in the order of insertion, so inserting again makes this one the youngest.
    this.entries.delete(key);
    this.entries.set(key, data);
    return data;
  }

  set(key: string, data: Float32Array): void {
    this.drop(key);
    this.entries.set(key, data);
    this.bytes += data.byteLength;
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= this.capacity || oldest === key) break;
      this.drop(oldest);
    }
  }

  clear(): void {
    this.entries.clear();
    this.bytes = 0;
  }

  private drop(key: string): void {
    const data = this.entries.get(key);
    if (data === undefined) return;
    this.entries.delete(key);
    this.bytes -= data.byteLength;
  }
}
