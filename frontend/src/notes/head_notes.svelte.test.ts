import { flushSync } from 'svelte';
import { afterEach, describe, expect, it } from 'vitest';
import { runOf } from '../run/run.fixture';
import type { Offers } from '../run/source';
import type { Run } from '../run/types';
import { HeadNotes } from './head_notes.svelte';

const PLACE = { layer: 0, head: 1 };
let end = () => {};
afterEach(() => end());

function setUp(kept: Record<string, string> = {}, offers?: Offers) {
  const storage = {
    getItem: (name: string) => kept[name] ?? null,
    setItem: (name: string, text: string) => {
      kept[name] = text;
    },
    removeItem: (name: string) => {
      delete kept[name];
    },
  };
  let run = $state.raw<Run>(runOf({ probe: 'p' }));
  const data = {
    get run() {
      return run;
    },
    get layers() {
      return run.layers;
    },
    source: offers ? { offers } : {},
  };
  const notes = new HeadNotes({ data }, offers ? null : storage);
  end = $effect.root(() => notes.begin());
  flushSync();
  const show = (next: Run) => {
    notes.leave();
    run = next;
    flushSync();
  };
  return { notes, kept, show };
}

describe('notes on heads', () => {
  it('are kept by run and probe, and are there again', () => {
    const { notes, kept, show } = setUp();
    notes.write(PLACE, { star: true, name: 'mine' });
    expect(Object.keys(kept)).toEqual(['tb-attnviz.notes a p']);
    show(runOf({ run: 'b', probe: 'p' }));
    expect([notes.at(PLACE), notes.all.size]).toEqual([null, 0]); // never another run's
    show(runOf({ probe: 'p' }));
    expect(notes.at(PLACE)).toEqual({ star: true, name: 'mine' });
    notes.write(PLACE, {});
    expect([notes.at(PLACE), Object.keys(kept)]).toEqual([null, []]);
  });

  it('of a cell are a star and a name', () => {
    const { notes } = setUp();
    expect(notes.caption(PLACE, 'induction')).toBeNull();
    notes.write(PLACE, { text: 'hm' });
    expect(notes.caption(PLACE, 'induction')).toBeNull();
    notes.write(PLACE, { star: true });
    expect([notes.caption(PLACE, 'induction'), notes.caption(PLACE, '')]).toEqual(['★ induction', '★']);
    notes.write(PLACE, { star: true, name: 'mine' });
    expect(notes.caption(PLACE, 'induction')).toBe('★ mine');
  });

  it('come with a link, where there are none of that head, and what was removed stays away', () => {
    const { notes, kept } = setUp();
    notes.write({ layer: 0, head: 0 }, { name: 'mine' });
    const link = new Map([['notes', '0-0~yours!0-1*']]);
    notes.settings.enter(link, runOf());
    expect([notes.at({ layer: 0, head: 0 })?.name, notes.at(PLACE)?.star]).toEqual(['mine', true]);
    expect(kept['tb-attnviz.notes a p']).not.toContain('star'); // the browser keeps what its user writes
    notes.write(PLACE, {});
    notes.settings.enter(link, runOf());
    expect(notes.at(PLACE)).toBeNull();
    expect(notes.settings.said).toEqual({ notes: '0-0~mine' });
    notes.write({ layer: 0, head: 0 }, {});
    expect(notes.settings.said).toEqual({});
  });

  it('that are too long stay out of the link', () => {
    const { notes } = setUp();
    notes.write(PLACE, { text: 'x'.repeat(1999) });
    expect([notes.fitsLink, notes.settings.said]).toEqual([false, {}]);
  });

  it('are saved and loaded as a file, and what is none changes nothing', () => {
    const { notes } = setUp();
    notes.write(PLACE, { name: 'mine' });
    const file = notes.save();
    notes.write(PLACE, {});
    expect(() => notes.load('no json')).toThrow('no notes on heads');
    expect(notes.all.size).toBe(0);
    notes.load(file);
    expect(notes.at(PLACE)).toEqual({ name: 'mine' });
  });

  it('of a page are those that came with it, and nothing is kept', () => {
    const heads = [{ layer: 0, head: 1, name: 'theirs' }];
    const offers = {
      notes: { format: 'tb-attnviz notes', version: 1, run: 'a', heads },
    } as unknown as Offers;
    const { notes } = setUp({}, offers);
    expect([notes.at(PLACE)?.name, notes.kept]).toEqual(['theirs', false]);
  });
});
