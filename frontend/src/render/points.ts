import { AtlasTexture, FRAME, MOST_FRAME, PATCH_FRAGMENT, PATCH_VERTEX } from './patches';
import type { Ghost, Picture } from './picture';
import { PLACE_GLSL } from './place';
import { Positions } from './positions';
import { Program } from './program';
import { TEXEL_GLSL, Texels } from './texels';

/** No figures of heads: what is bound in their place. */
const NOTHING = new Uint8Array(0);
/** Keys are drawn this much larger than queries: a diamond fills less of its square than a disc. */
export const KEY_SIZE = 1.15;
/** Pixels more than a disc's and a diamond's own that their soft edges take. */
export const EDGE = { query: 1, key: 1.5 } as const;
/** Css pixels, and device pixels per css pixel. */
export type Viewport = readonly [width: number, height: number, ratio: number];

const vertex = (deep: boolean, patched: boolean) => `#version 300 es
layout(location = 0) in vec3 a_from;
layout(location = 1) in vec3 a_to;
uniform highp sampler2D u_heads;   // a head: left, top, side, which steps it has
uniform highp sampler2D u_points;  // a point: colour, level
uniform bool u_figured;            // whether heads have colours or sizes of their own
uniform highp sampler2D u_values;  // a point of a head: place on the ramp, size
uniform highp sampler2D u_ramp;
uniform int u_perHead, u_queries;
uniform float u_mix, u_size, u_ratio, u_selecting;
const bool u_deep = ${deep};
uniform vec3 u_fog;
uniform bool u_ghost;
flat out vec4 v_colour;
flat out vec4 v_shape;
flat out int v_key;
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
  if (!shown) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); gl_PointSize = 0.0; return; }

  vec4 at = place(p, cell);
  float fog = u_deep ? 0.45 * clamp(0.5 - 0.5 * at.z, 0.0, 1.0) : 0.0;
  float lit = u_selecting > 0.0 && level >= 2 ? 1.0 : 0.0;
  float depth = u_deep ? -0.4 * at.z - 0.5 * lit : 0.0;
  gl_Position = onScreen(at.xy, depth * 0.9);

  ${patched ? 'vec4 part = texel(u_patches, point); bool pictured = part.z > part.x;' : ''}
  float size = ${patched ? '(pictured ? u_patchSize : u_size)' : 'u_size'} * at.w * own;
  if (lit > 0.0) size = (level & 1) == 1 ? min(2.2 * size, size + 5.0) : min(1.5 * size, size + 2.0);
  float opacity = u_selecting > 0.0 && lit == 0.0 ? 0.2 : lit > 0.0 ${patched ? '|| pictured ' : ''}? 1.0 : 0.8;
  v_key = point >= u_queries ? 1 : 0;
  float diameter = size * u_ratio * (v_key == 1 ${patched ? '&& !pictured ' : ''}? ${KEY_SIZE.toFixed(2)} : 1.0);
  if (u_ghost) { fog = 0.3; opacity *= 0.75; }
  // A disc; a diamond, hollow as soon as there is room for a hole, so that shape tells keys from queries. Ghosts are
  // nothing but their rim. What all fragments of a point share is found here once: its square's side, how far it
  // reaches, how far its hole does, and how much is missing there.
  float reach = (v_key == 0 ? 0.5 : 0.35355) * diameter + 0.5;
  float wall = max(1.0, (u_ghost ? 0.12 : 0.2) * diameter);
  float hole = u_ghost ? smoothstep(2.0, 5.0, diameter) : v_key == 1 && diameter > 6.0 ? 0.85 : 0.0;
  float side = diameter + (v_key == 0 ? ${EDGE.query.toFixed(1)} : ${EDGE.key.toFixed(1)});
  v_shape = vec4(side, reach, reach - wall, hole);
  gl_PointSize = side;
  if (lit > 0.0) fog = 0.0;
  v_colour = vec4(mix(look.rgb, u_fog, fog) * opacity, opacity);
  ${patched ? PICTURED : ''}
}`;

