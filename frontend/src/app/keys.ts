import type { Comparison } from '../compare/compare.svelte';
import { SEARCH_KEYS } from '../find/search_keys';
import { HEAD_KEYS } from '../head/head_keys';
import { MATRIX_KEYS } from '../matrix/matrix_keys';
import type { Playback } from '../playback/playback.svelte';
import type { Focus } from '../run/focus.svelte';
import type { Group } from '../run/pictures';
import type { Axes } from '../shown/axes.svelte';
import { STRIP_KEYS } from '../timeline/strip_keys';
import { TIMELINE_KEYS } from '../timeline/timeline_keys';
import type { Trails } from '../trails/trails.svelte';
import type { Key, Told } from '../widgets/keys';

/** What keys do wherever the focus is. */
export interface Needs {
  readonly playback: Pick<Playback, 'step' | 'steps' | 'toggle' | 'loopHere' | 'loop' | 'glideTo'>;
  readonly focus: Pick<Focus, 'opened'>;
  readonly marks: { readonly group: Group | null };
  readonly against: Pick<Comparison, 'run' | 'absent' | 'clear' | 'pin'>;
  readonly trails: Pick<Trails, 'next'>;
  readonly axes: Pick<Axes, 'refit'>;
  back(): void;
}

export const EVERYWHERE: readonly Key<Needs>[] = [
  {
    keys: [' '],
    name: 'Space',
    does: 'play, pause',
    act: ({ playback }, { target }) => {
      if (target instanceof Element && target.closest('button, a, summary')) return false; // presses that
      playback.toggle();
    },
  },
  {
    keys: ['End'],
    name: 'End',
    does: 'newest checkpoint; from there on a live run is followed',
    act: ({ playback }) => playback.glideTo(playback.steps.length - 1),
  },
  {
    keys: ['[', ']'],
    name: '[ and ]',
    does: 'loop from here, to here',
    act: ({ playback }, { key }) => playback.loopHere(key === '[' ? 'from' : 'to'),
  },
  {
    keys: ['\\'],
    name: '\\',
    does: 'end the loop',
    act: ({ playback }) => {
      playback.loop = null;
    },
  },
  {
    keys: ['o'],
    name: 'o',
    does: 'keep a step as the onion skin of the others; there again: let it go',
    act: ({ against, playback }) => against.pin(playback.step),
  },
  {
    keys: ['t'],
    name: 't',
    does: 'longer trails: none, 3, 8, 16, all checkpoints',
    act: ({ trails }) => trails.next(),
  },
  { keys: ['r', 'R'], name: 'r', does: 'fit the axes to all steps', act: ({ axes }) => axes.refit() },
  {
    keys: ['Escape'],
    name: 'Esc',
    does: 'one step back: points, sentence, head, comparison',
    act: (session) => {
      if (session.focus.opened || session.marks.group) session.back();
      else if (session.against.run || session.against.absent) session.against.clear();
      else return false;
    },
  },
];

/** All of them, as the help tells them: those that are heard everywhere, then those of what has the focus. */
export const SECTIONS: readonly { readonly where: string; readonly told: readonly Told[] }[] = [
  { where: 'Everywhere', told: [...EVERYWHERE, ...SEARCH_KEYS] },
  { where: 'Matrix of heads', told: MATRIX_KEYS },
  {
    where: 'Timeline',
    told: [
      ...TIMELINE_KEYS,
      { name: 'Shift-drag', does: 'loop over a part of the timeline' },
      { name: 'Alt-click', does: 'keep that step as the onion skin' },
    ],
  },
  { where: 'Heads over steps', told: STRIP_KEYS },
  {
    where: 'Opened head',
    told: [...HEAD_KEYS, { name: 'Shift-drag, Alt-drag', does: 'mark more, mark fewer' }],
  },
];
