import { untrack } from 'svelte';
import type { Feature } from '../run/feature';
import { labelName } from '../run/label_values';
import type { TokenIndex } from '../run/places';
import { formatRanges, ranges } from '../run/ranges';
import { type Settings, settings, text } from '../run/setting';
import type { Run } from '../run/types';
import {
  type Filter,
  formatWanted,
  type Label,
  labelsOf,
  parseWanted,
  tokensShown,
  type Wanted,
} from './filter';

interface Needs {
  readonly data: {
    readonly run: Pick<Run, 'queries'> | null;
    readonly probe: { readonly value: TokenIndex | null };
  };
}

/** A part of the filter, as a sentence, and how it goes. */
interface FilterPart {
  readonly id: string;
  readonly says: string;
  readonly remove: () => void;
}

/** Which tokens every scatterplot shows; the others are not drawn at all. */
export class TokenFilter implements Filter, Feature {
  sequences = $state.raw<readonly number[] | null>(null);
  labels = $state.raw<ReadonlyMap<string, Wanted>>(new Map());
  readonly settings: Settings = settings<TokenFilter>(this, {
    sequences: ranges((run) => run.sequences).as('only'),
    wanted: text().or('').as('only_label'),
  });
  /** What a link asks of labels that are not known yet. */
  private asked: string | null = null;

  constructor(private readonly session: Needs) {}

  /** The labels that came with the probe. */
  readonly known: readonly Label[] = $derived.by(() => {
    const probe = this.session.data.probe.value;
    return probe ? labelsOf(probe) : [];
  });

  /** Which tokens are shown [tokens]; null: all. */
  readonly shown: Uint8Array | null = $derived.by(() => {
    const probe = this.session.data.probe.value;
    return probe && tokensShown(probe, this);
  });

  readonly parts: readonly FilterPart[] = $derived.by(() => {
    const { sequences, labels } = this;
    const one = sequences?.length === 1;
    return [
      ...(sequences
        ? [
            {
              id: 'sequences',
              says: `${one ? 'sequence' : 'sequences'} ${formatRanges(sequences, ', ')}`,
              remove: () => this.showSequences(null),
            },
          ]
        : []),
      ...[...labels].map(([name, wanted]) => ({
        id: `label ${name}`,
        says: `${name} ${'low' in wanted ? `${wanted.low} to ${wanted.high}` : wanted.map(labelName).join(', ')}`,
        remove: () => this.want(name, null),
      })),
    ];
  });

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => {
      const { known } = this;
      if (this.session.data.probe.value === null) return;
      untrack(() => {
        if (this.asked !== null) this.labels = parseWanted(this.asked, known);
        this.asked = null;
      });
    });
  }

  /** The labels that are wanted, in words; as a link asks for them until the probe that has them is here. */
  get wanted(): string {
    return this.asked ?? formatWanted(this.labels);
  }

  set wanted(labels: string) {
    const here = this.session.data.probe.value !== null;
    this.labels = here ? parseWanted(labels, this.known) : new Map();
    this.asked = here ? null : labels;
  }

  leave(): void {
    this.clear();
  }

  shows(point: number): boolean {
    const { queries = 0 } = this.session.data.run ?? {};
    return this.shown === null || this.shown[point < queries ? point : point - queries] === 1;
  }

  /** Only these sequences; none, or null: all. */
  showSequences(sequences: readonly number[] | null): void {
    this.sequences = sequences && sequences.length > 0 ? sequences : null;
  }

  /** Only tokens with these values of a label; none, or null: with any. */
  want(name: string, wanted: Wanted | null): void {
    const labels = new Map(this.labels);
    if (wanted === null || ('length' in wanted && wanted.length === 0)) labels.delete(name);
    else labels.set(name, wanted);
    this.labels = labels;
  }

  clear(): void {
    this.sequences = null;
    this.labels = new Map();
    this.asked = null;
  }
}
