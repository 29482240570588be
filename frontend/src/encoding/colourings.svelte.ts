import type { TokenIndex } from '../run/places';
import type { Layer, PointFigure } from '../run/types';
import { BY_KIND, type Colouring, colouringsOf } from './colouring';
import type { Scatter } from './scatter.svelte';

interface Needs {
  readonly data: { readonly layers: readonly Layer[]; readonly probe: { readonly value: TokenIndex | null } };
  readonly scatter: Pick<Scatter, 'colouring'>;
}

/** What the points' colours can tell of this probe, and what they tell. */
export class Colourings {
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
}
