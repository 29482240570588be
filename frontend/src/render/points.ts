import { CUBE, PERSPECTIVE } from './orbit';
import type { Picture } from './picture';
import { Positions } from './positions';
import { Program } from './program';
import { TEXEL_GLSL, type Texels } from './texels';

/** How far points that outgrew their frame are let out of it, as a share of half a cell. */
export const RIM = 0.05;
/** Share of a cell's half side at which the frame's ±1 lies; the rest holds the rim. */
export const INSET = 0.93;
/** Keys are drawn this much larger than queries: a diamond fills less of its square than a disc. */
export const KEY_SIZE = 1.15;
/** Pixels more than a disc's and a diamond's own that their soft edges take. */
export const EDGE = { query: 1, key: 1.5 } as const;

const vertex = (deep: boolean) => `#version 300 es
layout(location = 0) in vec3 a_from;
layout(location = 1) in vec3 a_to;
uniform highp sampler2D u_heads;   // a head: left, top, side, which steps it has
uniform highp sampler2D u_points;  // a point: colour, level
uniform int u_perHead, u_queries;
uniform float u_mix, u_size, u_ratio, u_selecting;
uniform vec2 u_viewport;
uniform vec3 u_camera;             // scale, x, y
const bool u_deep = ${deep};
uniform mat3 u_rotation;
uniform vec3 u_fog;
flat out vec4 v_colour;
flat out vec3 v_shape;
flat out int v_key;
${TEXEL_GLSL}
// Tested by bits: compilers are free to assume that there is no NaN.
bool finite(vec3 p) {
  return all(lessThan(floatBitsToUint(p) & 0x7fffffffu, uvec3(0x7f800000u)));
}

void main() {
  int head = gl_VertexID / u_perHead;
  int point = gl_VertexID - head * u_perHead;
  vec4 cell = texel(u_heads, head);
  vec4 look = texel(u_points, point);
  int level = int(look.a * 255.0 + 0.5);

  float t = cell.w == 0.0 ? u_mix : cell.w == 1.0 ? 0.0 : 1.0;
  bool hasFrom = finite(a_from), hasTo = finite(a_to);
  if (!hasFrom || !hasTo) t = step(0.5, t);
  vec3 p = t == 0.0 ? a_from : t == 1.0 ? a_to : mix(a_from, a_to, t);
  bool shown = cell.w != 3.0 && (t == 0.0 ? hasFrom : hasTo);
  if (!shown) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); gl_PointSize = 0.0; return; }

  float reach = max(max(abs(p.x), abs(p.y)), u_deep ? abs(p.z) : 0.0);
  if (reach > 1.0) p *= (1.0 + ${RIM.toFixed(3)} * (1.0 - 1.0 / reach)) / reach;

  float grow = 1.0, fog = 0.0;
  if (u_deep) {
    p = u_rotation * p;
    grow = 1.0 / (1.0 - ${PERSPECTIVE.toFixed(3)} * p.z);
    p.xy *= ${CUBE.toFixed(3)} * grow;
    fog = 0.45 * clamp(0.5 - 0.5 * p.z, 0.0, 1.0);
  }
  vec2 world = cell.xy + cell.z * (0.5 + 0.5 * ${INSET.toFixed(3)} * vec2(p.x, -p.y));
  vec2 pixel = world * u_camera.x + u_camera.yz;
  float lit = u_selecting > 0.0 && level >= 2 ? 1.0 : 0.0;
  float depth = u_deep ? -0.4 * p.z - 0.5 * lit : 0.0;
  gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), depth * 0.9, 1.0);

  float size = u_size * grow;
  if (lit > 0.0) size = level == 3 ? min(2.2 * size, size + 5.0) : min(1.5 * size, size + 2.0);
  float opacity = u_selecting > 0.0 && lit == 0.0 ? 0.2 : lit > 0.0 ? 1.0 : 0.8;
  v_key = point >= u_queries ? 1 : 0;
  float diameter = size * u_ratio * (v_key == 1 ? ${KEY_SIZE.toFixed(2)} : 1.0);
  // A disc; a diamond, hollow as soon as there is room for a hole, so that shape tells keys from queries. What all
  // fragments of a point share is found here once: its square's side, how far it reaches, and its hole.
  float wall = max(1.0, 0.2 * diameter);
  v_shape = v_key == 0
    ? vec3(diameter + ${EDGE.query.toFixed(1)}, 0.5 * diameter + 0.5, 0.0)
    : vec3(diameter + ${EDGE.key.toFixed(1)}, 0.35355 * diameter + 0.5, diameter > 6.0 ? 0.35355 * diameter - wall + 0.5 : 0.0);
  gl_PointSize = v_shape.x;
  v_colour = vec4(mix(look.rgb, u_fog, lit > 0.0 ? 0.0 : fog) * opacity, opacity);
}`;

