import type { Link, Said, Settings } from './setting';
import type { Run } from './types';

/** What a part of the tab that has state may answer to. The shell asks all parts, in the order in which it composes them. */
export interface Feature {
  /** Sets up what follows from what; called once, while a component is made. */
  begin?(): void;
  /** Whether something that it asked for is still to come, or it moves. */
  readonly busy?: boolean;
  /** What of it stands in the address. */
  readonly settings?: Settings;
  /** Goes where a link says, as far as the run has it, after its settings have; and what the address says of that. */
  enter?(link: Link, run: Run): void;
  readonly link?: Said;
  /** Another run is shown: what belongs to the last one goes. */
  leave?(): void;
  /** A resumed training has written steps again: what is kept of steps is of the one that it discarded, and is asked for anew. */
  forget?(): void;
}
