import type { Picture } from './picture';
import { Program } from './program';
import { TEXEL_GLSL, type Texels } from './texels';

const VERTEX = `#version 300 es
uniform highp sampler2D u_heads, u_tints;
uniform vec2 u_viewport;
uniform float u_ratio;
uniform vec3 u_camera, u_border, u_accent;
uniform int u_hovered, u_opened;
flat out vec3 v_colour;
${TEXEL_GLSL}
// Every head twice: a square in the border's colour, and on it a smaller one, the cell. A fragment has nothing to find
// out, which is what a processor in a graphics card's stead takes its time for.
void main() {
  int head = gl_InstanceID >> 1;
  bool inner = (gl_InstanceID & 1) == 1;
  vec4 cell = texel(u_heads, head);
  bool opened = head == u_opened, marked = opened || head == u_hovered;
  v_colour = inner ? texel(u_tints, head).rgb : marked ? u_accent : u_border;
  // Whole device pixels, or borders of one pixel would come and go with the zoom.
  vec2 low = round((cell.xy * u_camera.x + u_camera.yz) * u_ratio) / u_ratio;
  vec2 high = round(((cell.xy + cell.z) * u_camera.x + u_camera.yz) * u_ratio) / u_ratio;
  float wall = inner ? round((opened ? 2.0 : 1.0) * u_ratio) / u_ratio : 0.0;
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  vec2 pixel = mix(low + wall, max(high - wall, low + wall), corner);
  gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec3 v_colour;
out vec4 colour;
void main() { colour = vec4(v_colour, 1.0); }`;

/** The cells' backgrounds and borders: one instanced draw call under the points. */
export class CellsPass {
  private readonly program: Program;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, VERTEX, FRAGMENT);
  }

  draw(picture: Picture, heads: Texels, tints: Texels, viewport: readonly [number, number, number]): void {
    const { gl, program } = this;
    const { camera } = picture;
    if (!picture.tints) return;
    program.use();
    heads.bind(0, picture.cells);
    tints.bind(1, picture.tints);
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_tints'), 1);
    gl.uniform2f(program.uniform('u_viewport'), viewport[0], viewport[1]);
    gl.uniform1f(program.uniform('u_ratio'), viewport[2]);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniform1i(program.uniform('u_hovered'), picture.hovered);
    gl.uniform1i(program.uniform('u_opened'), picture.opened);
    gl.uniform3fv(program.uniform('u_border'), picture.border);
    gl.uniform3fv(program.uniform('u_accent'), picture.accent);
    gl.disable(gl.BLEND);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, 2 * picture.grid.total);
    gl.enable(gl.BLEND);
  }

  destroy(): void {
    this.program.destroy();
  }
}
