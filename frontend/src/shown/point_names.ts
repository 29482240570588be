import type { StepPoints } from '../render/positions';
import type { Heads } from './pair';

/** Names of step points that are remembered. */
const KEPT = 8;

/** Under which names step points lie on the GPU: one stays while heads are added, and changes when one is replaced, since both may have
 * to lie there at once. */
export class PointNames {
  private readonly versions = new Map<string, { readonly heads: Heads; readonly version: number }>();

  named(base: string, heads: Heads): StepPoints {
    const last = this.versions.get(base);
    const replaced = last?.heads.some((points, i) => points !== null && points !== heads[i]) ?? false;
    const version = (last?.version ?? 0) + (replaced ? 1 : 0);
    this.versions.delete(base);
    this.versions.set(base, { heads, version });
    for (const oldest of this.versions.keys()) {
      if (this.versions.size <= KEPT) break;
      this.versions.delete(oldest);
    }
    return { id: `${base}|${version}`, heads };
  }
}
