/** The turn of a 3-D head view. Column-major 3 × 3, as WebGL takes it. */
export type Rotation = readonly [number, number, number, number, number, number, number, number, number];

export const FLAT: Rotation = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** How strongly near points grow; 0 would be parallel projection. The points shader holds the same numbers. */
export const PERSPECTIVE = 0.22;
/** Shrinks the turned cube so that its corners stay in the cell. */
export const CUBE = 0.56;

export interface Orbit {
  /** Radians about the vertical axis, and of tilt. */
  readonly yaw: number;
  readonly tilt: number;
}

export const START: Orbit = { yaw: 0.6, tilt: 0.4 };

export function rotation({ yaw, tilt }: Orbit): Rotation {
  const [cy, sy, ct, st] = [Math.cos(yaw), Math.sin(yaw), Math.cos(tilt), Math.sin(tilt)];
  return [cy, sy * st, -sy * ct, 0, ct, st, sy, -cy * st, cy * ct];
}

export function turn(orbit: Orbit, yaw: number, tilt: number): Orbit {
  const limit = Math.PI / 2;
  return { yaw: orbit.yaw + yaw, tilt: Math.min(limit, Math.max(-limit, orbit.tilt + tilt)) };
}

/** Where a point of the cube is seen: x and y in [-1, 1]. */
export function project(r: Rotation, x: number, y: number, z: number): readonly [number, number] {
  const depth = r[2] * x + r[5] * y + r[8] * z;
  const scale = CUBE / (1 - PERSPECTIVE * depth);
  return [scale * (r[0] * x + r[3] * y + r[6] * z), scale * (r[1] * x + r[4] * y + r[7] * z)];
}
