import type { Picture } from './picture';
import { Program } from './program';
import { TEXEL_GLSL, type Texels } from './texels';

/** The widest border that tells a figure: css pixels, and share of the cell's side. */
const WIDEST = 5;
const WIDEST_SHARE = 0.09;

const VERTEX = `#version 300 es
uniform highp sampler2D u_heads, u_tints, u_borders;
uniform vec2 u_viewport;
uniform float u_ratio;
uniform vec3 u_camera;
uniform int u_hovered, u_opened;
uniform bool u_bordered;
uniform vec3 u_border;
flat out vec4 v_tint, v_border;
flat out vec2 v_side;
flat out int v_mark;
out vec2 v_place;
${TEXEL_GLSL}
void main() {
  vec4 cell = texel(u_heads, gl_InstanceID);
  v_tint = texel(u_tints, gl_InstanceID);
  v_border = u_bordered ? texel(u_borders, gl_InstanceID) : vec4(u_border, 0.0);
  v_mark = gl_InstanceID == u_opened ? 2 : gl_InstanceID == u_hovered ? 1 : 0;
  // Whole device pixels, or borders of one pixel would come and go with the zoom.
  vec2 low = round((cell.xy * u_camera.x + u_camera.yz) * u_ratio) / u_ratio;
  vec2 high = round(((cell.xy + cell.z) * u_camera.x + u_camera.yz) * u_ratio) / u_ratio;
  v_side = high - low;
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  v_place = corner * v_side;
  vec2 pixel = low + v_place;
  gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 v_tint, v_border;
flat in vec2 v_side;
flat in int v_mark;
in vec2 v_place;
uniform vec3 u_accent;
out vec4 colour;

const float WIDEST = ${WIDEST.toFixed(1)}, WIDEST_SHARE = ${WIDEST_SHARE.toFixed(2)};

void main() {
  float inside = min(min(v_place.x, v_place.y), min(v_side.x - v_place.x, v_side.y - v_place.y));
  float widest = min(WIDEST, WIDEST_SHARE * min(v_side.x, v_side.y));
  float wall = 1.0 + v_border.a * max(0.0, widest - 1.0);
  vec3 line = inside < wall ? v_border.rgb : v_tint.rgb;
  if (v_mark > 0 && inside < (v_mark == 2 ? 2.0 : 1.0)) line = u_accent;
  colour = vec4(line, 1.0);
}`;

/** The cells' backgrounds and borders: one instanced draw call under the points. */
export class CellsPass {
  private readonly program: Program;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, VERTEX, FRAGMENT);
  }

  draw(
    picture: Picture,
    heads: Texels,
    tints: Texels,
    borders: Texels,
    viewport: readonly [number, number, number],
  ): void {
    const { gl, program } = this;
    const { camera } = picture;
    if (!picture.tints) return;
    program.use();
    heads.bind(0, picture.cells);
    tints.bind(1, picture.tints);
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_tints'), 1);
    if (picture.borders) borders.bind(2, picture.borders);
    gl.uniform1i(program.uniform('u_borders'), picture.borders ? 2 : 1);
    gl.uniform1i(program.uniform('u_bordered'), picture.borders ? 1 : 0);
    gl.uniform2f(program.uniform('u_viewport'), viewport[0], viewport[1]);
    gl.uniform1f(program.uniform('u_ratio'), viewport[2]);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniform1i(program.uniform('u_hovered'), picture.hovered);
    gl.uniform1i(program.uniform('u_opened'), picture.opened);
    gl.uniform3fv(program.uniform('u_border'), picture.border);
    gl.uniform3fv(program.uniform('u_accent'), picture.accent);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, picture.grid.total);
  }

  destroy(): void {
    this.program.destroy();
  }
}
