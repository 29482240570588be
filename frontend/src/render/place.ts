import type { Size } from '../base/size';
import type { Camera, Margins } from './camera';
import { CUBE, PERSPECTIVE } from './orbit';

/** Where the shaders put a point of a frame; `placeOf` in pick.ts computes the same. A shader says itself what u_deep
 * is, whether the frame has a depth: a uniform, or a constant where a branch would cost. */

/** How far points that lie outside of their frame are let out of it, as a share of half a cell. */
export const RIM = 0.05;
/** From so many frames on a point counts as outside: float32 rounds those at its very edge. */
export const EDGE_OF_FRAME = 1.001;
/** Share of a cell's half side at which the frame's ±1 lies; the rest holds the rim. */
export const INSET = 0.93;

/** How far points are shown where they are, in frames from the middle: to the left, down, to the right, up. */
export type Reach = readonly [left: number, down: number, right: number, up: number];
export const OWN_FRAME: Reach = [1, 1, 1, 1];

/** That of a view onto one head in two dimensions: to the borders of the view, and no less than the frame. */
export function reachIn({ scale, x, y }: Camera, { width, height }: Size, margins: Margins): Reach {
  const frame = 0.5 * INSET * scale * (1 + RIM); // css pixels from the middle
  const frames = (pixels: number) => Math.max(1, pixels / frame);
  const [across, down] = [x + 0.5 * scale, y + 0.5 * scale];
  return [
    frames(across - margins.left),
    frames(height - margins.bottom - down),
    frames(width - margins.right - across),
    frames(down - margins.top),
  ];
}

/** Greater than 1 for what is shown at the border, on its way from the middle. */
export function reachOf(x: number, y: number, z: number, [left, down, right, up]: Reach): number {
  return Math.max(x / right, -x / left, y / up, -y / down, Math.abs(z));
}

export const PLACE_GLSL = `
uniform vec4 u_reach;              // Reach
uniform vec2 u_viewport;
uniform vec3 u_camera;             // scale, x, y
uniform mat3 u_rotation;

// Tested by bits: compilers are free to assume that there is no NaN.
bool finite(vec3 p) {
  return all(lessThan(floatBitsToUint(p) & 0x7fffffffu, uvec3(0x7f800000u)));
}

float reachOf(vec3 p) {
  vec2 room = mix(u_reach.xy, u_reach.zw, step(0.0, p.xy));
  vec2 flat_ = abs(p.xy) / room;
  return max(max(flat_.x, flat_.y), u_deep ? abs(p.z) : 0.0);
}

// The css pixel, the height towards the viewer, and how much larger what is there looks.
vec4 place(vec3 p, vec4 cell) {
  float reach = reachOf(p);
  if (reach > 1.0) p *= (1.0 + ${RIM.toFixed(3)} * (1.0 - 1.0 / reach)) / reach;
  float grow = 1.0;
  if (u_deep) {
    p = u_rotation * p;
    grow = 1.0 / (1.0 - ${PERSPECTIVE.toFixed(3)} * p.z);
    p.xy *= ${CUBE.toFixed(3)} * grow;
  }
  vec2 world = cell.xy + cell.z * (0.5 + 0.5 * ${INSET.toFixed(3)} * vec2(p.x, -p.y));
  return vec4(world * u_camera.x + u_camera.yz, u_deep ? p.z : 0.0, grow);
}

vec4 onScreen(vec2 pixel, float depth) {
  return vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), depth, 1.0);
}
`;
