import { litPoints } from '../probe/places';
import { pointLooks } from '../render/colours';
import { lightHits } from '../render/hits';
import { pointOrder, subsetSize } from '../render/subset';
import type { Session } from './session.svelte';

/** How much wider lit points are. */
const LIT = 1.5;

/** How points look and in which order they are drawn, the same for every scene. */
export class Looks {
  constructor(private readonly session: Session) {}

  readonly order: Uint32Array = $derived.by(() => {
    const { run, filter } = this.session;
    const order = pointOrder(run?.queries ?? 0, run?.keys ?? 0);
    return filter.shown === null ? order : order.filter((point) => filter.shows(point));
  });

  /** Drawn on top: hits of the search and a group, in the order of all points, then the selected token's sequence. */
  readonly lit: readonly number[] = $derived.by(() => {
    const { run, probe, selection, search, filter } = this.session;
    const { members } = this;
    const sequence = litPoints(probe.value, selection, run?.queries ?? 0);
    if (!members && !search.found) return sequence.filter((point) => filter.shows(point));
    const found = this.order.filter((point) => search.termOf[point] || members?.has(point));
    return [...found, ...sequence.slice(-2).filter((point) => filter.shows(point))]; // only the selected token itself
  });

  /** As many of them as a cell has room for, the last ones first.
   * @param side of the cell, css pixels
   * @param budget points over all heads that are in view */
  litIn(side: number, heads: number, budget: number): readonly number[] {
    const { lit } = this;
    return lit.slice(-subsetSize(lit.length, side / LIT, heads, budget));
  }

  /** Whether points that are not lit step back. */
  readonly selecting: boolean = $derived.by(
    () => this.session.selection !== null || this.session.group !== null || this.session.search.found,
  );

  /** Of every head in the matrix. */
  readonly shared: Uint8Array = $derived.by(() => this.of(null));

  /** Of the opened head: errors of its projection are known for it alone. */
  readonly opened: Uint8Array = $derived.by(() => {
    const { errors } = this.session;
    return errors === null ? this.shared : this.of(errors);
  });

  private readonly members: ReadonlySet<number> | null = $derived.by(() => {
    const { group } = this.session;
    return group && new Set(group.points);
  });

  private of(errors: Float32Array | null): Uint8Array {
    const { theme, colouring, run, probe, selection, search } = this.session;
    const looks = pointLooks(theme.palette, colouring, run?.queries ?? 0, run?.keys ?? 0, {
      places: probe.value,
      lit: selection,
      group: this.members ?? (search.found ? new Set() : null),
      errors,
    });
    lightHits(looks, search.termOf, search.hues, this.members);
    return looks;
  }
}
