/** A way to do something, as the help tells it: a key's, or a pointer's. */
export interface Told {
  /** As people name it. */
  readonly name: string;
  readonly does: string;
}

/** A key: what hears it and the help are made of the same row. */
export interface Key<T> extends Told {
  /** As events name it (`KeyboardEvent.key`), and what stands for it on other keyboards. */
  readonly keys: readonly string[];
  /** @returns false where it has nothing to do here, so that others may hear it */
  act(on: T, event: KeyboardEvent): unknown;
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
export const ARROW_KEYS = Object.keys(ARROWS);

/** Where an arrow key points, across and down. */
export function arrow({ key }: Pick<KeyboardEvent, 'key'>): readonly [number, number] {
  return ARROWS[key] ?? [0, 0];
}

/** Whether a key is meant for the browser or the system: Alt and an arrow go back, Ctrl and minus make the page smaller. Brackets need AltGr on
 * many keyboards, which counts as Ctrl and Alt. */
export function isCommand(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState('AltGraph');
}

/** Does what the pressed key does; commands are nobody's here.
 * @returns whether it does anything; then it is nobody else's */
export function handleKey<T>(table: readonly Key<T>[], on: T, event: KeyboardEvent): boolean {
  const found = isCommand(event) ? undefined : table.find(({ keys }) => keys.includes(event.key));
  if (!found || found.act(on, event) === false) return false;
  event.preventDefault();
  return true;
}

/** What keys do to a slider's handle that can be taken away. */
interface Handle {
  /** So many places on, or back. */
  by(count: number): void;
  to(place: number): void;
  remove(): void;
}

export const HANDLE_KEYS: readonly Key<Handle>[] = [
  {
    keys: ARROW_KEYS,
    name: '← →',
    does: 'one back, on',
    act: (hand, event) => hand.by(arrow(event)[0] - arrow(event)[1]),
  },
  {
    keys: ['Home', 'End'],
    name: 'Home, End',
    does: 'first, last',
    act: (hand, { key }) => hand.to(key === 'Home' ? 0 : Number.POSITIVE_INFINITY),
  },
  { keys: ['Delete', 'Backspace'], name: 'Delete', does: 'take it away', act: (hand) => hand.remove() },
];
