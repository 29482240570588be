import type { Feature } from '../run/feature';
import type { Dims } from '../run/pictures';
import {
  addressKey,
  DEFAULT_PROJECTION,
  isSlow,
  type Projection,
  readProjection,
  writeProjection,
} from '../run/projection';
import { checkpoint, choice, type Link, type Said, type Settings, settings, word } from '../run/setting';
import type { Offers } from '../run/source';
import type { Run } from '../run/types';

interface Needs {
  readonly steps: readonly number[];
  readonly pinned: number | null;
}

/** The axes that points are shown in: the projection, and the frame that it keeps over the steps. */
export class Axes implements Feature {
  projection = $state.raw<Projection>(DEFAULT_PROJECTION);
  dims = $state<Dims>(2);
  /** The step up to which the frame is fitted. */
  frame = $state<number | null>(null);
  refitLive = $state(false);
  /** Whether the user has stopped a slow projection of the matrix; the opened head is made all the same. */
  stopped = $state(false);

  readonly settings: Settings = settings<Axes>(this, {
    frame: checkpoint.or(null).when(() => this.framed),
    refitLive: word('live', true).as('refit'),
    dims: choice<Dims>([2, 3]),
  });

  /** @param offers what there is, where nothing is made */
  constructor(
    private readonly playback: Needs,
    private readonly offers: () => Offers | undefined = () => undefined,
  ) {}

  readonly slow: boolean = $derived(isSlow(this.projection));
  readonly newest: number | null = $derived.by(() => this.playback.steps.at(-1) ?? null);
  /** Checkpoints that came after the frame. */
  readonly newer: number = $derived.by(
    () => this.playback.steps.filter((step) => this.frame !== null && step > this.frame).length,
  );

  enter(link: Link, run: Run): void {
    this.projection = this.offered(readProjection(link));
    this.stopped = false;
    if (this.offers()?.dims.includes(this.dims) === false) this.dims = 2;
    this.frame ??= run.steps.at(-1) ?? null;
  }

  get link(): Said {
    return writeProjection(this.projection);
  }

  leave(): void {
    this.frame = null;
  }

  /** Another method, or other parameters of it. */
  project(change: Partial<Projection>): void {
    this.projection = { ...this.projection, ...change };
    this.stopped = false;
  }

  refit(): void {
    this.frame = this.newest;
  }

  /** Whether a link names the frame: not one that follows the newest step. */
  private get framed(): boolean {
    return !this.refitLive && (this.playback.pinned !== null || this.frame !== this.newest);
  }

  /** The projection that is meant, or the first one that there is. */
  private offered(meant: Projection): Projection {
    const offers = this.offers();
    const [first = meant] = offers?.projections ?? [];
    const found = offers?.projections.find((one) => addressKey(one) === addressKey(meant));
    return offers ? (found ?? first) : meant;
  }
}
