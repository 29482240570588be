import { percent } from '../attention/weights';
import type { TokenSearch } from '../find/search.svelte';
import type { TokenFilter } from '../find/token_filter.svelte';
import { formatValue } from '../health/figures';
import { pointStyles, tokenColours, WORST } from '../render/colours';
import { byteOf, type HeadFigures, rampTable } from '../render/head_figures';
import { lightHits } from '../render/hits';
import type { Rgb } from '../render/picture';
import type { TokenValues } from '../render/scale';
import { type Range, type Scale, scaleOf, shareOf } from '../render/scale';
import { pointOrder, subsetSize } from '../render/subset';
import { MOST_TEXELS } from '../render/texels';
import type { Theme } from '../render/theme.svelte';
import type { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import { type LayerTokens, ownPoint } from '../run/lists';
import type { Group } from '../run/pictures';
import { litPoints, type TokenIndex } from '../run/places';
import type { Layer, Run } from '../run/types';
import type { Origin } from './colouring';
import type { Colourings } from './colourings.svelte';
import type { PointFigures } from './point_figures.svelte';
import type { Scatter } from './scatter.svelte';

/** The scale of what is wrong with a point's place. */
const ERRORS: Range = { kind: 'range', low: 0, high: WORST, unit: '', logarithmic: false };
const SHARES: Range = { kind: 'range', low: 0, high: 1, unit: '', logarithmic: false };
/** How much wider lit points are. */
const LIT = 1.5;

interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly layers: readonly Layer[];
    readonly layerTokens: readonly LayerTokens[];
    readonly probe: { readonly value: TokenIndex | null };
  };
  readonly focus: Pick<Focus, 'opened' | 'selection'>;
  readonly filter: Pick<TokenFilter, 'shown' | 'shows'>;
  readonly search: Pick<TokenSearch, 'found' | 'termOf' | 'hues'>;
  readonly marks: { readonly group: Group | null };
  readonly theme: Pick<Theme, 'palette'>;
  readonly scatter: Pick<Scatter, 'sized'>;
  readonly colourings: Pick<Colourings, 'chosen'>;
  readonly pointFigures: Pick<PointFigures, 'values' | 'told' | 'range' | 'behind'>;
  /** How wrong each point of the opened head is placed, and whether that is of another step than the shown one. */
  readonly trust: {
    readonly errors: Float32Array | null;
    readonly late: boolean;
    readonly judged: { readonly step: number } | null;
  };
}

/** How points look and in which order they are drawn, the same for every scene. */
export class PointStyles {
  constructor(private readonly session: Needs) {}

  readonly order: Uint32Array = $derived.by(() => {
    const { filter } = this.session;
    const { run } = this.session.data;
    const order = pointOrder(run?.queries ?? 0, run?.keys ?? 0);
    return filter.shown === null ? order : order.filter((point) => filter.shows(point));
  });

  /** The same of the points that each layer has: the same array for layers with the same tokens. */
  private readonly orders: readonly Uint32Array[] = $derived.by(() => {
    const { run, layerTokens } = this.session.data;
    if (!run?.lists) return layerTokens.map(() => this.order);
    const known = new Map<string, Uint32Array>();
    return layerTokens.map(({ queries, keys }) => {
      const name = `${queries.first} ${keys.first}`;
      const own =
        known.get(name) ??
        this.order.filter((point) => ownPoint({ queries, keys }, run.queries, point) !== null);
      known.set(name, own);
      return own;
    });
  });

  orderOf(layer: number): Uint32Array {
    return this.orders[layer] ?? this.order;
  }

  /** The selected token's query and key, where the filter shows them. */
  readonly selected: readonly number[] = $derived.by(() => {
    const { filter } = this.session;
    const { run, probe } = this.session.data;
    const sequence = litPoints(probe.value, this.session.focus.selection, run?.queries ?? 0);
    return sequence.slice(-2).filter((point) => filter.shows(point));
  });

