import type { Size } from '../base/size';
import { Marking, type Tool } from '../find/marking.svelte';
import type { Marks } from '../find/marks.svelte';
import type { ReadingStart } from '../reading/reading_start.svelte';
import { type Camera, pan, toWorld, zoomAt } from '../render/camera';
import { framingOf } from '../render/framing';
import { pointsInside } from '../render/lasso';
import { turn } from '../render/orbit';
import type { Cloud } from '../render/pick';
import type { Focus } from '../run/focus.svelte';
import type { Dims } from '../run/pictures';
import { gestures } from '../widgets/gestures';
import { type HeadCamera, ZOOMS } from './head_camera.svelte';
import { Spin } from './spin';

/** The plot under the hand, as it is drawn now. */
export interface Plot {
  readonly camera: Camera;
  /** The camera that shows all of it. */
  readonly whole: Camera;
  readonly size: Size;
  readonly dims: Dims;
  readonly cloud: Cloud | null;
  /** Numbers of the points that are drawn. */
  readonly order: Uint32Array;
  pick(x: number, y: number): number | null;
}

interface Needs {
  readonly focus: Pick<Focus, 'selection' | 'large' | 'selectPoint'>;
  readonly readingStart: Pick<ReadingStart, 'read'>;
  readonly marks: Pick<Marks, 'mark'>;
  readonly headCamera: Pick<HeadCamera, 'framing' | 'orbit' | 'reset'>;
  readonly reducedMotion: boolean;
}

/** Radians of a turn, and css pixels of a pan, for each press of an arrow key. */
const TURN = 0.12;
const PAN = 40;

/** What pointer and keys do to an opened head's scatterplot. */
export class ScatterHand {
  readonly marking = new Marking();
  readonly spin: Spin;
  /** Where the pointer is. */
  pointer = $state.raw<readonly [number, number] | null>(null);

  constructor(
    private readonly session: Needs,
    private readonly plot: () => Plot,
  ) {
    this.spin = new Spin(session.headCamera, () => !session.reducedMotion);
  }

  readonly keys = {
    move: (dx: number, dy: number): void => {
      const { camera, dims } = this.plot();
      const { headCamera } = this.session;
      if (dims === 3) headCamera.orbit = turn(headCamera.orbit, dx * TURN, dy * TURN);
      else this.look(pan(camera, -dx * PAN, -dy * PAN));
    },
    zoom: (factor: number): void => {
      const { width, height } = this.plot().size;
      this.zoom(width / 2, height / 2, factor);
    },
    showAll: (): void => this.session.headCamera.reset(),
    mark: (tool: Tool): boolean => {
      const flat = this.plot().dims === 2;
      if (flat) this.marking.choose(tool);
      return flat;
    },
    stop: (): boolean => {
      const { busy } = this.marking;
      this.marking.stop();
      return busy;
    },
    read: (): void => void this.session.readingStart.read(),
  };

  readonly gestures = gestures({
    pan: (dx, dy, event, at) => {
      const { camera, dims } = this.plot();
      if (dims === 2 && this.marking.drag(dx, dy, event, at)) return;
      if (dims === 2 || event.shiftKey) this.look(pan(camera, dx, dy));
      else this.spin.drag(dx, dy);
    },
    end: (letGo) => {
      const { camera, cloud, order } = this.plot();
      const done = this.marking.finish();
      if (!done || !letGo || !cloud) return;
      const line = done.corners.map(([x, y]) => toWorld(camera, x, y));
      this.session.marks.mark(pointsInside(cloud, 0, line, order), done.how);
    },
    zoom: (x, y, factor) => this.zoom(x, y, factor),
    reset: () => this.session.headCamera.reset(),
    hover: (at) => {
      this.pointer = at;
    },
    tap: (x, y) => this.tap(x, y),
  });

  /** Selects the point that is meant, or nothing. */
  tap(x: number, y: number): void {
    const { focus } = this.session;
    const point = this.plot().pick(x, y);
    if (point === null) {
      focus.selection = null;
      return;
    }
    // What is clicked in stays as large as it is.
    if (focus.selection === null) focus.large = 'points';
    focus.selectPoint(point);
  }

  private zoom(x: number, y: number, factor: number): void {
    const { camera, whole } = this.plot();
    const [least, most] = ZOOMS;
    this.look(zoomAt(camera, x, y, factor, [least * whole.scale, most * whole.scale]));
  }

  private look(to: Camera): void {
    const { whole, size } = this.plot();
    this.session.headCamera.framing = framingOf(to, whole, size);
  }
}
