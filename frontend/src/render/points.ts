import { AtlasTexture, FRAME, MOST_FRAME, PATCH_FRAGMENT, PATCH_VERTEX } from './patches';
import type { Ghost, Picture } from './picture';
import { PLACE_GLSL } from './place';
import { Positions } from './positions';
import { Program } from './program';
import { TEXEL_GLSL, Texels } from './texels';

/** Keys are drawn this much larger than queries: a diamond fills less of its square than a disc. */
export const KEY_SIZE = 1.15;
/** Pixels more than a disc's and a diamond's own that their soft edges take. */
export const EDGE = { query: 1, key: 1.5 } as const;
/** Device pixels of a key from which on it has a hole. */
const HOLLOW = 6;
const SLANT = Math.SQRT1_2;
/** Css pixels, and device pixels per css pixel. */
export type Viewport = readonly [width: number, height: number, ratio: number];

/** A program's shaders hold no more than what its points need. */
interface Kind {
  /** In three dimensions. */
  readonly deep: boolean;
  /** Points may be patches of an image. */
  readonly patched: boolean;
  /** Points may be large enough for a hole. */
  readonly hollow: boolean;
  /** Heads have colours or sizes of their own. */
  readonly figured: boolean;
}

const vertex = ({ deep, patched, figured }: Kind) => `#version 300 es
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
  bool shown = cell.w != 3.0 && (t == 0.0 ? hasFrom : hasTo);

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

/** A disc or a diamond. All is found from the side of the square: whatever else is handed over costs a processor that
 * draws more than to find it again does, and so does a test whether there is a hole where nothing has one. */
const fragment = ({ deep, patched, hollow }: Kind) => `#version 300 es
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

const SEEN = (deep: boolean) => `if (v_part.z > v_part.x) {
    colour = pictured((gl_PointCoord - 0.5) * side, 0.5 * (side - 1.0), key);
    ${deep ? 'if (colour.a < 0.3 * v_colour.a) discard;' : ''}
    return;
  }`;

/** Css pixels that no key in two dimensions is larger than: by its figure twice the size, selected 2.2 times. */
function largestKey({ pointSize, figures, selecting }: Picture): number {
  return pointSize * KEY_SIZE * (figures ? 2 : 1) * (selecting ? 2.2 : 1);
}

/** All points of all visible heads: one draw call, and one more for the ghosts under them. */
export class PointsPass {
  private readonly programs = new Map<string, Program>();
  private readonly positions: Positions;
  private readonly ghosts: Positions;
  private readonly values: Texels;
  private readonly ramp: Texels;
  private readonly patches: Texels;
  private readonly atlas: AtlasTexture;
  private readonly vertices: WebGLVertexArrayObject;
  private readonly indices: WebGLBuffer;
  private drawList: Uint32Array | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    const plain = { deep: false, patched: false, hollow: false, figured: false };
    this.program(plain);
    this.program({ ...plain, hollow: true });
    this.program({ ...plain, hollow: true, deep: true });
    // Two steps are being mixed; the third place keeps the one just left, or takes the one to come.
    this.positions = new Positions(gl, 3);
    this.ghosts = new Positions(gl, 2);
    this.values = new Texels(gl, 2);
    this.ramp = new Texels(gl);
    this.patches = new Texels(gl);
    this.atlas = new AtlasTexture(gl);
    this.vertices = gl.createVertexArray();
    this.indices = gl.createBuffer();
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    gl.enableVertexAttribArray(0);
    gl.enableVertexAttribArray(1);
    gl.bindVertexArray(null);
  }

  draw(picture: Picture, heads: Texels, styles: Texels, viewport: Viewport): void {
    const { from, to, mix, cells } = picture;
    if (from && to)
      this.drawSteps({ from, to, mix, cells }, this.positions, picture, heads, styles, viewport);
  }

  drawGhosts(picture: Picture, heads: Texels, styles: Texels, viewport: Viewport): void {
    if (picture.ghost) this.drawSteps(picture.ghost, this.ghosts, picture, heads, styles, viewport);
    else this.ghosts.clear();
  }

  private drawSteps(
    { from, to, mix, cells }: Ghost,
    positions: Positions,
    picture: Picture,
    heads: Texels,
    styles: Texels,
    viewport: Viewport,
  ): void {
    const { gl } = this;
    const { grid, dims, queries, keys, camera, drawList, figures = null } = picture;
    if (drawList.length === 0) return;
    const perHead = queries + keys;
    const patches = (positions === this.positions && picture.patches) || null;
    const [width, height, ratio] = viewport;
    const deep = dims === 3;
    const hollow = deep || positions === this.ghosts || largestKey(picture) * ratio > HOLLOW;
    const program = this.program({ deep, patched: patches !== null, figured: figures !== null, hollow });

    gl.bindVertexArray(this.vertices);
    if (drawList !== this.drawList) {
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, drawList, gl.DYNAMIC_DRAW);
      this.drawList = drawList;
    }
    for (const [location, step] of [from, to].entries()) {
      gl.bindBuffer(gl.ARRAY_BUFFER, positions.buffer(step, grid, perHead * dims));
      gl.vertexAttribPointer(location, dims, gl.FLOAT, false, 0, 0);
    }

    program.use();
    heads.bind(0, cells);
    styles.bind(1, picture.styles);
    if (figures) {
      this.values.bind(2, figures.values);
      this.ramp.bind(3, figures.ramp);
      gl.uniform1i(program.uniform('u_values'), 2);
      gl.uniform1i(program.uniform('u_ramp'), 3);
    }
    if (patches) {
      this.patches.bind(4, patches.rectangles);
      this.atlas.bind(5, patches.atlas);
      gl.uniform1i(program.uniform('u_patches'), 4);
      gl.uniform1i(program.uniform('u_atlas'), 5);
      gl.uniform1f(program.uniform('u_patchSize'), patches.size);
    }
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_points'), 1);
    gl.uniform1i(program.uniform('u_perHead'), perHead);
    gl.uniform1i(program.uniform('u_queries'), queries);
    gl.uniform1f(program.uniform('u_mix'), mix);
    gl.uniform1f(program.uniform('u_size'), picture.pointSize);
    gl.uniform1f(program.uniform('u_ratio'), ratio);
    gl.uniform1i(program.uniform('u_ghost'), positions === this.ghosts ? 1 : 0);
    gl.uniform1f(program.uniform('u_selecting'), picture.selecting ? 1 : 0);
    gl.uniform2f(program.uniform('u_viewport'), width, height);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniformMatrix3fv(program.uniform('u_rotation'), false, picture.rotation);
    gl.uniform3fv(program.uniform('u_fog'), picture.surface);

    if (deep) {
      gl.enable(gl.DEPTH_TEST);
      gl.depthFunc(gl.LEQUAL);
    }
    gl.drawElements(gl.POINTS, drawList.length, gl.UNSIGNED_INT, 0);
    gl.disable(gl.DEPTH_TEST);
    gl.bindVertexArray(null);
  }

  /** Those that draw patches or heads' figures are made when there are any. */
  private program(kind: Kind): Program {
    const key = JSON.stringify(kind);
    const made = this.programs.get(key) ?? new Program(this.gl, vertex(kind), fragment(kind));
    this.programs.set(key, made);
    return made;
  }

  destroy(): void {
    this.positions.clear();
    this.ghosts.clear();
    this.values.destroy();
    this.ramp.destroy();
    this.patches.destroy();
    this.atlas.destroy();
    this.gl.deleteVertexArray(this.vertices);
    this.gl.deleteBuffer(this.indices);
    for (const program of this.programs.values()) program.destroy();
  }
}
