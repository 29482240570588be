import { untrack } from 'svelte';
import type { Feature } from '../run/feature';
import type { Findings, NamedHead, RunEvent } from '../run/findings';
import type { HeadPlace } from '../run/head';
import { type DataSource, isAbort, sentence } from '../run/source';
import type { Run } from '../run/types';

/** Checkpoints whose names are fetched ahead, and answers that are waited for at once beside that of the shown step. */
const AHEAD = 2;
const WAITED = 1;
/** Heads of all steps whose names are kept; those of the shown step always are. */
const KEPT = 30_000;

interface Needs {
  readonly data: { readonly run: Run | null; readonly source: Pick<DataSource, 'findings'> };
  /** Which checkpoint is shown, and which is next. */
  readonly playback: {
    readonly steps: readonly number[];
    readonly index: number;
    readonly step: number | null;
    readonly playing: boolean;
    readonly following: boolean;
    upcoming(count: number): readonly number[];
  };
}

/** What the heads are called at one step. */
type Names = Omit<Findings, 'events'>;

/** What the heads of the shown run are called at the shown step. Names of the steps that may come next are fetched before. */
export class HeadNames implements Feature {
  /** By step; the one that was looked at last is the last. */
  private readonly held = new Map<number, { readonly names: Names; readonly of: Run }>();
  private readonly errors = new Map<number, string>();
  private readonly running = new Map<number, AbortController>();
  private wanted: readonly number[] = [];
  /** The run that is asked about, as it was listed last. */
  private run: Run | null = null;
  private told = $state.raw<{ readonly run: string; readonly events: readonly RunEvent[] } | null>(null);
  /** Grows with all that comes and goes: what is read here changes then. */
  private changes = $state(0);

  constructor(private readonly session: Needs) {}

  /** Null while those of this step are on their way: a head has no other step's name. */
  readonly findings: Names | null = $derived.by(() => {
    const { data, playback } = this.session;
    const { names } = (this.changes >= 0 && this.held.get(playback.step ?? -1)) || {};
    return names && names.run === data.run?.run ? names : null;
  });
  /** All that happened in the shown run, whichever step it was told with; null before that is known. */
  readonly events: readonly RunEvent[] | null = $derived.by(() =>
    this.told && this.told.run === this.session.data.run?.run ? this.told.events : null,
  );
  /** Why those of the shown step are not known. */
  readonly error: string | null = $derived.by(
    () => (this.changes >= 0 && this.errors.get(this.session.playback.step ?? -1)) || null,
  );
  /** Cells are drawn again when their names come. */
  readonly busy: boolean = $derived.by(
    () => this.changes >= 0 && this.running.has(this.session.playback.step ?? -1),
  );

  of({ layer, head }: HeadPlace): NamedHead | null {
    const { findings } = this;
    return (findings && layersOf(findings)[layer]?.[head]) || null;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.want([]);
    this.held.clear();
    this.errors.clear();
    this.run = null;
    this.told = null;
    this.changes++;
  }

  /** What heads were called, and what happened, is of the training that was discarded. */
  forget(): void {
    const { wanted, run } = this;
    this.leave();
    this.run = run;
    this.want(wanted);
  }

  /** Asked for again whenever there is more of the run. */
  private follow(): void {
    const { run } = this.session.data;
    const { step, steps, index, playing, following } = this.session.playback;
    if (!run || run.error !== null || step === null) return;
    const around = Array.from({ length: AHEAD }, (_, i) => [index + 1 + i, index - 1 - i]).flat();
    const next = playing ? this.session.playback.upcoming(AHEAD) : following ? [] : around;
    const wanted = [step, ...next.map((at) => steps[at]).filter((at) => at !== undefined)];
    untrack(() => {
      if (this.run?.run !== run.run) this.leave();
      if (this.run !== run) this.want([]); // what is under way was asked of less than there is now
      this.run = run;
      if (this.wanted[0] !== step) this.errors.delete(step);
      this.want([...new Set(wanted)]);
    });
  }

  /** From now on the names at these steps are wanted, those of the first one at once. */
  private want(steps: readonly number[]): void {
    this.wanted = steps;
    for (const [step, controller] of this.running) {
      if (steps.includes(step)) continue;
      controller.abort();
      this.running.delete(step);
    }
    this.fill();
    this.changes++;
  }

  private fill(): void {
    const { wanted, running, run } = this;
    wanted.forEach((step, place) => {
      const settled = this.held.get(step)?.of === run || this.errors.has(step) || running.has(step);
      const others = [...running.keys()].filter((one) => one !== wanted[0]).length;
      if (run && !settled && (place === 0 || others < WAITED)) void this.fetch(step, run);
    });
  }

  private async fetch(step: number, run: Run): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(step, controller);
    try {
      const { events, ...names } = await this.session.data.source.findings(
        { run: run.run, step },
        { signal },
      );
      if (!signal.aborted) this.keep(step, run, names, events);
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) this.errors.set(step, sentence(error));
    }
    if (signal.aborted) return;
    this.running.delete(step);
    this.fill();
    this.changes++;
  }

  private keep(step: number, of: Run, names: Names, events: readonly RunEvent[]): void {
    this.told = { run: names.run, events };
    this.errors.delete(step);
    this.held.delete(step);
    this.held.set(step, { names, of });
    let kept = 0;
    for (const { names: one } of this.held.values()) kept += one.heads.length;
    for (const [oldest, { names: one }] of this.held) {
      if (kept <= KEPT || oldest === this.wanted[0] || oldest === step) continue;
      this.held.delete(oldest);
      kept -= one.heads.length;
    }
  }
}

const known = new WeakMap<Names, NamedHead[][]>();

/** The heads of each layer, by their numbers; made once for each answer. */
function layersOf(names: Names): readonly (readonly (NamedHead | undefined)[])[] {
  const found = known.get(names);
  if (found) return found;
  const layers: NamedHead[][] = [];
  for (const named of names.heads) {
    const heads = layers[named.layer] ?? [];
    layers[named.layer] = heads;
    heads[named.head] = named;
  }
  known.set(names, layers);
  return layers;
}
