import { drawnByProcessor } from './budget';
import { cellFrames, NUDGE, TILE, WIDEST, WIDEST_SHARE } from './cell_frames';
import { LEGIBLE } from './layout';
import type { Picture, Rgb } from './picture';
import type { Viewport } from './points';
import { Program } from './program';
import { TEXEL_GLSL, type Texels } from './texels';

/** Squares that lie on each other in a cell: the mark's line, the border, the background. */
const SQUARES = 3;
/** So many cells a processor fills faster one by one than it draws their triangles. */
const MOST_FILLED = 400;

const VERTEX = `#version 300 es
uniform highp sampler2D u_heads, u_tints, u_borders;
uniform vec2 u_viewport;
uniform float u_ratio;
uniform vec3 u_camera, u_border, u_accent;
uniform int u_hovered, u_opened;
uniform bool u_bordered;
flat out vec3 v_colour;
${TEXEL_GLSL}
const float WIDEST = ${WIDEST.toFixed(1)}, WIDEST_SHARE = ${WIDEST_SHARE.toFixed(2)};
const float LEGIBLE = ${LEGIBLE.toFixed(1)}, TILE = ${TILE.toFixed(6)}, NUDGE = ${NUDGE};

// Squares on squares, each smaller than the one under it: a fragment has nothing to find out, which is what a processor
// in a graphics card's stead takes its time for.
void main() {
  int quad = gl_VertexID / 6;
  int head = quad / ${SQUARES};
  int square = quad - head * ${SQUARES};
  vec4 cell = texel(u_heads, head);
  vec4 border = u_bordered ? texel(u_borders, head) : vec4(u_border, 0.0);
  v_colour = square == 0 ? u_accent : square == 1 ? border.rgb : texel(u_tints, head).rgb;
  // Whole device pixels, or borders of one pixel would come and go with the zoom.
  // Tiles lie close, or gaps of a pixel would come and go between them; the end of one and the start of the next are rounded alike.
  float spare = cell.z * u_camera.x < LEGIBLE ? TILE * cell.z : 0.0;
  float nudge = spare > 0.0 ? NUDGE : 0.0;
  vec2 low = round(((cell.xy - spare) * u_camera.x + u_camera.yz) * u_ratio - nudge) / u_ratio;
  vec2 high = round(((cell.xy + cell.z + spare) * u_camera.x + u_camera.yz) * u_ratio - nudge) / u_ratio;
  vec2 side = high - low;
  float widest = min(WIDEST, WIDEST_SHARE * min(side.x, side.y));
  float mark = head == u_opened ? 2.0 : head == u_hovered ? 1.0 : 0.0;
  float wall = (spare > 0.0 ? 0.0 : 1.0) + border.a * max(0.0, widest - 1.0);
  float inset = square == 0 ? 0.0 : square == 1 ? mark : max(mark, wall);
  inset = round(inset * u_ratio) / u_ratio;
  if (square == 0 && mark == 0.0) high = low; // no mark
  int corner = gl_VertexID - 6 * quad; // of two triangles: 0 1 2, 1 2 3
  corner -= corner > 2 ? 2 : 0;
  vec2 pixel = mix(low + inset, max(high - inset, low + inset), vec2(corner & 1, corner >> 1));
  gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec3 v_colour;
out vec4 colour;
void main() { colour = vec4(v_colour, 1.0); }`;

/** The cells' backgrounds and borders, under the points: one draw call without instances, each of which costs a
 * processor as much as a draw call; or, where a processor draws few cells, no triangles at all. */
export class CellsPass {
  private readonly program: Program;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, VERTEX, FRAGMENT);
  }

  draw(picture: Picture, heads: Texels, tints: Texels, borders: Texels, viewport: Viewport): void {
    if (drawnByProcessor() && picture.visible <= MOST_FILLED) this.fill(picture, viewport);
    else this.drawTriangles(picture, heads, tints, borders, viewport);
  }

  /** The same squares as those of the shader, as cleared parts of the canvas. */
  private fill(picture: Picture, [width, height, ratio]: Viewport): void {
    const { gl } = this;
    gl.enable(gl.SCISSOR_TEST);
    for (const frame of cellFrames(picture, { width, height }, ratio)) {
      const { left, top, right, bottom, mark, wall } = frame;
      const square = (inset: number, [red, green, blue]: Rgb) => {
        const [x, y] = [left + inset, bottom - inset].map((place) => Math.round(place * ratio)) as [
          number,
          number,
        ];
        const across = Math.round((right - left - 2 * inset) * ratio);
        const down = Math.round((bottom - top - 2 * inset) * ratio);
        if (across <= 0 || down <= 0) return;
        gl.scissor(x, gl.drawingBufferHeight - y, across, down);
        gl.clearColor(red, green, blue, 1);
        gl.clear(gl.COLOR_BUFFER_BIT);
      };
      if (mark > 0) square(0, picture.accent);
      if (mark < wall) square(mark, frame.border);
      square(Math.max(mark, wall), frame.tint);
    }
    gl.disable(gl.SCISSOR_TEST);
  }

  private drawTriangles(
    picture: Picture,
    heads: Texels,
    tints: Texels,
    borders: Texels,
    viewport: Viewport,
  ): void {
    const { gl, program } = this;
    const { camera } = picture;
    if (!picture.tints) return;
    program.use();
    heads.bind(0, picture.cells);
    tints.bind(1, picture.tints);
    if (picture.borders) borders.bind(2, picture.borders);
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_tints'), 1);
    gl.uniform1i(program.uniform('u_borders'), picture.borders ? 2 : 1);
    gl.uniform1i(program.uniform('u_bordered'), picture.borders ? 1 : 0);
    gl.uniform2f(program.uniform('u_viewport'), viewport[0], viewport[1]);
    gl.uniform1f(program.uniform('u_ratio'), viewport[2]);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniform1i(program.uniform('u_hovered'), picture.hovered);
    gl.uniform1i(program.uniform('u_opened'), picture.opened);
    gl.uniform3fv(program.uniform('u_border'), picture.border);
    gl.uniform3fv(program.uniform('u_accent'), picture.accent);
    gl.disable(gl.BLEND);
    gl.drawArrays(gl.TRIANGLES, 0, 6 * SQUARES * picture.grid.total);
    gl.enable(gl.BLEND);
  }

  destroy(): void {
    this.program.destroy();
  }
}
