import { CUBE, PERSPECTIVE } from './orbit';

/** Where the shaders put a point of a frame; `placeOf` in pick.ts computes the same. A shader says itself what u_deep
 * is, whether the frame has a depth: a uniform, or a constant where a branch would cost. */

/** How far points that outgrew their frame are let out of it, as a share of half a cell. */
export const RIM = 0.05;
/** Share of a cell's half side at which the frame's ±1 lies; the rest holds the rim. */
export const INSET = 0.93;

export const PLACE_GLSL = `
uniform vec2 u_viewport;
uniform vec3 u_camera;             // scale, x, y
uniform mat3 u_rotation;

// Tested by bits: compilers are free to assume that there is no NaN.
bool finite(vec3 p) {
  return all(lessThan(floatBitsToUint(p) & 0x7fffffffu, uvec3(0x7f800000u)));
}

// The css pixel, the height towards the viewer, and how much larger what is there styles.
vec4 place(vec3 p, vec4 cell) {
  float reach = max(max(abs(p.x), abs(p.y)), u_deep ? abs(p.z) : 0.0);
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
