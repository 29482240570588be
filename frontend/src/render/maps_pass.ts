import { WIDEST, WIDEST_SHARE } from './cell_frames';
import { LEGIBLE } from './layout';
import { type CellMaps, LINE, RIM, ROOM_FOR_LINE } from './maps';
import type { Picture } from './picture';
import type { Viewport } from './points';
import { Program } from './program';
import { TEXEL_GLSL, Texels } from './texels';

/** Steps whose maps lie on the GPU: the two that are mixed, and the one before. */
const STEPS = 3;

const VERTEX = `#version 300 es
uniform highp sampler2D u_heads, u_borders;
uniform vec2 u_viewport;
uniform float u_ratio, u_strip;
uniform vec3 u_camera;
uniform ivec2 u_size;
uniform int u_hovered, u_opened;
uniform bool u_bordered, u_bars;
flat out int v_first;
flat out float v_across; // codes in a device pixel, along a side
out vec2 v_at;           // column and row
out vec2 v_pixel;        // of the device
flat out vec4 v_middle;  // left, top, right and bottom of the place in the middle, in these, at whole ones
${TEXEL_GLSL}
const float WIDEST = ${WIDEST.toFixed(1)}, WIDEST_SHARE = ${WIDEST_SHARE.toFixed(2)}, LEGIBLE = ${LEGIBLE.toFixed(1)};

// In the cell as the cells' pass lays it out, within its border and a rim of its background.
void main() {
  int head = gl_VertexID / 6;
  vec4 cell = texel(u_heads, head);
  vec2 low = round((cell.xy * u_camera.x + u_camera.yz) * u_ratio) / u_ratio;
  vec2 high = round(((cell.xy + cell.z) * u_camera.x + u_camera.yz) * u_ratio) / u_ratio;
  float side = high.x - low.x;
  float widest = min(WIDEST, WIDEST_SHARE * side);
  float own = u_bordered ? texel(u_borders, head).a : 0.0;
  float mark = head == u_opened ? 2.0 : head == u_hovered ? 1.0 : 0.0;
  float wall = round((1.0 + own * max(0.0, widest - 1.0)) * u_ratio) / u_ratio;
  float rim = round((max(mark, wall) + ${RIM} * side) * u_ratio) / u_ratio;
  float above = max(rim, round(u_strip * u_ratio) / u_ratio);
  vec2 room = max(vec2(0.0), vec2(side - 2.0 * rim, side - above - rim));
  if (cell.z * u_camera.x < LEGIBLE) room = vec2(0.0); // a tile, or no cell
  vec2 size = vec2(u_size);
  float each = min(room.x, room.y) / max(size.x, size.y);
  vec2 box = u_bars ? room : each * size;
  int corner = gl_VertexID - 6 * head; // of two triangles: 0 1 2, 1 2 3
  corner -= corner > 2 ? 2 : 0;
  vec2 at = vec2(corner & 1, corner >> 1);
  vec2 pixel = low + vec2(rim, above) + 0.5 * room + box * (at - 0.5);
  v_at = at * size;
  v_pixel = pixel * u_ratio;
  vec2 centre = (low + vec2(rim, above) + 0.5 * room) * u_ratio, half_place = 0.5 * box / size * u_ratio;
  v_middle = round(vec4(centre - half_place, centre + half_place));
  v_first = head * u_size.x * u_size.y;
  v_across = max(size.x, size.y) / max(1.0, min(room.x, room.y) * u_ratio);
  gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D u_from, u_to, u_colours;
uniform float u_mix, u_most, u_opacity, u_ratio;
uniform ivec2 u_size;
uniform bool u_bars, u_marked;
uniform vec3 u_middle;
flat in int v_first;
flat in float v_across;
in vec2 v_at, v_pixel;
flat in vec4 v_middle;
out vec4 colour;
${TEXEL_GLSL}

// The number at a place; -1: there is none.
float number(ivec2 place) {
  int at = v_first + place.y * u_size.x + place.x;
  float a = round(255.0 * texel(u_from, at).r), b = round(255.0 * texel(u_to, at).r);
  if (a == 0.0) a = b;
  if (b == 0.0) b = a;
  if (a == 0.0) return -1.0;
  return mix((a - 1.0) * (a - 1.0), (b - 1.0) * (b - 1.0), u_mix) / 64516.0;
}

void main() {
  ivec2 last = u_size - 1;
  if (u_bars) {
    int column = clamp(int(v_at.x), 0, last.x);
    float value = number(ivec2(column, 0));
    if (value <= 0.0 || 1.0 - v_at.y > value / u_most) discard;
    colour = vec4(texel(u_colours, column).rgb, 1.0) * u_opacity;
    return;
  }
  // A line around the middle, as wide on all sides: where there is room within it.
  vec2 inside = min(v_pixel - v_middle.xy, v_middle.zw - v_pixel);
  float rim = min(inside.x, inside.y);
  float line = max(1.0, round(${LINE.toFixed(1)} * u_ratio));
  if (u_marked && number(u_size / 2) >= 0.0 && rim >= 0.0 && rim < line && ${ROOM_FOR_LINE.toFixed(1)} * u_ratio * v_across < 1.0) {
    colour = vec4(u_middle, 1.0) * u_opacity;
    return;
  }
  // Where a pixel covers several places it has their mean.
  int each = clamp(int(ceil(v_across)), 1, 4);
  float sum = 0.0, count = 0.0;
  for (int i = 0; i < each * each; i++) {
    vec2 shift = (vec2(i % each, i / each) + 0.5) / float(each) - 0.5;
    float value = number(clamp(ivec2(v_at + shift * (each == 1 ? 0.0 : v_across)), ivec2(0), last));
    if (value < 0.0) continue;
    sum += value;
    count += 1.0;
  }
  if (count == 0.0) discard;
  float share = sqrt(min(1.0, sum / count / u_most));
  colour = vec4(texel(u_colours, 1 + int(round(254.0 * share))).rgb, 1.0) * u_opacity;
}`;

