/** Where a cloud of points lies: the line around the densest region that holds a share of them (Hyndman 1996,
 * "Computing and graphing highest density regions"), from a density on a grid. */

/** Corners of the grid along each side. */
const GRID = 44;
/** How far a point's weight is spread: steps of smoothing by (1, 2, 1)/4, each of which adds half a grid step's variance. */
const STEPS = 5;
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
  known.sort((a, b) => b - a);
  return linesAt(density, known[Math.min(known.length - 1, Math.floor(share * known.length))] ?? 0);
}

/** Weights on the grid's corners, smoothed. [GRID, GRID] */
function densityOf(places: Float32Array): Float32Array {
  let density = new Float32Array(GRID * GRID);
  for (let i = 0; i < places.length; i += 2) {
    const [column, row] = [cornerOf(places[i]), cornerOf(places[i + 1])];
    if (Number.isNaN(column + row)) continue;
    const at = row * GRID + column;
    density[at] = (density[at] ?? 0) + 1;
  }
  for (let step = 0; step < STEPS; step++) density = smoothed(smoothed(density, 1), GRID);
  return density;
}

function cornerOf(share: number | undefined): number {
  return Math.min(GRID - 2, Math.max(1, Math.round((share ?? Number.NaN) * (GRID - 1))));
}

/** The grid's rim stays empty, so that no line is open.
 * @param stride between a corner and the next one that it is smoothed with */
function smoothed(density: Float32Array, stride: number): Float32Array {
  return density.map((value, at) => {
    const [column, row] = [at % GRID, Math.floor(at / GRID)];
    if (column % (GRID - 1) === 0 || row % (GRID - 1) === 0) return 0;
    return 0.25 * ((density[at - stride] ?? 0) + 2 * value + (density[at + stride] ?? 0));
  });
}

/** The density at a place, between the grid's corners. */
function sample(density: Float32Array, x: number, y: number): number {
  const [column, row] = [x, y].map((share) => Math.min(1, Math.max(0, share)) * (GRID - 1)) as [
    number,
    number,
  ];
  const [left, top] = [column, row].map((at) => Math.min(GRID - 2, Math.max(0, Math.floor(at)))) as [
    number,
    number,
  ];
  const at = top * GRID + left;
  const [a = 0, b = 0, c = 0, d = 0] = [
    density[at],
    density[at + 1],
    density[at + GRID],
    density[at + GRID + 1],
  ];
  const [u, v] = [column - left, row - top];
  return (a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v;
}

/** Marching squares: the lines along which the density is at a level. */
function linesAt(density: Float32Array, level: number): Float32Array {
  const lines: number[] = [];
  for (let row = 0; row < GRID - 1; row++) {
    for (let column = 0; column < GRID - 1; column++) {
      const at = row * GRID + column;
      // Around the square, clockwise from its upper left.
      const corners = [density[at], density[at + 1], density[at + GRID + 1], density[at + GRID]] as const;
      const crossings: [number, number][] = [];
      for (let side = 0; side < 4; side++) {
        const [from, to] = [corners[side] ?? 0, corners[(side + 1) % 4] ?? 0];
        if (from >= level === to >= level) continue;
        const along = (level - from) / (to - from);
        crossings.push(
          (
            [
              [along, 0],
              [1, along],
              [1 - along, 1],
              [0, 1 - along],
            ] as const
          )[side] as [number, number],
        );
      }
      // Four crossings are a saddle; either way of joining them is right.
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        for (const [x, y] of crossings.slice(i, i + 2)) {
          lines.push((column + x) / (GRID - 1), (row + y) / (GRID - 1));
        }
      }
    }
  }
  return Float32Array.from(lines);
}
