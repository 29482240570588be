import { DEPTH_GLSL, HALVES_GLSL } from './arrowheads';
import { FRAME, MOST_FRAME, PATCH_FRAGMENT, PATCH_VERTEX } from './patches';
import { EDGE_OF_FRAME, PLACE_GLSL } from './place';
import { TEXEL_GLSL } from './texels';

/** Keys are drawn this much larger than queries: a diamond fills less of its square than a disc. */
export const KEY_SIZE = 1.15;
/** Pixels more than a disc's and a diamond's own that their soft edges take. */
export const EDGE = { query: 1, key: 1.5 } as const;
/** Device pixels of a key from which on it has a hole. */
export const HOLLOW = 6;
const SLANT = Math.SQRT1_2;

/** A program's shaders hold no more than what its points need. */
export interface Kind {
  /** In three dimensions. */
  readonly deep: boolean;
  /** Points may be patches of an image. */
  readonly patched: boolean;
  /** Points may be large enough for a hole. */
  readonly hollow: boolean;
  /** Heads have colours or sizes of their own. */
  readonly figured: boolean;
  /** It draws the points beyond the border, as arrowheads, and no others. */
  readonly outlying: boolean;
}

export const vertex = ({ deep, patched, figured, outlying }: Kind) => `#version 300 es
layout(location = 0) in vec3 a_from;
layout(location = 1) in vec3 a_to;
uniform highp sampler2D u_heads;   // a head: left, top, side, which steps it has
uniform highp sampler2D u_points;  // a point: colour, level
const bool u_figured = ${figured};
uniform highp sampler2D u_values;  // a point of a head: place on the ramp, size
uniform highp sampler2D u_ramp;
uniform int u_perHead, u_queries;
uniform float u_mix, u_size, u_ratio, u_selecting;
const bool u_deep = ${deep};
uniform vec3 u_fog;
uniform bool u_ghost;
flat out vec4 v_colour;
flat out float v_side;             // of the point's square, device pixels; below zero: a key's
${patched ? PATCH_VERTEX : ''}
${TEXEL_GLSL}
${PLACE_GLSL}
${outlying ? `flat out vec2 v_way, v_halves;\n${HALVES_GLSL}` : ''}
void main() {
  int head = gl_VertexID / u_perHead;
  int point = gl_VertexID - head * u_perHead;
  vec4 cell = texel(u_heads, head);
  vec4 look = texel(u_points, point);
  int level = int(look.a * 255.0 + 0.5);
  float own = 1.0;
  if (u_figured) {
    vec2 value = texel(u_values, gl_VertexID).rg * 255.0;
    if (value.x > 0.5 && level < 4) look.rgb = texel(u_ramp, int(value.x + 0.5)).rgb;
    if (value.y > 0.5) own = exp2((value.y - 128.0) / 127.0);
  }

  float t = cell.w == 0.0 ? u_mix : cell.w == 1.0 ? 0.0 : 1.0;
  bool hasFrom = finite(a_from), hasTo = finite(a_to);
  if (!hasFrom || !hasTo) t = step(0.5, t);
  vec3 p = t == 0.0 ? a_from : t == 1.0 ? a_to : mix(a_from, a_to, t);
  float reach = reachOf(p);
  bool shown = cell.w != 3.0 && (t == 0.0 ? hasFrom : hasTo) && ${outlying ? '' : '!'}(reach > ${EDGE_OF_FRAME});

  vec4 at = place(p, cell);
  float fog = u_deep ? 0.45 * clamp(0.5 - 0.5 * at.z, 0.0, 1.0) : 0.0;
  float lit = u_selecting > 0.0 && level >= 2 ? 1.0 : 0.0;
  float depth = u_deep ? -0.4 * at.z - 0.5 * lit : 0.0;
  gl_Position = shown ? onScreen(at.xy, depth * 0.9) : vec4(2.0, 2.0, 2.0, 1.0);

  ${patched ? 'vec4 part = texel(u_patches, point); bool pictured = part.z > part.x;' : ''}
  float size = ${patched ? '(pictured ? u_patchSize : u_size)' : 'u_size'} * at.w * own;
  if (lit > 0.0) size = (level & 1) == 1 ? min(2.2 * size, size + 5.0) : min(1.5 * size, size + 2.0);
  float opacity = u_selecting > 0.0 && lit == 0.0 ? 0.2 : lit > 0.0 ${patched ? '|| pictured ' : ''}? 1.0 : 0.8;
  bool key = point >= u_queries;
  float diameter = size * u_ratio * (key ${patched ? '&& !pictured ' : ''}? ${KEY_SIZE.toFixed(2)} : 1.0);
  if (u_ghost) { fog = 0.3; opacity *= 0.75; }
  gl_PointSize = diameter + (key ? ${EDGE.key.toFixed(1)} : ${EDGE.query.toFixed(1)});
  if (lit > 0.0) fog = 0.0;
  v_colour = vec4(mix(look.rgb, u_fog, fog) * opacity, opacity);
  ${patched ? PICTURED : ''}
  ${outlying ? POINTING : ''}
  v_side = key ? -gl_PointSize : gl_PointSize;
}`;

