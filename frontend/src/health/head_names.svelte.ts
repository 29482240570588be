import { untrack } from 'svelte';
import { Cache } from '../base/cache';
import type { Feature } from '../run/feature';
import type { Findings, NamedHead, RunEvent } from '../run/findings';
import type { HeadPlace } from '../run/head';
import { Loader } from '../run/loader.svelte';
import type { DataSource, Waiting } from '../run/source';
import type { Run } from '../run/types';

/** Checkpoints whose names are fetched ahead. */
const AHEAD = 2;
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

interface Asked {
  /** As it was listed last. */
  readonly run: Run;
  readonly step: number;
}

interface Told extends Asked {
  readonly names: Names;
}

class NamesLoader extends Loader<Asked, Told> {
  events = $state.raw<{ readonly run: string; readonly events: readonly RunEvent[] } | null>(null);

  constructor(private readonly source: () => Needs['data']['source']) {
    super(new Cache(KEPT, ({ names }) => names.heads.length));
  }

  protected key({ run, step }: Asked): string {
    return `${run.run} ${step}`;
  }

  protected async ask({ run, step }: Asked, { signal }: Waiting): Promise<Told> {
    const { events, ...names } = await this.source().findings({ run: run.run, step }, { signal });
    signal?.throwIfAborted();
    this.events = { run: names.run, events };
    this.cache.capacity = Math.max(KEPT, 2 * names.heads.length);
    for (const key of [...this.wanted.keys()].slice(0, 1)) this.cache.get(key); // it is not the one to go
    return { run, step, names };
  }

  /** Those of the shown step are asked for at once, of others one after the other. */
  protected override mayAsk(query: Asked): boolean {
    const [shown] = this.wanted.values();
    return query === shown || ![...this.running.values()].some(({ query: { step } }) => step !== shown?.step);
  }

  /** Asked for again whenever there is more of the run. */
  protected override has(key: string, { run }: Asked): boolean {
    return this.cache.get(key)?.run === run;
  }

  protected override wants({ run, step }: Asked): boolean {
    return this.wanted.get(this.key({ run, step }))?.run === run;
  }
}

/** What the heads of the shown run are called at the shown step. Names of the steps that may come next are fetched before. */
export class HeadNames implements Feature {
  private readonly loader: NamesLoader;
  private step: number | null = null;

  constructor(private readonly session: Needs) {
    this.loader = new NamesLoader(() => session.data.source);
  }

  private readonly asked: Asked | null = $derived.by(() => {
    const { run } = this.session.data;
    const { step } = this.session.playback;
    return run && run.error === null && step !== null ? { run, step } : null;
  });
  /** Null while those of this step are on their way: a head has no other step's name. */
  readonly findings: Names | null = $derived.by(
    () => (this.asked && this.loader.get(this.asked)?.names) || null,
  );
  /** All that happened in the shown run, whichever step it was told with; null before that is known. */
  readonly events: readonly RunEvent[] | null = $derived.by(() => {
    const told = this.loader.events;
    return told && told.run === this.session.data.run?.run ? told.events : null;
  });
  /** Why those of the shown step are not known. */
  readonly error: string | null = $derived.by(() => this.asked && this.loader.error(this.asked));
  /** Cells are drawn again when their names come. */
  readonly busy: boolean = $derived.by(() => this.asked !== null && !this.loader.settled(this.asked));

  of({ layer, head }: HeadPlace): NamedHead | null {
    const { findings } = this;
    return (findings && layersOf(findings)[layer]?.[head]) || null;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.follow());
  }

  leave(): void {
    this.loader.clear();
    this.loader.events = null;
  }

  /** What heads were called, and what happened, is of the training that was discarded. */
  forget(): void {
    this.loader.forget();
    this.loader.events = null;
  }

  private follow(): void {
    const { asked } = this;
    const { steps, index, playing, following } = this.session.playback;
    if (!asked) return;
    const around = Array.from({ length: AHEAD }, (_, i) => [index + 1 + i, index - 1 - i]).flat();
    const next = playing ? this.session.playback.upcoming(AHEAD) : following ? [] : around;
    const later = next.map((at) => steps[at]).filter((step) => step !== undefined);
    untrack(() => {
      this.loader.want([asked, ...later.map((step) => ({ run: asked.run, step }))]);
      if (this.step !== asked.step) this.loader.retry(asked);
      this.step = asked.step;
    });
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
