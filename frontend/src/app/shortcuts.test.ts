import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HEAD_KEYS } from '../head/head_keys';
import { MATRIX_KEYS } from '../matrix/matrix_keys';
import { Playback } from '../playback/playback.svelte';
import type { HeadPlace } from '../run/head';
import { TIMELINE_KEYS } from '../timeline/timeline_keys';
import { EVERYWHERE, type Needs, SECTIONS } from './keys';
import { shortcut } from './shortcuts';

/** An element that is, or is within, what these selectors name. */
class StandIn {
  constructor(private readonly within = '') {}

  closest(selectors: string): StandIn | null {
    return selectors.split(', ').includes(this.within) ? this : null;
  }
}

/** Kinds of the popovers that are open. */
let open: string[];
let opened: HeadPlace | null;
let compared: object | null;
let did: string[];
let session: Needs;

beforeEach(() => {
  open = [];
  opened = null;
  compared = null;
  did = [];
  vi.stubGlobal('Element', StandIn);
  vi.stubGlobal('document', {
    querySelector: (selectors: string) =>
      open.find((kind) => selectors === `[popover='${kind}']:popover-open`) ?? null,
  });
  const playback = new Playback(() => false);
  playback.setSteps([0, 100, 200]);
  playback.go(1);
  session = {
    playback,
    focus: {
      get opened() {
        return opened;
      },
    },
    marks: { group: null },
    against: {
      get run() {
        return compared as Needs['against']['run'];
      },
      absent: null,
      clear: () => did.push('compare nothing'),
      pin: (step) => did.push(`pin ${step}`),
    },
    trails: { next: () => did.push('trails') },
    axes: { refit: () => did.push('refit') },
    back: () => did.push('back'),
  };
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** @returns whether the page still hears the key */
function press(key: string, parts: Partial<Record<keyof KeyboardEvent, unknown>> = {}): boolean {
  const preventDefault = vi.fn();
  shortcut(session, {
    key,
    target: new StandIn(),
    getModifierState: () => false,
    preventDefault,
    ...parts,
  } as unknown as KeyboardEvent);
  return preventDefault.mock.calls.length === 0;
}

it('plays, but where Space presses what has the focus', () => {
  const { playback } = session;
  press(' ');
  expect((playback as Playback).playing).toBe(true);
  expect(press(' ', { target: new StandIn('button') })).toBe(true);
  expect((playback as Playback).playing).toBe(true);
});

it('loops, goes to the newest step, pins, draws trails and fits axes', () => {
  const { playback } = session;
  press(']');
  expect(playback.loop).toEqual({ from: 0, to: 100 });
  press('[');
  expect(playback.loop).toEqual({ from: 100, to: 200 });
  press('\\');
  expect(playback.loop).toBeNull();
  press('o');
  press('End');
  expect(playback.step).toBe(200);
  for (const key of ['o', 't', 'r', 'R']) press(key);
  expect(did).toEqual(['pin 100', 'pin 200', 'trails', 'refit', 'refit']);
});

it('goes one step back with Esc, and leaves it to the page where there is none', () => {
  expect(press('Escape')).toBe(true);
  compared = {};
  opened = { layer: 0, head: 0 };
  press('Escape');
  opened = null;
  press('Escape');
  expect(did).toEqual(['back', 'compare nothing']);
});

it('is not heard where something is typed, under an open panel, with commands, nor where it was heard before', () => {
  expect(press('t', { target: new StandIn('input') })).toBe(true);
  expect(press('r', { ctrlKey: true })).toBe(true);
  expect(press('t', { defaultPrevented: true })).toBe(true);
  open = ['auto'];
  expect(press('t')).toBe(true);
  expect(did).toEqual([]);
});

it('is heard under the guide, which says so', () => {
  open = ['manual'];
  expect(press('t')).toBe(false);
  expect(did).toEqual(['trails']);
});

it('hears brackets that need AltGr', () => {
  expect(press(']', { ctrlKey: true, altKey: true, getModifierState: () => true })).toBe(false);
});

it('tells every key that is heard in the help, and none twice for the same focus', () => {
  const told = SECTIONS.flatMap((section) => section.told);
  for (const table of [EVERYWHERE, MATRIX_KEYS, TIMELINE_KEYS, HEAD_KEYS]) {
    for (const row of table) expect(told).toContain(row);
    const keys = table.flatMap((row) => row.keys);
    expect(new Set(keys).size).toBe(keys.length);
  }
});
