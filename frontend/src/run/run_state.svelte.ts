import type { Feature } from './feature';
import { Latest } from './latest.svelte';
import { type LayerTokens, layerTokens, runLists } from './lists';
import type { TokenIndex } from './places';
import { listTitles } from './sides';
import type { DataSource } from './source';
import type { Run, Runs, TokenList } from './types';

/** The runs that there are, the one that is shown, and its tokens. */
export class RunState implements Feature {
  readonly runs = new Latest<Runs>();
  readonly probe = new Latest<TokenIndex>();
  /** Of the shown run; a link may name one that is not there. */
  name = $state<string | null>(null);

  /** The shown run as it was when it was last listed, while it is not. */
  private last = $state.raw<Run | null>(null);

  constructor(
    /** Of heads that all have the same points. */
    readonly source: DataSource,
  ) {}

  private readonly listed: Run | null = $derived(
    this.runs.value?.runs.find(({ run }) => run === this.name) ?? null,
  );
  /** What was shown of a run that is gone stays. */
  readonly run: Run | null = $derived(this.listed ?? (this.last?.run === this.name ? this.last : null));
  /** Whether the shown run was listed once, and is no more. */
  readonly gone: boolean = $derived(this.run !== null && this.listed === null);
  readonly layers = $derived(this.run?.layers ?? []);
  /** The lists of tokens that its layers attend from and to, and which of them each layer has. */
  readonly lists: readonly TokenList[] = $derived(this.run ? runLists(this.run) : []);
  readonly layerTokens: readonly LayerTokens[] = $derived(
    this.lists.length > 0 ? this.layers.map((layer) => layerTokens(this.lists, layer)) : [],
  );
  /** What the lists are called; empty where there is one, which needs no name. */
  readonly listTitles: readonly string[] = $derived(
    this.run?.lists ? listTitles(this.lists, this.layers, this.probe.value?.sequences[0]) : [],
  );

  get busy(): boolean {
    return this.probe.loading;
  }

  leave(): void {
    this.probe.clear();
  }

  /** Asks which runs there are, unless that is being asked: a slow answer would never come. An equal answer stays the same object, or all that depends on it would be made again. */
  async refresh(): Promise<void> {
    if (this.runs.loading) return;
    const held = this.runs.value;
    await this.runs.load(async (signal) => {
      const runs = await this.source.runs(signal);
      this.last = this.run;
      return held && JSON.stringify(held) === JSON.stringify(runs) ? held : runs;
    });
  }
}
