/** Whether this browser has seen the hint. TensorBoard's pages share one storage, so the name says whose it is. */
const KEY = 'tb-attnviz.introduced';
export const STEPS = 3;

/** The hint that explains the picture on the first visit, and never again unless it is asked for. */
export class Introduction {
  /** The step that is shown, from 0 on; null: the hint is closed. */
  step = $state<number | null>(null);

  /** @param storage of the browser; null where it is blocked: the hint is then shown once a page */
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'> | null) {}

  /** Shows it to who has not seen it. */
  offer(): void {
    if (this.offered) return;
    this.offered = true;
    if (!this.read()) this.start();
  }

  start(): void {
    this.step = 0;
    this.write();
  }

  /** One step on or back; past the last one it closes. */
  go(by: 1 | -1): void {
    if (this.step === null) return;
    const next = Math.max(0, this.step + by);
    this.step = next < STEPS ? next : null;
  }

  close(): void {
    this.step = null;
  }

  private offered = false;

  private read(): boolean {
    try {
      return (this.storage?.getItem(KEY) ?? null) !== null;
    } catch {
      return false;
    }
  }

  private write(): void {
    try {
      this.storage?.setItem(KEY, '1');
    } catch {
      // A full or blocked storage: the hint comes again with the next page.
    }
  }
}

/** The browser's storage; merely touching it throws where cookies are blocked. */
export function browserStorage(own: Window): Storage | null {
  try {
    return own.localStorage ?? null;
  } catch {
    return null;
  }
}