  /** Drawn on top: hits of the search and a group, in the order of all points, then the selected token's sequence. */
  readonly lit: readonly number[] = $derived.by(() => {
    const { search, filter } = this.session;
    const { run, probe } = this.session.data;
    const { selection } = this.session.focus;
    const { members } = this;
    const sequence = litPoints(probe.value, selection, run?.queries ?? 0);
    if (!members && !search.found) return sequence.filter((point) => filter.shows(point));
    const found = this.order.filter((point) => search.termOf[point] || members?.has(point));
    return [...found, ...this.selected];
  });

  /** As many of them as a cell has room for, the last ones first.
   * @param side of the cell, css pixels
   * @param budget points over all heads that are in view */
  litIn(side: number, heads: number, budget: number): readonly number[] {
    const { lit } = this;
    const most = subsetSize(lit.length, side / LIT, heads, budget);
    return most < lit.length ? lit.slice(-most) : lit; // the same array, or every zoom would make a new draw list
  }

  /** Whether points that are not lit step back. */
  readonly selecting: boolean = $derived.by(
    () =>
      this.session.focus.selection !== null || this.session.marks.group !== null || this.session.search.found,
  );

  private readonly values: TokenValues | null = $derived.by(() => {
    const { origin } = this.session.colourings.chosen;
    const index = this.session.data.probe.value;
    return origin.kind === 'tokens' && index ? origin.values(index) : null;
  });

  private readonly tokenScale: Scale | null = $derived.by(
    () => this.values && scaleOf(this.values, this.session.theme.palette.classes.length),
  );

  /** What the legend shows: of a figure, the opened head's own; null where each head has another, or none is here. */
  readonly scale: Scale | null = $derived.by(() => {
    const { origin } = this.session.colourings.chosen;
    if (origin.kind === 'error') return ERRORS;
    if (origin.kind !== 'figure') return this.tokenScale;
    return origin.share
      ? SHARES
      : this.session.focus.opened && this.headScale(origin, this.session.focus.opened);
  });

  /** The step of which colours, or sizes, still are; null where that is the shown one. */
  readonly behind: number | null = $derived.by(() => {
    const { pointFigures, trust, colourings } = this.session;
    const { judged, late } = trust;
    return colourings.chosen.origin.kind === 'error' && late ? (judged?.step ?? null) : pointFigures.behind;
  });

  /** The same in every head. [queries + keys, 4] */
  readonly shared: Uint8Array = $derived.by(() => {
    const { search } = this.session;
    const { run, probe } = this.session.data;
    const { selection } = this.session.focus;
    const queries = run?.queries ?? 0;
    const group = this.members ?? (search.found ? new Set<number>() : null);
    const marks = { places: probe.value, lit: selection, group };
    const styles = pointStyles(this.colourOf(queries), queries, run?.keys ?? 0, marks);
    lightHits(styles, search.termOf, search.hues, this.members);
    return styles;
  });

  /** What is each head's own in the matrix; null where all is shared. */
  readonly ofHeads: HeadFigures | null = $derived.by(() => {
    const { theme } = this.session;
    const { layers, run } = this.session.data;
    const { origin } = this.session.colourings.chosen;
    const points = (run?.queries ?? 0) + (run?.keys ?? 0);
    const heads = layers.reduce((sum, layer) => sum + layer.heads, 0);
    if (origin.kind !== 'figure' || heads * points > MOST_TEXELS) return null;
    const values = new Uint8Array(2 * heads * points);
    let number = 0;
    layers.forEach((layer, i) => {
      const places = Array.from({ length: layer.heads }, (_, head) => ({ layer: i, head }));
      for (const place of places) this.shade(values, number++ * points, origin, place);
    });
    return { values, ramp: rampTable(theme.palette.ramp) };
  });

  /** What is the opened head's own: its figure or its errors, and its sizes. */
  readonly ofOpened: HeadFigures | null = $derived.by(() => {
    const { theme, scatter } = this.session;
    const { errors } = this.session.trust;
    const { run } = this.session.data;
    const { opened } = this.session.focus;
    const { origin } = this.session.colourings.chosen;
    const points = (run?.queries ?? 0) + (run?.keys ?? 0);
    if (!opened || (origin.kind !== 'figure' && errors === null && !scatter.sized)) return null;
    const values = new Uint8Array(2 * points);
    if (origin.kind === 'figure') this.shade(values, 0, origin, opened);
    errors?.forEach((error, point) => {
      values[2 * point] = byteOf(shareOf(ERRORS, error));
    });
    if (scatter.sized) this.measure(values, opened);
    return { values, ramp: rampTable(errors === null ? theme.palette.ramp : theme.palette.errors) };
  });

