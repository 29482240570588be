import { litPoints } from '../probe/places';
import { pointLooks } from '../render/colours';
import { lightHits } from '../render/hits';
import { pointOrder } from '../render/subset';
import type { Session } from './session.svelte';

/** How points look and in which order they are drawn, the same for every scene. */
export class Looks {
  constructor(private readonly session: Session) {}

  readonly order: Uint32Array = $derived.by(() => {
    const { run, filter } = this.session;
    const order = pointOrder(run?.queries ?? 0, run?.keys ?? 0);
    return filter.shown === null ? order : order.filter((point) => filter.shows(point));
  });

  /** Drawn on top: hits of the search, a group, then the selected token's sequence. */
  readonly lit: readonly number[] = $derived.by(() => {
    const { run, probe, selection, group, search, filter } = this.session;
    const sequence = litPoints(probe.value, selection, run?.queries ?? 0);
    // In the order of all points, so that few of them are a fair sample.
    const hits = this.order.filter((point) => search.termOf[point]);
    const lit =
      group || search.found
        ? [...hits, ...(group?.points ?? []), ...sequence.slice(-2)] // of the sequence only the token itself
        : sequence;
    return filter.shown === null ? lit : lit.filter((point) => filter.shows(point));
  });

  /** Those of them, the last ones first, that so many heads can draw within the budget. */
  litWithin(heads: number, budget: number): readonly number[] {
    return this.lit.slice(-Math.max(1, Math.floor(budget / Math.max(1, heads))));
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
