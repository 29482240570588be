import type { Feature } from '../run/feature';
import type { Focus } from '../run/focus.svelte';
import type { PointFigure } from '../run/pictures';
import type { TokenIndex } from '../run/places';
import { type Settings, settings, text } from '../run/setting';
import type { Layer } from '../run/types';
import { BY_KIND, type Colouring, colouringsOf, isError } from './colouring';
import type { Scatter } from './scatter.svelte';

interface Needs {
  readonly data: { readonly layers: readonly Layer[]; readonly probe: { readonly value: TokenIndex | null } };
  readonly scatter: Pick<Scatter, 'colouring'>;
  readonly focus: Pick<Focus, 'opened'>;
}

/** What the points' colours can tell of this probe, and what they tell. */
export class Colourings implements Feature {
  readonly settings: Settings = settings<Colourings>(this, {
    named: text(/./).or('kind').as('colour').stated(),
  });

  constructor(private readonly session: Needs) {}

  readonly all: readonly Colouring[] = $derived.by(() => {
    const { probe, layers } = this.session.data;
    return colouringsOf(
      probe.value,
      layers.some(({ values }) => values),
    );
  });

  /** The chosen one; a link may name one that this probe has not. */
  readonly chosen: Colouring = $derived.by(
    () => this.all.find(({ id }) => id === this.session.scatter.colouring) ?? BY_KIND,
  );

  /** The figure of the samples that it tells. */
  readonly figure: PointFigure | null = $derived.by(() => {
    const { origin } = this.chosen;
    return origin.kind === 'figure' ? origin.figure : null;
  });

  /** Its id. What was given with the probe is not known before it is here; errors are of an opened head. */
  get named(): string {
    const { data, scatter } = this.session;
    return data.probe.value ? this.chosen.id : scatter.colouring;
  }

  set named(id: string) {
    const { scatter, focus } = this.session;
    scatter.colouring = isError(id) && focus.opened === null ? 'kind' : id;
  }
}