const fragment = (deep: boolean) => `#version 300 es
precision highp float;
flat in vec4 v_colour;
flat in vec3 v_shape;
flat in int v_key;
out vec4 colour;

void main() {
  vec2 p = abs(gl_PointCoord - 0.5) * v_shape.x;
  float far = v_key == 0 ? length(p) : 0.7071 * (p.x + p.y);
  float cover = clamp(v_shape.y - far, 0.0, 1.0);
  if (v_shape.z > 0.0) cover *= 1.0 - 0.85 * clamp(v_shape.z - far, 0.0, 1.0);
  ${deep ? 'if (cover < 0.3) discard;' : ''}
  colour = v_colour * cover;
}`;

/** All points of all visible heads: one draw call. */
export class PointsPass {
  private readonly programs: { readonly flat: Program; readonly deep: Program };
  private readonly positions: Positions;
  private readonly vertices: WebGLVertexArrayObject;
  private readonly indices: WebGLBuffer;
  private drawList: Uint32Array | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.programs = {
      flat: new Program(gl, vertex(false), fragment(false)),
      deep: new Program(gl, vertex(true), fragment(true)),
    };
    this.positions = new Positions(gl);
    this.vertices = gl.createVertexArray();
    this.indices = gl.createBuffer();
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    gl.enableVertexAttribArray(0);
    gl.enableVertexAttribArray(1);
    gl.bindVertexArray(null);
  }

  draw(picture: Picture, heads: Texels, looks: Texels, viewport: readonly [number, number, number]): void {
    const { gl } = this;
    const { grid, dims, queries, keys, from, to, camera, drawList } = picture;
    if (!from || !to || drawList.length === 0) return;
    const perHead = queries + keys;
    const program = dims === 3 ? this.programs.deep : this.programs.flat;

    gl.bindVertexArray(this.vertices);
    if (drawList !== this.drawList) {
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, drawList, gl.DYNAMIC_DRAW);
      this.drawList = drawList;
    }
    for (const [location, step] of [from, to].entries()) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.positions.buffer(step, grid, perHead * dims));
      gl.vertexAttribPointer(location, dims, gl.FLOAT, false, 0, 0);
    }

    program.use();
    heads.bind(0, picture.cells);
    looks.bind(1, picture.looks);
    const [width, height, ratio] = viewport;
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_points'), 1);
    gl.uniform1i(program.uniform('u_perHead'), perHead);
    gl.uniform1i(program.uniform('u_queries'), queries);
    gl.uniform1f(program.uniform('u_mix'), picture.mix);
    gl.uniform1f(program.uniform('u_size'), picture.pointSize);
    gl.uniform1f(program.uniform('u_ratio'), ratio);
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

  destroy(): void {
    this.positions.destroy();
    this.gl.deleteVertexArray(this.vertices);
    this.gl.deleteBuffer(this.indices);
    for (const program of Object.values(this.programs)) program.destroy();
  }
}