/** Of a point with a patch: its square, and how wide its frame is. */
const PICTURED = `
  v_part = part;
  v_fog = fog;
  v_detail = max(0.0, log2(max(part.z - part.x, part.w - part.y) / diameter));
  if (pictured) {
    float frame = clamp(${FRAME} * diameter, 1.0, ${MOST_FRAME.toFixed(1)} * u_ratio);
    v_frame = (level & 1) == 1 && lit > 0.0 ? 1.5 * frame : frame;
    gl_PointSize = diameter + 1.0;
  }`;

/** Of a point beyond the border: where it went, and the square that its arrowhead takes. */
const POINTING = `
  vec3 seen = u_deep ? u_rotation * p : p;
  float across = length(seen.xy);
  v_way = across > 1e-6 ? vec2(seen.x, -seen.y) / across : vec2(1.0, 0.0);
  v_halves = halvesOf(diameter, reach, u_ratio);
  gl_PointSize = 2.0 * length(v_halves) + 2.0;`;

/** A disc or a diamond. All is found from the side of the square: whatever else is handed over costs a processor that
 * draws more than to find it again does, and so does a test whether there is a hole where nothing has one. */
const round = ({ deep, patched, hollow }: Kind) => `#version 300 es
precision highp float;
flat in vec4 v_colour;
flat in float v_side;
out vec4 colour;
${hollow ? 'uniform bool u_ghost;' : ''}
${patched ? PATCH_FRAGMENT : ''}
void main() {
  bool key = v_side < 0.0;
  float side = abs(v_side);
  vec2 p = abs(gl_PointCoord - 0.5) * side;
  ${patched ? SEEN(deep) : ''}
  float far = key ? ${SLANT} * (p.x + p.y) : length(p);
  float reach = key ? ${SLANT / 2} * side - ${(SLANT / 2) * EDGE.key - 0.5} : 0.5 * side;
  float cover = clamp(reach - far, 0.0, 1.0);
  ${hollow ? HOLE : ''}
  ${deep ? 'if (cover < 0.3) discard;' : ''}
  colour = v_colour * cover;
}`;

/** Keys are hollow as soon as there is room for a hole, so that shape tells them from queries. Ghosts are nothing but
 * their rim. */
const HOLE = `float diameter = side - (key ? ${EDGE.key.toFixed(1)} : ${EDGE.query.toFixed(1)});
  float hole = u_ghost ? smoothstep(2.0, 5.0, diameter) : key && diameter > ${HOLLOW.toFixed(1)} ? 0.85 : 0.0;
  float wall = max(1.0, (u_ghost ? 0.12 : 0.2) * diameter);
  cover *= 1.0 - hole * clamp(reach - wall - far, 0.0, 1.0);`;

/** Hollow where keys are. */
const pointed = ({ deep }: Kind) => `#version 300 es
precision highp float;
flat in vec4 v_colour;
flat in float v_side;
flat in vec2 v_way, v_halves;
out vec4 colour;
uniform bool u_ghost;
${DEPTH_GLSL}
void main() {
  bool key = v_side < 0.0;
  float depth = depthOf((gl_PointCoord - 0.5) * abs(v_side), v_way, v_halves);
  float cover = clamp(depth + 0.5, 0.0, 1.0);
  float wall = max(1.0, (u_ghost ? 0.12 : 0.2) * 2.0 * v_halves.y);
  float hole = u_ghost || (key && v_halves.y > ${(HOLLOW / 2).toFixed(1)}) ? 0.85 : 0.0;
  cover *= 1.0 - hole * clamp(depth + 0.5 - wall, 0.0, 1.0);
  ${deep ? 'if (cover < 0.3) discard;' : ''}
  colour = v_colour * cover;
}`;

const SEEN = (deep: boolean) => `if (v_part.z > v_part.x) {
    colour = pictured((gl_PointCoord - 0.5) * side, 0.5 * (side - 1.0), key);
    ${deep ? 'if (colour.a < 0.3 * v_colour.a) discard;' : ''}
    return;
  }`;

export function fragment(kind: Kind): string {
  return (kind.outlying ? pointed : round)(kind);
}
