import { CellsPass } from './cells';
import { MapsPass } from './maps_pass';
import type { Picture } from './picture';
import { PointsPass } from './points';
import { Texels } from './texels';
import { TrailsPass } from './trails';

interface Passes {
  readonly cells: CellsPass;
  readonly maps: MapsPass;
  readonly points: PointsPass;
  readonly trails: TrailsPass;
  readonly heads: Texels;
  readonly ghosts: Texels;
  readonly tints: Texels;
  readonly borders: Texels;
  readonly styles: Texels;
}

/** One canvas of heads. It shows the last picture that it was given; what lies on the GPU is only a copy, so a
 * lost context is rebuilt from that picture. */
export class Scene {
  private readonly gl: WebGL2RenderingContext;
  private passes: Passes | null;
  private picture: Picture | null = null;
  private request = 0;
  private readonly size = { width: 1, height: 1, ratio: 1 };

  /** @param onDrawn is called after each frame, with the picture that it shows */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onDrawn: (picture: Picture) => void = () => {},
  ) {
    const gl = canvas.getContext('webgl2', {
      alpha: true,
      antialias: false,
      powerPreference: 'high-performance',
    });
    if (!gl) throw new Error('This browser offers no WebGL 2, which the scatterplots need.');
    this.gl = gl;
    this.passes = makePasses(gl);
    canvas.addEventListener('webglcontextlost', this.lose);
    canvas.addEventListener('webglcontextrestored', this.restore);
  }

  show(picture: Picture): void {
    this.picture = picture;
    this.invalidate();
  }

  /** Css pixels, and device pixels per css pixel. */
  resize(width: number, height: number, ratio: number): void {
    // A hidden tab has no size; the canvas keeps its last one until it is shown again.
    if (width === 0 || height === 0) return;
    Object.assign(this.size, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    // Setting a canvas's size clears it: drawing at once, not at the next frame, avoids a flash.
    this.draw();
  }

  /** The picture once more with so many device pixels per css pixel; null while there is none. */
  pixels(ratio: number): OffscreenCanvas | null {
    const { canvas, gl, size } = this;
    if (!this.picture || gl.isContextLost()) return null;
    const own = { ...size };
    this.resize(own.width, own.height, ratio);
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    // In the same task: a drawing buffer that is not preserved is gone after it.
    copy.getContext('2d')?.drawImage(canvas, 0, 0);
    this.resize(own.width, own.height, own.ratio);
    return copy;
  }

  destroy(): void {
    cancelAnimationFrame(this.request);
    this.canvas.removeEventListener('webglcontextlost', this.lose);
    this.canvas.removeEventListener('webglcontextrestored', this.restore);
    if (this.passes) for (const part of Object.values(this.passes)) part.destroy();
    this.passes = null;
    // Browsers keep few contexts alive and take the oldest: give this one back now.
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  private invalidate(): void {
    if (this.request === 0) this.request = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    cancelAnimationFrame(this.request);
    this.request = 0;
    const { gl, picture, passes } = this;
    if (!picture || !passes || gl.isContextLost()) return;
    const viewport = [this.size.width, this.size.height, this.size.ratio] as const;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    passes.cells.draw(picture, passes.heads, passes.tints, passes.borders, viewport);
    if (picture.maps) passes.maps.draw(picture, picture.maps, passes.heads, viewport);
    passes.points.drawGhosts(picture, passes.ghosts, passes.styles, viewport);
    passes.trails.draw(picture, viewport);
    passes.points.draw(picture, passes.heads, passes.styles, viewport);
    this.onDrawn(picture);
  }

  private readonly lose = (event: Event) => {
    event.preventDefault(); // or the browser would never restore it
    this.passes = null;
  };

  private readonly restore = () => {
    this.passes = makePasses(this.gl);
    this.invalidate();
  };
}

function makePasses(gl: WebGL2RenderingContext): Passes {
  return {
    cells: new CellsPass(gl),
    maps: new MapsPass(gl),
    points: new PointsPass(gl),
    trails: new TrailsPass(gl),
    heads: new Texels(gl),
    ghosts: new Texels(gl),
    tints: new Texels(gl),
    borders: new Texels(gl),
    styles: new Texels(gl),
  };
}