/** The maps of all cells in one draw call. Moving between two steps uploads nothing. */
export class MapsPass {
  private readonly program: Program;
  private readonly steps: Texels[] = [];
  private readonly colours: Texels;
  private readonly borders: Texels;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, VERTEX, FRAGMENT);
    this.colours = new Texels(gl);
    this.borders = new Texels(gl);
  }

  draw(picture: Picture, maps: CellMaps, heads: Texels, viewport: Viewport): void {
    const { gl, program } = this;
    const { camera } = picture;
    if (maps.rows * maps.columns === 0) return;
    program.use();
    this.step(maps.from, maps.to).bind(1, maps.from);
    this.step(maps.to, maps.from).bind(2, maps.to);
    heads.bind(0, picture.cells); // last: a texture that is made takes the place of what was bound before
    this.colours.bind(3, maps.colours);
    if (picture.borders) this.borders.bind(4, picture.borders);
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_from'), 1);
    gl.uniform1i(program.uniform('u_to'), 2);
    gl.uniform1i(program.uniform('u_colours'), 3);
    gl.uniform1i(program.uniform('u_borders'), picture.borders ? 4 : 0);
    gl.uniform1i(program.uniform('u_bordered'), picture.borders ? 1 : 0);
    gl.uniform1i(program.uniform('u_bars'), maps.form === 'bars' ? 1 : 0);
    gl.uniform1i(program.uniform('u_marked'), maps.middle ? 1 : 0);
    if (maps.middle) gl.uniform3f(program.uniform('u_middle'), ...maps.middle);
    gl.uniform1f(program.uniform('u_mix'), maps.mix);
    gl.uniform1f(program.uniform('u_most'), maps.most);
    gl.uniform1f(program.uniform('u_opacity'), maps.opacity);
    gl.uniform1f(program.uniform('u_strip'), maps.strip);
    gl.uniform2i(program.uniform('u_size'), maps.columns, maps.rows);
    gl.uniform2f(program.uniform('u_viewport'), viewport[0], viewport[1]);
    gl.uniform1f(program.uniform('u_ratio'), viewport[2]);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniform1i(program.uniform('u_hovered'), picture.hovered);
    gl.uniform1i(program.uniform('u_opened'), picture.opened);
    gl.drawArrays(gl.TRIANGLES, 0, 6 * picture.grid.total);
  }

  destroy(): void {
    for (const part of [...this.steps, this.colours, this.borders, this.program]) part.destroy();
  }

  /** The texture that has these codes, or one that has neither these nor those of the `other` step. */
  private step(codes: Uint8Array, other: Uint8Array): Texels {
    const { steps } = this;
    let at = steps.findIndex((texels) => texels.holds(codes));
    if (at < 0 && steps.length < STEPS) at = steps.push(new Texels(this.gl, 1)) - 1;
    if (at < 0) at = steps.findIndex((texels) => !texels.holds(other));
    const [found] = steps.splice(at, 1) as [Texels];
    steps.push(found); // the first one is the one used longest ago
    return found;
  }
}
