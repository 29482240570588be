/** Where a cloud of points lies: the line around the densest region that holds a share of them (Hyndman 1996,
 * "Computing and graphing highest density regions"), from a density on a grid. */

/** Corners of the grid along each side. */
const GRID = 48;
/** How far a point's weight is spread: steps of smoothing by (1, 2, 1)/4, each of which adds half a grid step's variance. */
const STEPS = 8;
/** Fewer points than this have no region worth the name. */
const FEWEST = 12;

/** Corners of the lines, x and y in turn, two corners a line, as shares of the cell's side; empty for few points.
 * @param places x and y in turn, from 0 to 1 within the cell, NaN for a point that is not there */
export function outlineOf(places: Float32Array, share: number): Float32Array {
  const density = densityOf(places);
  const known: number[] = [];
  for (let i = 0; i < places.length; i += 2) {
    const at = sample(density, places[i] ?? Number.NaN, places[i + 1] ?? Number.NaN);
    if (!Number.isNaN(at)) known.push(at);
  }
  if (known.length < FEWEST) return new Float32Array(0);
  const sorted = Float64Array.from(known).sort().reverse();
  return linesAt(density, sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
}

/** Weights on the grid's corners, smoothed. [GRID, GRID] */
function densityOf(places: Float32Array): Float32Array {
  const density = new Float32Array(GRID * GRID);
  for (let i = 0; i < places.length; i += 2) {
    const at = cornerOf(places[i + 1]) * GRID + cornerOf(places[i]);
    if (!Number.isNaN(at)) density[at] = (density[at] ?? 0) + 1;
  }
  const before = new Float32Array(density.length);
  for (let step = 0; step < STEPS; step++) {
    smooth(density, before, 1);
    smooth(density, before, GRID);
  }
  return density;
}

/** Never one of the rim, which stays empty, so that no line is open. */
function cornerOf(share: number | undefined): number {
  return Math.min(GRID - 2, Math.max(1, Math.round((share ?? Number.NaN) * (GRID - 1))));
}

/** @param before room for the density as it was
 * @param stride between a corner and the next one that it is smoothed with */
function smooth(density: Float32Array, before: Float32Array, stride: number): void {
  before.set(density);
  for (let row = 1; row < GRID - 1; row++) {
    for (let at = row * GRID + 1; at < row * GRID + GRID - 1; at++) {
      density[at] = 0.25 * ((before[at - stride] ?? 0) + 2 * (before[at] ?? 0) + (before[at + stride] ?? 0));
    }
  }
}

/** The density at a place, between the grid's corners; NaN for a place that is nowhere. */
function sample(density: Float32Array, x: number, y: number): number {
  const column = Math.min(GRID - 2, Math.max(1, x * (GRID - 1)));
  const row = Math.min(GRID - 2, Math.max(1, y * (GRID - 1)));
  const at = Math.floor(row) * GRID + Math.floor(column);
  const u = column % 1;
  const v = row % 1;
  const above = (density[at] ?? Number.NaN) * (1 - u) + (density[at + 1] ?? 0) * u;
  const below = (density[at + GRID] ?? 0) * (1 - u) + (density[at + GRID + 1] ?? 0) * u;
  return above * (1 - v) + below * v;
}

/** Marching squares: the lines along which the density is at a level. */
function linesAt(density: Float32Array, level: number): Float32Array {
  const lines: number[] = [];
  for (let row = 0; row < GRID - 1; row++) {
    for (let column = 0; column < GRID - 1; column++) {
      const at = row * GRID + column;
      const [a = 0, b = 0] = [density[at], density[at + 1]];
      const [d = 0, c = 0] = [density[at + GRID], density[at + GRID + 1]];
      const inside = Number(a >= level) + Number(b >= level) + Number(c >= level) + Number(d >= level);
      if (inside === 0 || inside === 4) continue;
      const cross = (from: number, to: number, x: number, y: number, dx: number, dy: number) => {
        if (from >= level === to >= level) return;
        const along = (level - from) / (to - from);
        lines.push((column + x + along * dx) / (GRID - 1), (row + y + along * dy) / (GRID - 1));
      };
      // Clockwise; a square has two crossings, or at a saddle four, where either way of joining them is right.
      cross(a, b, 0, 0, 1, 0);
      cross(b, c, 1, 0, 0, 1);
      cross(c, d, 1, 1, -1, 0);
      cross(d, a, 0, 1, 0, -1);
    }
  }
  return Float32Array.from(lines);
}
