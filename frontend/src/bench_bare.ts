import type { Picture } from './render/picture';
import { INSET } from './render/place';
import { EDGE, KEY_SIZE } from './render/points_glsl';
import { Program } from './render/program';

const VERTEX = `#version 300 es
layout(location = 0) in vec2 a_place;
layout(location = 1) in vec4 a_colour;
uniform vec2 u_viewport;
uniform vec3 u_camera;
uniform float u_size;
flat out vec4 v_colour;
void main() {
  vec2 pixel = a_place * u_camera.x + u_camera.yz;
  gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
  gl_PointSize = u_size;
  v_colour = a_colour;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec4 v_colour;
out vec4 colour;
void main() { colour = v_colour; }`;

const OPACITY = 0.8;

/** The least that a scatterplot can be: places and colours in buffers, squares, one draw call. */
export class BareCanvas {
  readonly gl: WebGL2RenderingContext;
  private readonly program: Program;
  private readonly places: WebGLBuffer;
  private readonly colours: WebGLBuffer;
  private picture: Picture | null = null;
  private held: readonly unknown[] = [];

  constructor(width: number, height: number) {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const gl = canvas.getContext('webgl2', { alpha: true, antialias: false });
    if (!gl) throw new Error('This browser offers no WebGL 2.');
    this.gl = gl;
    this.program = new Program(gl, VERTEX, FRAGMENT);
    this.program.use();
    this.places = gl.createBuffer();
    this.colours = gl.createBuffer();
    gl.viewport(0, 0, width, height);
    gl.uniform2f(this.program.uniform('u_viewport'), width, height);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Puts the picture's points, as they are drawn, into the buffers; this is not measured. */
  prepare(picture: Picture): void {
    this.picture = picture;
    const { grid, queries, keys, drawList, styles, from } = picture;
    if (this.held[0] === drawList && this.held[1] === from) return;
    this.held = [drawList, from];
    const places = new Float32Array(2 * drawList.length);
    const colours = new Uint8Array(4 * drawList.length);
    const each = queries + keys;
    drawList.forEach((vertex, i) => {
      const [head, point] = [Math.floor(vertex / each), vertex % each];
      const points = from?.heads[head];
      const [left = 0, top = 0, side = 0] = grid.rects.subarray(4 * head, 4 * head + 3);
      const [x, y] = [points?.[2 * point] ?? 0, points?.[2 * point + 1] ?? 0];
      places.set([left + side * (0.5 + 0.5 * INSET * x), top + side * (0.5 - 0.5 * INSET * y)], 2 * i);
      for (let c = 0; c < 3; c++) colours[4 * i + c] = OPACITY * (styles[4 * point + c] ?? 0);
      colours[4 * i + 3] = OPACITY * 255;
    });
    this.fill(0, this.places, places, 2);
    this.fill(1, this.colours, colours, 4);
  }

  draw(): void {
    const { gl, program, picture } = this;
    if (!picture) return;
    const { camera } = picture;
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    const diameter = picture.pointSize * devicePixelRatio;
    const side = (diameter + EDGE.query + KEY_SIZE * diameter + EDGE.key) / 2; // the same pixels, on average
    gl.uniform1f(program.uniform('u_size'), side);
    gl.drawArrays(gl.POINTS, 0, picture.drawList.length);
  }

  private fill(location: number, buffer: WebGLBuffer, data: Float32Array | Uint8Array, size: number): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(location);
    const bytes = data instanceof Uint8Array;
    gl.vertexAttribPointer(location, size, bytes ? gl.UNSIGNED_BYTE : gl.FLOAT, bytes, 0, 0);
  }
}