/** Of a point with a patch: half its side, and how wide its frame is. */
const PICTURED = `
  v_part = part;
  v_fog = fog;
  v_detail = max(0.0, log2(max(part.z - part.x, part.w - part.y) / diameter));
  if (pictured) {
    float frame = clamp(${FRAME} * diameter, 1.0, ${MOST_FRAME.toFixed(1)} * u_ratio);
    v_shape = vec4(diameter + 1.0, 0.5 * diameter, (level & 1) == 1 && lit > 0.0 ? 1.5 * frame : frame, 0.0);
    gl_PointSize = diameter + 1.0;
  }`;

const fragment = (deep: boolean, patched: boolean) => `#version 300 es
precision highp float;
flat in vec4 v_colour;
flat in vec4 v_shape;
flat in int v_key;
out vec4 colour;
${patched ? PATCH_FRAGMENT : ''}
void main() {
  ${patched ? SEEN(deep) : ''}
  vec2 p = abs(gl_PointCoord - 0.5) * v_shape.x;
  float far = v_key == 0 ? length(p) : 0.7071 * (p.x + p.y);
  float cover = clamp(v_shape.y - far, 0.0, 1.0);
  if (v_shape.w > 0.0) cover *= 1.0 - v_shape.w * clamp(v_shape.z - far, 0.0, 1.0);
  ${deep ? 'if (cover < 0.3) discard;' : ''}
  colour = v_colour * cover;
}`;

const SEEN = (deep: boolean) => `if (v_part.z > v_part.x) {
    colour = pictured((gl_PointCoord - 0.5) * v_shape.x);
    ${deep ? 'if (colour.a < 0.3 * v_colour.a) discard;' : ''}
    return;
  }`;

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
    this.program(false, false);
    this.program(true, false);
    // Two steps are being mixed; the third place keeps the one just left, or takes the one to come.
    this.positions = new Positions(gl, 3);
    this.ghosts = new Positions(gl, 2);
    this.values = new Texels(gl, true);
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

  draw(picture: Picture, heads: Texels, looks: Texels, viewport: Viewport): void {
    const { from, to, mix, cells } = picture;
    if (from && to) this.drawSteps({ from, to, mix, cells }, this.positions, picture, heads, looks, viewport);
  }

  drawGhosts(picture: Picture, heads: Texels, looks: Texels, viewport: Viewport): void {
    if (picture.ghost) this.drawSteps(picture.ghost, this.ghosts, picture, heads, looks, viewport);
    else this.ghosts.clear();
  }

  private drawSteps(
    { from, to, mix, cells }: Ghost,
    positions: Positions,
    picture: Picture,
    heads: Texels,
    looks: Texels,
    viewport: Viewport,
  ): void {
    const { gl } = this;
    const { grid, dims, queries, keys, camera, drawList } = picture;
    if (drawList.length === 0) return;
    const perHead = queries + keys;
    const patches = (positions === this.positions && picture.patches) || null;
    const program = this.program(dims === 3, patches !== null);

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
    looks.bind(1, picture.looks);
    this.values.bind(2, picture.figures?.values ?? NOTHING);
    this.ramp.bind(3, picture.figures?.ramp ?? NOTHING);
    if (patches) {
      this.patches.bind(4, patches.rectangles);
      this.atlas.bind(5, patches.atlas);
      gl.uniform1i(program.uniform('u_patches'), 4);
      gl.uniform1i(program.uniform('u_atlas'), 5);
      gl.uniform1f(program.uniform('u_patchSize'), patches.size);
    }
    const [width, height, ratio] = viewport;
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_points'), 1);
    gl.uniform1i(program.uniform('u_values'), 2);
    gl.uniform1i(program.uniform('u_ramp'), 3);
    gl.uniform1i(program.uniform('u_figured'), picture.figures ? 1 : 0);
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

    if (dims === 3) {
      gl.enable(gl.DEPTH_TEST);
      gl.depthFunc(gl.LEQUAL);
    }
    gl.drawElements(gl.POINTS, drawList.length, gl.UNSIGNED_INT, 0);
    gl.disable(gl.DEPTH_TEST);
    gl.bindVertexArray(null);
  }

  /** Those that draw patches are made when there are any. */
  private program(deep: boolean, patched: boolean): Program {
    const key = `${deep} ${patched}`;
    const made =
      this.programs.get(key) ?? new Program(this.gl, vertex(deep, patched), fragment(deep, patched));
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
