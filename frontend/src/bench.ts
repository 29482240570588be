import { flushSync, mount } from 'svelte';
import App from './app/App.svelte';
import { findHost } from './base/host';
import { BareCanvas } from './bench_bare';
import type { Picture } from './render/picture';
import { Scene } from './render/scene';
import { drawList } from './render/subset';
import { SyntheticSource } from './source/synthetic';

/** The page of benchmarks/browser.py: frames of the whole tab with a made-up run, and of a bare gl.POINTS draw of the
 * points that the tab has just drawn, in turns. */
export interface Size {
  readonly layers: number;
  readonly heads: number;
  readonly tokens: number;
  readonly repetitions: number;
  /** Draw every point, not only those that there is room for. */
  readonly all: boolean;
}

interface Timed {
  /** Milliseconds of each frame, in turns: [repetitions] */
  readonly tab: number[];
  readonly bare: number[];
  /** Points that the last frame drew. */
  readonly points: number;
}

const FRAME = 16; // milliseconds that the tab believes to have passed between two frames
const MOTIONS = { pan: drag, zoom: wheel, morph: () => {} } as const;

let waiting = new Map<number, FrameRequestCallback>();
let asked = 0;
let clock = 0;
let shown: Picture | null = null;

/** Frames are drawn when this page says so, and not when the screen is ready: time spent waiting would count. */
function takeFrames(): void {
  window.requestAnimationFrame = (callback) => {
    waiting.set(++asked, callback);
    return asked;
  };
  window.cancelAnimationFrame = (number) => waiting.delete(number);
}

function drawFrame(): void {
  clock += FRAME;
  flushSync();
  const due = waiting;
  waiting = new Map();
  for (const callback of due.values()) callback(clock);
  flushSync();
  void document.body.offsetHeight; // the labels' layout belongs to the frame
}

/** Each motion's frames, in the tab and bare, alternating. */
export async function frames(size: Size): Promise<Record<keyof typeof MOTIONS, Timed>> {
  takeFrames();
  localStorage.setItem('tb-attnviz.introduced', '1');
  location.hash = 'attnviz&p.attnviz.cells=points';
  listen(size.all);
  const source = new SyntheticSource({
    heads: new Array<number>(size.layers).fill(size.heads),
    tokens: size.tokens,
    checkpoints: 2,
  });
  mount(App, { target: document.body, props: { source, host: findHost() } });
  await settled();
  const canvas = document.querySelector<HTMLCanvasElement>('.matrix canvas');
  const context = canvas?.getContext('webgl2');
  if (!canvas || !context) throw new Error('The tab has drawn no matrix.');
  const bare = new BareCanvas(canvas.width, canvas.height);
  const measured = {} as Record<keyof typeof MOTIONS, Timed>;
  wheel(0);
  for (const motion of Object.keys(MOTIONS) as (keyof typeof MOTIONS)[]) {
    if (motion === 'morph') await play();
    const times = { tab: [] as number[], bare: [] as number[] };
    for (let i = -2; i < size.repetitions; i++) {
      const ours = timed(context, () => {
        MOTIONS[motion](i);
        drawFrame();
      });
      if (!shown?.from) throw new Error('The tab has drawn no points.');
      bare.prepare(shown);
      const theirs = timed(bare.gl, () => bare.draw());
      if (i >= 0) {
        times.tab.push(ours); // the first two warm up
        times.bare.push(theirs);
      }
      await breathe();
    }
    measured[motion] = { ...times, points: shown?.drawList.length ?? 0 };
  }
  return measured;
}

/** Keeps the picture that the matrix draws, with every point in it if asked. */
function listen(all: boolean): void {
  const show = Scene.prototype.show;
  let everything: Uint32Array | null = null;
  Scene.prototype.show = function (picture) {
    if (all) {
      const [total, each] = [picture.grid.total, picture.queries + picture.keys];
      if (everything?.length !== total * each) {
        const order = Uint32Array.from({ length: each }, (_, i) => i);
        everything = drawList(
          Uint32Array.from({ length: total }, (_, i) => i),
          each,
          new Array<Uint32Array>(total).fill(order),
          [],
        );
      }
      shown = { ...picture, drawList: everything };
    } else {
      shown = picture;
    }
    show.call(this, shown);
  };
}

/** Milliseconds until the last pixel of what `draw` asks for is there. */
function timed(gl: WebGL2RenderingContext, draw: () => void): number {
  const pixel = new Uint8Array(4);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  const begun = performance.now();
  draw();
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return performance.now() - begun;
}

async function settled(): Promise<void> {
  const app = document.querySelector('[data-testid=attnviz]');
  do {
    await breathe();
    drawFrame();
  } while (app?.getAttribute('data-ready') !== 'true');
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function matrix(): HTMLElement {
  const found = document.querySelector<HTMLElement>('.matrix');
  if (!found) throw new Error('The tab has no matrix.');
  return found;
}

/** To and fro, a few pixels: all heads stay in view. */
function drag(i: number): void {
  const element = matrix();
  element.setPointerCapture = () => {}; // knows only pointers that exist
  const at = (x: number) => ({ clientX: x, clientY: 300, button: 0, pointerId: 1, bubbles: true });
  const way = i % 2 === 0 ? 8 : -8;
  element.dispatchEvent(new PointerEvent('pointerdown', at(300)));
  element.dispatchEvent(new PointerEvent('pointermove', at(300 + way)));
  element.dispatchEvent(new PointerEvent('pointerup', at(300 + way)));
}

/** In and out again, so little that all heads stay in view. */
function wheel(i: number): void {
  const deltaY = i % 2 === 0 ? -20 : 20;
  matrix().dispatchEvent(new WheelEvent('wheel', { deltaY, clientX: 300, clientY: 300, bubbles: true }));
}

/** From the first checkpoint on, slowly enough for all frames to lie between the two. */
async function play(): Promise<void> {
  const slider = document.querySelector<HTMLElement>('[role=slider]');
  slider?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true }));
  await settled();
  const speed = document.querySelector<HTMLSelectElement>('select[aria-label=Speed]');
  if (speed) {
    speed.selectedIndex = 0;
    speed.dispatchEvent(new Event('change', { bubbles: true }));
  }
  document.querySelector<HTMLButtonElement>('button[aria-label=Play]')?.click();
}
