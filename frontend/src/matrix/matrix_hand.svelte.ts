import type { Attachment } from 'svelte/attachments';
import { pan } from '../render/camera';
import { firstHead, neighbour } from '../render/layout';
import type { Focus } from '../run/focus.svelte';
import type { HeadPlace } from '../run/head';
import { doubleTap } from '../widgets/double_tap';
import { gestures } from '../widgets/gestures';
import { handleKey } from '../widgets/keys';
import type { Arrangement } from './arrangement.svelte';
import type { MatrixCamera } from './matrix_camera.svelte';
import { MATRIX_KEYS, type Moves } from './matrix_keys';
import type { MatrixView } from './matrix_view.svelte';

/** Css pixels that the pointer moves before it means what lies under it: after a click or a key other heads may lie there than it was moved to. */
const MOVED = 6;

type View = Pick<MatrixCamera, 'now' | 'take' | 'zoom' | 'zoomOn' | 'showAll' | 'flyTo' | 'reveal'>;

/** A head, and its point that is meant, if one is. */
export interface Found {
  readonly place: HeadPlace;
  readonly point: number | null;
}

/** What the hand moves. */
interface Needs {
  readonly arrangement: Pick<Arrangement, 'grid' | 'gliding' | 'pin' | 'by' | 'fold' | 'foldOthers'>;
  readonly matrixView: Pick<MatrixView, 'chosen'>;
  readonly focus: Pick<Focus, 'opened' | 'open' | 'isOpened' | 'selectPoint'>;
}

/** What pointer and keys do in the matrix. */
export class MatrixHand implements Moves {
  /** Where the pointer is, in css pixels; null: elsewhere, or busy. */
  private pointer = $state.raw<readonly [x: number, y: number] | null>(null);
  /** Where the pointer was heard of last, in the window, and where it rests since a click or a key; null: it has moved. */
  private heard: readonly [x: number, y: number] | null = null;
  private resting: readonly [x: number, y: number] | null = null;
  private walked = $state.raw<HeadPlace | null>(null);
  focused = $state(false);

  constructor(
    private readonly session: Needs,
    private readonly camera: View,
    private readonly pick: (x: number, y: number) => Found | null,
  ) {}

  /** The head that the keys are at, while they are here, of those that this run has. */
  get cursor(): HeadPlace | null {
    const { walked } = this;
    const { heads } = this.session.arrangement.grid;
    return walked && walked.head < (heads[walked.layer] ?? 0) ? walked : null;
  }

  set cursor(place: HeadPlace | null) {
    this.walked = place;
  }

  /** What is under the pointer now, and where that is: it changes when what is drawn there does. */
  readonly hovered: (Found & { readonly x: number; readonly y: number }) | null = $derived.by(() => {
    const { pointer } = this;
    if (!pointer || this.session.arrangement.gliding) return null;
    const found = this.pick(...pointer);
    return found && { ...found, x: pointer[0], y: pointer[1] };
  });

  readonly gestures: Attachment<HTMLElement> = (element) => {
    const { session, camera } = this;
    return gestures({
      pan: (dx, dy) => {
        if (session.matrixView.chosen) camera.take(pan(camera.now, dx, dy));
      },
      zoom: (x, y, factor) => camera.zoom(x, y, factor),
      reset: () => camera.showAll(),
      hover: (at) => {
        const box = element.getBoundingClientRect();
        if (at) this.heard = [box.left + at[0], box.top + at[1]];
        const [[x, y], [restX, restY]] = [this.heard ?? [0, 0], this.resting ?? [Infinity, 0]];
        if (at && Math.hypot(x - restX, y - restY) >= MOVED) this.resting = null;
        this.pointer = this.resting ? null : at;
      },
      tap: (x, y) => {
        const found = this.pick(x, y);
        this.cursor = found?.place ?? null;
        if (!found) return;
        const box = element.getBoundingClientRect();
        doubleTap(box.left + x, box.top + y, () => camera.flyTo(found.place));
        const again = session.focus.isOpened(found.place); // the first click opens the head and selects nothing
        this.heard = [box.left + x, box.top + y];
        this.rest();
        session.focus.open(found.place);
        if (again && found.point !== null) session.focus.selectPoint(found.point);
      },
    })(element);
  };

  readonly key = (event: KeyboardEvent): void => {
    if (event.target === event.currentTarget) handleKey(MATRIX_KEYS, this, event);
  };

  walk(dx: number, dy: number): void {
    const { session, camera } = this;
    const { grid } = session.arrangement;
    const from = session.focus.opened ?? this.cursor;
    this.cursor = from ? neighbour(grid, from, dx, dy) : firstHead(grid);
    if (!this.cursor) return;
    this.rest();
    if (session.focus.opened) session.focus.open(this.cursor);
    camera.reveal(this.cursor);
  }

  enter(): void {
    const { cursor, session, camera } = this;
    if (!cursor) return;
    this.rest();
    if (session.focus.isOpened(cursor)) camera.flyTo(cursor);
    else session.focus.open(cursor);
  }

  pin(): void {
    const meant = this.hovered?.place ?? this.at;
    if (meant) this.session.arrangement.pin(meant);
  }

  zoom(factor: number): void {
    this.camera.zoomOn(this.at, factor);
  }

  showAll(): void {
    this.camera.showAll();
  }

  /** The layer of the head that is meant, or all others. */
  fold(others: boolean): void {
    const { arrangement } = this.session;
    const meant = this.hovered?.place ?? this.at;
    if (!meant || arrangement.by !== 'layer') return;
    if (others) arrangement.foldOthers(meant.layer);
    else arrangement.fold(meant.layer);
  }

  /** Nothing is meant by where the pointer is until it is moved. */
  private rest(): void {
    this.pointer = null;
    this.resting = this.heard;
  }

  private get at(): HeadPlace | null {
    return this.cursor ?? this.session.focus.opened;
  }
}
