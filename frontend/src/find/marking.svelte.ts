import { boxBetween, type Corner } from '../render/lasso';
import type { Marking as How } from './marked';

export type Tool = 'lasso' | 'box';

/** A line around points, in css pixels, and what becomes of them. */
export interface Drawn {
  readonly tool: Tool;
  readonly corners: readonly Corner[];
  readonly how: How;
}

/** Drawing around points to mark them. A chosen tool draws once; with Shift (marks more) and Alt (marks fewer) a drag
 * draws without one, in the shape that was chosen last. */
export class Marking {
  tool = $state<Tool | null>(null);
  drawn = $state.raw<Drawn | null>(null);
  private last: Tool = 'lasso';

  get busy(): boolean {
    return this.tool !== null || this.drawn !== null;
  }

  /** Takes a tool up, or lays it down. */
  choose(tool: Tool): void {
    this.tool = this.tool === tool ? null : tool;
    this.last = tool;
  }

  /** @returns whether the drag draws */
  drag(dx: number, dy: number, event: PointerEvent, at: Corner): boolean {
    const { drawn } = this;
    if (!drawn) {
      if (this.tool === null && !event.shiftKey && !event.altKey) return false;
      const how = event.altKey ? 'remove' : event.shiftKey ? 'add' : 'replace';
      const tool = this.tool ?? this.last;
      const start: Corner = [at[0] - dx, at[1] - dy];
      this.drawn = { tool, how, corners: tool === 'box' ? boxBetween(start, at) : [start, at] };
      return true;
    }
    const [start = at] = drawn.corners;
    const corners = drawn.tool === 'box' ? boxBetween(start, at) : [...drawn.corners, at];
    this.drawn = { ...drawn, corners };
    return true;
  }

  /** Lays the tool down if something was drawn with it. */
  finish(): Drawn | null {
    const { drawn } = this;
    if (drawn) this.stop();
    return drawn;
  }

  stop(): void {
    this.tool = null;
    this.drawn = null;
  }
}