  /** What the colour of a point tells, in words; null where there is nothing more to say than its kind, and while what it is
   * drawn in is another step's. */
  tells(point: number): readonly [string, string] | null {
    const { errors, late } = this.session.trust;
    const { run } = this.session.data;
    const { opened } = this.session.focus;
    const { origin, title } = this.session.colourings.chosen;
    const points = (run?.queries ?? 0) + (run?.keys ?? 0);
    const token = point % Math.max(1, run?.queries ?? 1);
    const write = origin.kind === 'figure' && origin.share ? percent : formatValue;
    const said = (value: number | undefined) =>
      value === undefined || Number.isNaN(value) ? null : ([title, write(value)] as const);
    if (origin.kind === 'error') return said(late ? undefined : errors?.[point]);
    if (origin.kind === 'figure') {
      const values = opened && this.session.pointFigures.told(origin.figure, opened.layer);
      return said(opened && values ? values[opened.head * points + point] : undefined);
    }
    const { values } = this;
    if (values?.kind === 'numbers') return said(values.of[token]);
    const name = values?.names[values.of[token] ?? -1];
    return name === undefined ? null : [title, name];
  }

  private readonly members: ReadonlySet<number> | null = $derived.by(() => {
    const { group } = this.session.marks;
    return group && new Set(group.points);
  });

  private colourOf(queries: number): (point: number) => Rgb {
    const { palette } = this.session.theme;
    const { tokenScale, values } = this;
    const { kind } = this.session.colourings.chosen.origin;
    if (kind === 'figure') return () => palette.other;
    if (kind !== 'tokens' || !tokenScale) return (point) => (point < queries ? palette.query : palette.key);
    const ofToken = tokenColours(palette, tokenScale, values?.kind === 'numbers' ? values.of : null);
    return (point) => ofToken(point < queries ? point : point - queries);
  }

  private headScale(
    { figure, unit, share, logarithmic }: Origin & { kind: 'figure' },
    place: HeadPlace,
  ): Range | null {
    if (share) return SHARES;
    const { pointFigures } = this.session;
    const { run } = this.session.data;
    const points = (run?.queries ?? 0) + (run?.keys ?? 0);
    const range = pointFigures.range(figure, place.layer, place.head, points);
    return (
      range && {
        kind: 'range',
        low: range[0],
        high: range[1],
        unit,
        logarithmic: logarithmic && range[1] > 0,
      }
    );
  }

  /** Writes a head's colours from point `at` on. */
  private shade(into: Uint8Array, at: number, origin: Origin & { kind: 'figure' }, place: HeadPlace): void {
    const { pointFigures } = this.session;
    const { run } = this.session.data;
    const points = (run?.queries ?? 0) + (run?.keys ?? 0);
    const values = pointFigures.values(origin.figure, place.layer);
    const scale = this.headScale(origin, place);
    if (!values || !scale) return;
    for (let i = 0; i < points; i++) {
      into[2 * (at + i)] = byteOf(shareOf(scale, values[place.head * points + i] ?? Number.NaN));
    }
  }

  /** Writes a head's sizes: from half at the low end of its norms to twice at the high one. */
  private measure(into: Uint8Array, place: HeadPlace): void {
    const { pointFigures } = this.session;
    const { run } = this.session.data;
    const points = (run?.queries ?? 0) + (run?.keys ?? 0);
    const values = pointFigures.values('norm', place.layer);
    const range = pointFigures.range('norm', place.layer, place.head, points);
    if (!values || !range) return;
    const scale: Range = { kind: 'range', low: range[0], high: range[1], unit: '', logarithmic: false };
    for (let i = 0; i < points; i++) {
      into[2 * i + 1] = byteOf(shareOf(scale, values[place.head * points + i] ?? Number.NaN));
    }
  }
}
