import { percent } from '../attention/weights';
import { stepName } from '../base/numbers';
import { formatValue } from '../health/figures';
import { css, gradientOf, ramp } from '../render/colours';
import { type Range, type Scale, type Swatch, valueAt } from '../render/scale';
import type { Theme } from '../render/theme.svelte';
import type { Focus } from '../run/focus.svelte';
import { headLabel } from '../run/labels';
import type { Layer, Run } from '../run/types';
import type { Colourings } from './colourings.svelte';
import type { PointStyles } from './point_styles.svelte';

/** What colours a legend tells of. */
export interface LegendNeeds {
  readonly data: { readonly run: Run | null; readonly layers: readonly Layer[] };
  readonly focus: Pick<Focus, 'opened'>;
  readonly theme: Pick<Theme, 'palette'>;
  readonly colourings: Pick<Colourings, 'chosen'>;
  readonly styles: Pick<PointStyles, 'scale' | 'behind'>;
}

/** A colour and what it stands for. */
interface LegendEntry {
  readonly name: string;
  /** Css. */
  readonly colour: string;
  /** Numbers of its points among a head's. */
  readonly points: readonly number[];
}

const RANGED = '2nd to 98th percentile at the first step and at the frame’s';

/** What the colours of points stand for. */
export class Legend {
  /** @param ofAll whether it tells of all heads at once, where some colours are each head's own */
  constructor(
    private readonly session: LegendNeeds,
    private readonly ofAll = false,
  ) {}

  readonly kind = $derived.by(() => {
    const { kind } = this.session.colourings.chosen.origin;
    return this.ofAll && kind === 'error' ? 'side' : kind; // errors are of an opened head
  });
  /** The matrix keeps these two colours while the opened head shows its errors. */
  readonly byKind: boolean = $derived(this.kind === 'error' || this.kind === 'side');
  private readonly ownRanges: boolean = $derived.by(() => {
    const { origin } = this.session.colourings.chosen;
    return origin.kind === 'figure' && !origin.share;
  });
  readonly scale: Scale | null = $derived.by(() =>
    this.kind === 'side' || (this.ofAll && this.ownRanges) ? null : this.session.styles.scale,
  );
  readonly range: Range | null = $derived(this.scale?.kind === 'range' ? this.scale : null);

  readonly gradient: string = $derived.by(() => {
    const { palette } = this.session.theme;
    const stops = this.kind === 'error' ? palette.errors : this.range?.hue ? palette.wheel : palette.ramp;
    return gradientOf((share) => css(ramp(stops, share)), 0, 17);
  });

  /** Whose range it is; empty where all heads have the same. */
  readonly whose: string = $derived.by(() => {
    const { focus, data } = this.session;
    if (!this.ownRanges) return '';
    const opened = this.ofAll ? null : focus.opened;
    return opened
      ? `${headLabel(data.layers, opened.layer, opened.head)}: ${RANGED}. Every head has its own range.`
      : `Every head has its own range: ${RANGED}.`;
  });

  /** That colours are still of another step; empty where they are not. */
  readonly behind: string = $derived.by(() => {
    const { behind } = this.session.styles;
    const none = behind === null || (this.ofAll && this.kind === 'side');
    return none ? '' : `Colours and sizes are still of ${stepName(behind)}.`;
  });

  /** Of colours that have names. */
  readonly entries: readonly LegendEntry[] = $derived.by(() => {
    const { palette } = this.session.theme;
    const { run } = this.session.data;
    const queries = run?.queries ?? 0;
    if (this.kind === 'side') {
      return [
        { name: 'query', colour: css(palette.query), points: numbers(0, queries) },
        { name: 'key', colour: css(palette.key), points: numbers(queries, queries + (run?.keys ?? 0)) },
      ];
    }
    const { scale } = this;
    if (scale?.kind !== 'classes') return [];
    const points = scale.swatches.map((): number[] => []);
    scale.of.forEach((swatch, token) => {
      points[swatch]?.push(token, queries + token);
    });
    const colourOf = ({ hue }: Swatch) => css(palette.classes[hue ?? -1] ?? palette.other);
    return scale.swatches.map((swatch, i) => ({
      name: swatch.name,
      colour: colourOf(swatch),
      points: points[i] ?? [],
    }));
  });

  /** Unit and kind of its numbers; empty where there is nothing to say of them. */
  readonly unit: string = $derived.by(() => {
    const { unit = '', logarithmic = false } = this.range ?? {};
    return [unit, logarithmic ? 'logarithmic' : ''].filter(Boolean).join(', ');
  });

  /** The number that so much of the range is at. */
  tick(range: Range, share: number): string {
    const { origin } = this.session.colourings.chosen;
    const write = origin.kind === 'figure' && origin.share ? percent : formatValue;
    return write(valueAt(range, share)) + (this.kind === 'error' && share === 1 ? '+' : '');
  }
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
