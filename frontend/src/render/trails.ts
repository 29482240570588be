import type { Picture, Trails } from './picture';
import { OWN_FRAME, PLACE_GLSL } from './place';
import type { Viewport } from './points';
import { Program } from './program';
import { TEXEL_GLSL, Texels } from './texels';

/** An instance is one stretch between two corners, drawn as a quad around a line with round ends; the corners of all
 * lines lie one after the other, so that those from a line's end to the next one's start are left out. */
const VERTEX = `#version 300 es
layout(location = 0) in vec3 a_start;
layout(location = 1) in vec3 a_end;
uniform highp sampler2D u_heads, u_points;
uniform int u_perLine, u_perHead;
uniform float u_mix, u_width;
flat out vec2 v_start;
flat out vec2 v_end;
flat out vec3 v_colour;
flat out vec2 v_ages;              // at the start and at the end: 0 oldest, 1 now
out vec2 v_pixel;
uniform bool u_deep;
${TEXEL_GLSL}
${PLACE_GLSL}
void main() {
  int line = gl_InstanceID / u_perLine;
  int stretch = gl_InstanceID - line * u_perLine;
  int last = u_perLine - 2;
  bool shown = stretch <= last && finite(a_start) && finite(a_end);
  if (!shown) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }

  vec4 cell = texel(u_heads, line / u_perHead);
  v_colour = texel(u_points, line - line / u_perHead * u_perHead).rgb;
  float stop = stretch == last ? u_mix : 1.0;
  v_start = place(a_start, cell).xy;
  v_end = place(mix(a_start, a_end, stop), cell).xy;
  v_ages = clamp((float(stretch) - u_mix + vec2(0.0, stop)) / float(max(1, last)), 0.0, 1.0);

  vec2 way = v_end - v_start;
  float extent = length(way);
  vec2 along = extent < 1e-5 ? vec2(1.0, 0.0) : way / extent;
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  float room = 0.5 * u_width + 1.0;
  v_pixel = mix(v_start - along * room, v_end + along * room, corner.x)
    + vec2(-along.y, along.x) * room * (2.0 * corner.y - 1.0);
  gl_Position = onScreen(v_pixel, 0.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec2 v_start;
flat in vec2 v_end;
flat in vec3 v_colour;
flat in vec2 v_ages;
in vec2 v_pixel;
uniform float u_width, u_ratio;
out vec4 colour;

void main() {
  vec2 way = v_end - v_start;
  float along = clamp(dot(v_pixel - v_start, way) / max(dot(way, way), 1e-9), 0.0, 1.0);
  float age = mix(v_ages.x, v_ages.y, along);
  float away = length(v_pixel - v_start - along * way);
  float half_ = 0.5 * u_width * (0.35 + 0.65 * age);
  float alpha = 0.85 * pow(age, 0.8) * clamp((half_ - away) * u_ratio + 0.5, 0.0, 1.0);
  if (alpha < 0.004) discard;
  colour = vec4(v_colour * alpha, alpha);
}`;

/** Css pixels across a trail where it is new. */
export function trailWidth(pointSize: number): number {
  return Math.min(3.5, Math.max(1.8, 0.75 * pointSize));
}

/** The trails of selected points, under the points themselves. */
export class TrailsPass {
  private readonly program: Program;
  private readonly vertices: WebGLVertexArrayObject;
  private readonly corners: WebGLBuffer;
  private readonly cells: Texels;
  private readonly styles: Texels;
  private held: Trails | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, VERTEX, FRAGMENT);
    this.corners = gl.createBuffer();
    this.cells = new Texels(gl);
    this.styles = new Texels(gl);
    this.vertices = gl.createVertexArray();
    gl.bindVertexArray(this.vertices);
    for (const location of [0, 1]) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribDivisor(location, 1);
    }
    gl.bindVertexArray(null);
  }

  draw(
    { trails, dims, camera, rotation, mix, pointSize, reach = OWN_FRAME }: Picture,
    viewport: Viewport,
  ): void {
    const { gl, program } = this;
    if (!trails || trails.corners.length === 0) return;
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    if (trails !== this.held) {
      gl.bufferData(gl.ARRAY_BUFFER, trails.corners, gl.DYNAMIC_DRAW);
      const bytes = dims * Float32Array.BYTES_PER_ELEMENT;
      gl.vertexAttribPointer(0, dims, gl.FLOAT, false, bytes, 0);
      gl.vertexAttribPointer(1, dims, gl.FLOAT, false, bytes, bytes);
      this.held = trails;
    }
    const [width, height, ratio] = viewport;
    program.use();
    this.cells.bind(0, trails.cells);
    this.styles.bind(1, trails.styles);
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_points'), 1);
    gl.uniform1i(program.uniform('u_perLine'), trails.perLine);
    gl.uniform1i(program.uniform('u_perHead'), trails.perHead);
    gl.uniform1f(program.uniform('u_mix'), mix);
    gl.uniform1f(program.uniform('u_width'), trailWidth(pointSize));
    gl.uniform1f(program.uniform('u_ratio'), ratio);
    gl.uniform2f(program.uniform('u_viewport'), width, height);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniform4f(program.uniform('u_reach'), ...reach);
    gl.uniform1i(program.uniform('u_deep'), dims === 3 ? 1 : 0);
    gl.uniformMatrix3fv(program.uniform('u_rotation'), false, rotation);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, trails.corners.length / dims - 1);
    gl.bindVertexArray(null);
  }

  destroy(): void {
    this.cells.destroy();
    this.styles.destroy();
    this.gl.deleteBuffer(this.corners);
    this.gl.deleteVertexArray(this.vertices);
    this.program.destroy();
  }
}
