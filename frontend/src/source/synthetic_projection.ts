import { noise } from '../base/noise';
import { sleep } from '../base/sleep';
import type { Trust } from '../run/pictures';
import type { Projection } from '../run/projection';
import type { Waiting } from '../run/source';

/** What the server's slow projections look like from here: work that waits for a worker, moves on in pieces, and is
 * dropped when nobody asks about it; and figures that say how far a picture can be believed. */

const WORKERS = 2;
const PIECES = 16;

export class Workers {
  private readonly running: symbol[] = [];

  /** Returns when a worker has spent the time on it; first come, first served. */
  async run(milliseconds: number, { signal, onProgress }: Waiting): Promise<void> {
    if (milliseconds === 0) return;
    const job = Symbol();
    this.running.push(job);
    try {
      while (this.running.indexOf(job) >= WORKERS) {
        onProgress?.({ state: 'computing', done: 0, total: 0 });
        await sleep(60, signal);
      }
      for (let done = 0; done < PIECES; done++) {
        onProgress?.({ state: 'computing', done, total: PIECES });
        await sleep(milliseconds / PIECES, signal);
      }
    } finally {
      this.running.splice(this.running.indexOf(job), 1);
    }
  }
}

/** Draws a point to the nearest of a ring of clumps, as methods do that keep neighbourhoods only. In place. */
export function embedded(point: Float64Array, pull: number): void {
  const [x = 0, y = 0] = point;
  const angle = Math.atan2(y, x);
  const clump = (Math.round((angle / Math.PI) * 4) / 4) * Math.PI;
  const share = 0.45 * Math.min(1, pull * Math.hypot(x, y));
  point[0] = (1 - share) * x + share * Math.cos(clump);
  point[1] = (1 - share) * y + share * Math.sin(clump);
  for (let axis = 0; axis < 3; axis++) point[axis] = Math.max(-1, Math.min(1, point[axis] ?? 0));
}

export function syntheticTrust(
  { method, normalise }: Projection,
  formed: number,
  points: number,
  previous: number | null,
): Trust {
  const local = method === 'biplot' || method === 'pca' ? 0 : 0.12;
  const faithfulness = 0.55 + 0.35 * formed - 2 * local;
  const errors = (salt: number) =>
    Array.from({ length: points }, (_, i) => (0.2 + 0.8 * (1 - formed)) * noise(i, salt) ** 2);
  return {
    top_key: method === 'attention' ? 0.92 : faithfulness,
    top_key_chance: 0.2,
    faithfulness,
    trustworthiness: 0.8 + 0.1 * formed + 0.8 * local,
    continuity: 0.85 + 0.1 * formed,
    neighbour_recall: 0.35 + 0.3 * formed + local,
    k: 15,
    motion: previous === null ? null : { previous, spearman: 0.93 - local },
    missed_keys: errors(59),
    false_neighbours: errors(61),
    tears: errors(67),
    normalisation: normalise === 'paper' ? { c: 0.8, translation: 1.3 } : null,
    sentence:
      faithfulness > 0.7
        ? 'Distances and dot products on screen follow the head’s logits well.'
        : 'Neighbourhoods can be believed here; distances between groups say little about logits.',
    note: null,
  };
}
