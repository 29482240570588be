import { litPoints } from '../probe/places';
import { pointLooks } from '../render/colours';
import { pointOrder } from '../render/subset';
import type { Session } from './session.svelte';

/** How points look and in which order they are drawn, the same for every scene. */
export class Looks {
  constructor(private readonly session: Session) {}

  readonly order: Uint32Array = $derived.by(() => {
    const { run } = this.session;
    return pointOrder(run?.queries ?? 0, run?.keys ?? 0);
  });

  /** Drawn on top: a group, then the selected token's sequence. */
  readonly lit: readonly number[] = $derived.by(() => {
    const { run, probe, selection, group } = this.session;
    const sequence = litPoints(probe.value, selection, run?.queries ?? 0);
    if (!group) return sequence;
    return [...group.points, ...sequence.slice(-2)]; // of the sequence only the selected token itself
  });

  /** Whether points that are not lit step back. */
  readonly selecting: boolean = $derived.by(
    () => this.session.selection !== null || this.session.group !== null,
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
    const { theme, colouring, run, probe, selection } = this.session;
    return pointLooks(theme.palette, colouring, run?.queries ?? 0, run?.keys ?? 0, {
      places: probe.value,
      lit: selection,
      group: this.members,
      errors,
    });
  }
}
