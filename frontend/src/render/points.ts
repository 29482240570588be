import { Outliers } from './arrowheads';
import { AtlasTexture } from './patches';
import type { Ghost, Picture } from './picture';
import { OWN_FRAME } from './place';
import { fragment, HOLLOW, KEY_SIZE, type Kind, vertex } from './points_glsl';
import { Positions } from './positions';
import { Program } from './program';
import { Texels } from './texels';

/** Css pixels, and device pixels per css pixel. */
export type Viewport = readonly [width: number, height: number, ratio: number];

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
  private readonly few: WebGLBuffer;
  private drawList: Uint32Array | null = null;
  private readonly outliers = new Outliers();
  private readonly outliersOfGhosts = new Outliers();

  constructor(private readonly gl: WebGL2RenderingContext) {
    const plain = { deep: false, patched: false, hollow: false, figured: false, outlying: false };
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
    this.few = gl.createBuffer();
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
    steps: Ghost,
    positions: Positions,
    picture: Picture,
    heads: Texels,
    styles: Texels,
    viewport: Viewport,
  ): void {
    const { gl } = this;
    const { grid, dims, queries, keys, drawList } = picture;
    if (drawList.length === 0) return;
    const perHead = queries + keys;
    const ghost = positions === this.ghosts;
    const patched = !ghost && picture.patches != null;
    const deep = dims === 3;
    const hollow = deep || ghost || largestKey(picture) * viewport[2] > HOLLOW;
    const outlying = (ghost ? this.outliersOfGhosts : this.outliers).find(
      drawList,
      steps,
      perHead,
      dims,
      picture.reach,
    );

    gl.bindVertexArray(this.vertices);
    if (drawList !== this.drawList) {
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, drawList, gl.DYNAMIC_DRAW);
      this.drawList = drawList;
    }
    for (const [location, step] of [steps.from, steps.to].entries()) {
      gl.bindBuffer(gl.ARRAY_BUFFER, positions.buffer(step, grid, perHead * dims));
      gl.vertexAttribPointer(location, dims, gl.FLOAT, false, 0, 0);
    }
    heads.bind(0, steps.cells);
    styles.bind(1, picture.styles);
    if (deep) {
      gl.enable(gl.DEPTH_TEST);
      gl.depthFunc(gl.LEQUAL);
    }
    const figured = picture.figures != null;
    this.use({ deep, patched, figured, hollow, outlying: false }, picture, steps.mix, ghost, viewport);
    gl.drawElements(gl.POINTS, drawList.length, gl.UNSIGNED_INT, 0);
    if (outlying.length > 0) {
      this.use(
        { deep, patched: false, figured, hollow, outlying: true },
        picture,
        steps.mix,
        ghost,
        viewport,
      );
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.few);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, outlying, gl.DYNAMIC_DRAW);
      gl.drawElements(gl.POINTS, outlying.length, gl.UNSIGNED_INT, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    }
    gl.disable(gl.DEPTH_TEST);
    gl.bindVertexArray(null);
  }

  /** The program of a kind, with all that it is told but the steps. */
  private use(kind: Kind, picture: Picture, mix: number, ghost: boolean, viewport: Viewport): void {
    const { gl } = this;
    const { queries, keys, camera, figures, patches, reach = OWN_FRAME } = picture;
    const program = this.program(kind);
    program.use();
    if (kind.figured && figures) {
      this.values.bind(2, figures.values);
      this.ramp.bind(3, figures.ramp);
      gl.uniform1i(program.uniform('u_values'), 2);
      gl.uniform1i(program.uniform('u_ramp'), 3);
    }
    if (kind.patched && patches) {
      this.patches.bind(4, patches.rectangles);
      this.atlas.bind(5, patches.atlas);
      gl.uniform1i(program.uniform('u_patches'), 4);
      gl.uniform1i(program.uniform('u_atlas'), 5);
      gl.uniform1f(program.uniform('u_patchSize'), patches.size);
    }
    gl.uniform1i(program.uniform('u_heads'), 0);
    gl.uniform1i(program.uniform('u_points'), 1);
    gl.uniform1i(program.uniform('u_perHead'), queries + keys);
    gl.uniform1i(program.uniform('u_queries'), queries);
    gl.uniform1f(program.uniform('u_mix'), mix);
    gl.uniform1f(program.uniform('u_size'), picture.pointSize);
    gl.uniform1f(program.uniform('u_ratio'), viewport[2]);
    gl.uniform1i(program.uniform('u_ghost'), ghost ? 1 : 0);
    gl.uniform1f(program.uniform('u_selecting'), picture.selecting ? 1 : 0);
    gl.uniform2f(program.uniform('u_viewport'), viewport[0], viewport[1]);
    gl.uniform3f(program.uniform('u_camera'), camera.scale, camera.x, camera.y);
    gl.uniform4f(program.uniform('u_reach'), ...reach);
    gl.uniformMatrix3fv(program.uniform('u_rotation'), false, picture.rotation);
    gl.uniform3fv(program.uniform('u_fog'), picture.surface);
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
    this.gl.deleteBuffer(this.few);
    for (const program of this.programs.values()) program.destroy();
  }
}
