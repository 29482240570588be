/** Keeps what was used last, up to a size: scrubbing back asks the server for nothing. */
export class Cache<T> {
  private readonly entries = new Map<string, T>();
  private held = 0;

  /** @param capacity may grow later
   * @param sizeOf in the capacity's unit */
  constructor(
    public capacity: number,
    private readonly sizeOf: (entry: T) => number,
  ) {}

  get size(): number {
    return this.held;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  get(key: string): T | null {
    const entry = this.entries.get(key);
    if (entry === undefined) return null;
    // A Map lists its keys in the order of insertion, so inserting again makes this one the youngest.
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }

  set(key: string, entry: T): void {
    this.drop(key);
    this.entries.set(key, entry);
    this.held += this.sizeOf(entry);
    for (const oldest of this.entries.keys()) {
      if (this.held <= this.capacity || oldest === key) break;
      this.drop(oldest);
    }
  }

  clear(): void {
    this.entries.clear();
    this.held = 0;
  }

  private drop(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.held -= this.sizeOf(entry);
  }
}
