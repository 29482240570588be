import { sleep } from '../base/sleep';
import { type DataSource, LostError, SilentError, SourceError } from '../run/source';

/** Milliseconds between two looks at a server that does not answer, at first and at most. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 3000;
/** How often what breaks off is asked for while the server is well. */
const TRIES = 3;
/** Milliseconds for which a server that is back may still be reading its log directory. */
const SETTLING = 15_000;

/** Waits for a server that does not answer, and for a run that is not listed, and asks again when they are back. */
export class Connection {
  /** Whether the server did not answer when it was last asked. */
  lost = $state(false);
  private settled = 0;
  private look: { readonly began: number; readonly listed: Promise<ReadonlySet<string> | null> } | null =
    null;

  /** @param source says which runs there are */
  constructor(private readonly source: Pick<DataSource, 'runs'>) {}

  /** The answer, however long the server, or the run that it is about, is away.
   * @param run null: the answer is about no run
   * @throws what the server refuses while it is well and has the run */
  async ask<T>(run: string | null, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await work();
        this.found();
        return answer;
      } catch (error) {
        if (signal?.aborted || !(error instanceof SourceError)) throw error;
        const broken = error instanceof LostError;
        if (error instanceof SilentError) this.lost = true; // one has waited long enough to be told
        if (!broken && (run === null || error.status === null)) throw error;
        if (await this.back(run, signal)) tries = 0;
        else if (broken ? tries >= TRIES : Date.now() > this.settled) throw error;
        else await sleep(LONGEST_WAIT / 2, signal);
      }
    }
  }

  /** Returns once the server lists the run, and whether one had to wait for it. */
  private async back(run: string | null, signal: AbortSignal | undefined): Promise<boolean> {
    for (let wait = 0; ; wait = Math.min(Math.max(FIRST_WAIT, 1.5 * wait), LONGEST_WAIT)) {
      if (wait > 0) await sleep(wait, signal);
      const listed = await this.listed();
      if (listed !== 'lost' && (run === null || listed === null || listed.has(run))) return wait > 0;
    }
  }

  /** The runs that there are; null: the server is well, and does not say. All who wait look together. */
  private async listed(): Promise<ReadonlySet<string> | null | 'lost'> {
    const now = Date.now();
    if (!this.look || now - this.look.began >= FIRST_WAIT) {
      const listed = this.source.runs().then(
        ({ runs }) => new Set(runs.map(({ run }) => run)),
        (error: unknown) => {
          if (error instanceof LostError) throw error;
          return null;
        },
      );
      this.look = { began: now, listed };
    }
    try {
      const listed = await this.look.listed;
      this.found();
      return listed;
    } catch {
      this.lost = true;
      return 'lost';
    }
  }

  private found(): void {
    if (!this.lost) return;
    this.lost = false;
    this.settled = Date.now() + SETTLING;
  }
}
