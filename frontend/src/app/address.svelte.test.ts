import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Host } from '../base/host';
import { SyntheticSource } from '../source/synthetic';
import { Address } from './address';
import { pass, standInBrowser, standInWindow } from './composed.fixture.svelte';
import { Session } from './session.svelte';
import { readLink } from './url';

/** A page with a history, which the user changes and goes through, and we do. */
const page = {
  location: { hash: '', href: 'http://localhost:6006/' },
  entries: [] as { state: unknown; hash: string }[],
  at: 0,
  history: {
    get state(): unknown {
      return page.entries[page.at]?.state ?? null;
    },
    replaceState: (state: unknown, _title: string, { hash }: URL) => {
      page.entries[page.at] = structuredClone({ state, hash });
      page.location.hash = hash;
    },
    pushState: (state: unknown, _title: string, url: URL) => {
      page.entries.length = ++page.at;
      page.history.replaceState(state, '', url);
    },
    back: () => queueMicrotask(() => go(-1)),
  },
  listeners: new Map<string, (event: object) => void>(),
  addEventListener: (name: string, listener: (event: object) => void) => page.listeners.set(name, listener),
  removeEventListener: (name: string) => page.listeners.delete(name),
  ...standInWindow(),
};

/** As the user's Back and Forward. */
function go(by: number): void {
  page.at += by;
  const { state = null, hash = '' } = page.entries[page.at] ?? {};
  page.location.hash = hash;
  page.listeners.get('popstate')?.({ state });
  page.listeners.get('hashchange')?.({});
}
const host = { window: page, visible: () => true } as unknown as Host;

let session: Session;
let address: Address;
let end: () => void;

async function begin(hash: string): Promise<void> {
  page.location.hash = hash;
  [page.entries, page.at] = [[{ state: null, hash }], 0];
  const source = new SyntheticSource({ heads: [2, 2], tokens: 20, checkpoints: 4 });
  end = $effect.root(() => {
    session = new Session(source, host, readLink(hash));
    session.begin();
    address = new Address(host, session);
    $effect(() => address.watch());
  });
  await session.refreshRuns();
  await pass();
}

async function edit(hash: string): Promise<void> {
  page.location.hash = hash;
  page.listeners.get('hashchange')?.({});
  await pass();
}

beforeEach(() => standInBrowser());

afterEach(() => {
  end();
  session.destroy();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('shows what the user makes of the address, and takes back what it no longer says', async () => {
  await begin('#attnviz');
  const [first = 0, second = 0] = session.data.run?.steps ?? [];
  const opened = `&p.attnviz.step=${second}&p.attnviz.layer=1&p.attnviz.head=0`;
  await edit(
    `#attnviz${opened}&p.attnviz.dims=3&p.attnviz.turn=1_0.2&p.attnviz.panel=400&p.attnviz.sequence=0&p.attnviz.token=3k&p.attnviz.form=map&p.attnviz.cell=9&p.attnviz.off=1.2&p.attnviz.pins=s${first}_0-1&p.attnviz.compared=0`,
  );
  expect(session.playback.step).toBe(second);
  expect(session.focus.opened).toEqual({ layer: 1, head: 0 });
  expect(session.focus.selection).toEqual({ sequence: 0, list: 0, token: 3, side: 'key' });
  expect(session.headCamera.orbit).toEqual({ yaw: 1, tilt: 0.2 });
  expect(session.headCamera.panelWidth).toBe(400);
  expect(session.sentence.cell).toBe(9);
  expect(session.sentence.off).toEqual([1, 2].map((token) => ({ list: 0, token })));
  expect(session.sentence.pins.against).toEqual({ step: first });

  await edit(`#attnviz${opened}&p.attnviz.head_view=0.25_0.75_3`);
  expect(session.focus.opened).toEqual({ layer: 1, head: 0 });
  expect(session.headCamera.framing).toEqual({ x: 0.25, y: 0.75, zoom: 3 });
  expect([session.axes.dims, session.focus.selection, session.headCamera.panelWidth]).toEqual([
    2,
    null,
    null,
  ]);
  expect([session.sentence.pins.all, session.sentence.form]).toEqual([[], 'lines']);

  await edit(`#attnviz&p.attnviz.layer=9&p.attnviz.head=0`);
  expect(session.focus.opened).toBeNull();
  expect(session.playback.following).toBe(true);
});

it('does not answer itself', async () => {
  await begin('#attnviz');
  session.focus.open({ layer: 0, head: 1 });
  await pass();
  address.remember();
  expect(page.location.hash).toContain('p.attnviz.head=1');
  session.focus.open({ layer: 1, head: 1 });
  await edit(page.location.hash); // as when a browser tells late of what we wrote
  expect(session.focus.opened).toEqual({ layer: 1, head: 1 });
});

it('never overwrites what the user has just written', async () => {
  await begin('#attnviz&p.attnviz.layer=0&p.attnviz.head=0');
  expect(session.focus.opened).toEqual({ layer: 0, head: 0 });
  page.location.hash = '#attnviz&p.attnviz.layer=1&p.attnviz.head=1'; // no event yet
  address.remember();
  expect(session.focus.opened).toEqual({ layer: 1, head: 1 });
});

it('stays where it is when another tab is shown and when it is shown again without a word about us', async () => {
  await begin('#attnviz&p.attnviz.layer=0&p.attnviz.head=0');
  await edit('#scalars&p.attnviz.layer=1&p.attnviz.head=1');
  await edit('#attnviz');
  expect(session.focus.opened).toEqual({ layer: 0, head: 0 });
});

it('keeps a link’s label until the probe is here, and says the kind where the probe has none such', async () => {
  await begin('#attnviz&p.attnviz.colour=label:part of speech');
  expect([session.colourings.chosen.title, session.styles.scale?.kind]).toEqual([
    'part of speech',
    'classes',
  ]);
  await edit('#attnviz&p.attnviz.colour=label:nothing');
  expect([session.scatter.colouring, session.link?.colour]).toEqual(['label:nothing', 'kind']);
});

describe('Back', () => {
  /** What follows from it, and what is then written. */
  const settle = async () => {
    await pass();
    address.remember();
    await pass();
  };
  const back = async () => {
    go(-1);
    await settle();
  };
  const state = () => [session.focus.opened?.head ?? null, session.focus.selection?.token ?? null, page.at];

  beforeEach(async () => {
    await begin('#attnviz');
    await settle();
  });

  it('closes what was opened, the last first, and leaves the rest as it is', async () => {
    session.focus.open({ layer: 0, head: 1 });
    await settle();
    session.focus.selection = { sequence: 0, list: 0, token: 3, side: 'query' };
    await settle();
    expect(state()).toEqual([1, 3, 2]);
    session.focus.open({ layer: 1, head: 0 }); // another one in its place
    session.playback.go(0);
    session.scatter.colouring = 'position';
    await settle();
    expect(state()).toEqual([0, 3, 2]);
    await back();
    expect(state()).toEqual([0, null, 1]);
    await back();
    expect(state()).toEqual([null, null, 0]);
    expect([session.playback.index, session.scatter.colouring]).toEqual([0, 'position']);
    expect(page.location.hash).toContain('colour=position'); // and the address says so
  });

  it('closes a comparison and a list too, in the order in which they were opened', async () => {
    session.focus.open({ layer: 0, head: 1 });
    await settle();
    session.against.pin(session.data.run?.steps[0] ?? 0);
    await settle();
    session.marks.mark([1, 2]);
    session.marks.listing = 'marked';
    await settle();
    const open = () => [
      session.marks.listed !== null,
      session.against.run !== null,
      session.focus.opened !== null,
    ];
    expect([open(), page.at]).toEqual([[true, true, true], 3]);
    await back();
    expect([open(), page.at]).toEqual([[false, true, true], 2]);
    await back();
    expect([open(), page.at]).toEqual([[false, false, true], 1]);
    await back();
    expect([open(), page.at]).toEqual([[false, false, false], 0]);
  });

  it('leaves no entry behind of what was closed otherwise', async () => {
    session.focus.open({ layer: 0, head: 1 });
    await settle();
    session.focus.selection = { sequence: 0, list: 0, token: 3, side: 'query' };
    await settle();
    session.close();
    await settle();
    await settle();
    expect(state()).toEqual([null, null, 0]);
    session.focus.open({ layer: 1, head: 1 });
    await settle();
    expect(state()).toEqual([1, null, 1]);
  });

  it('is taken back by Forward', async () => {
    session.focus.open({ layer: 0, head: 1 });
    await settle();
    await back();
    go(1);
    await settle();
    expect(state()).toEqual([1, null, 1]);
    await back();
    expect(state()).toEqual([null, null, 0]);
  });

  it('leads to where an edited address, or a link, came from', async () => {
    session.focus.open({ layer: 0, head: 1 });
    await settle();
    page.history.pushState(
      null,
      '',
      new URL('#attnviz&p.attnviz.layer=1&p.attnviz.head=0&p.attnviz.dims=3', page.location.href),
    );
    page.listeners.get('hashchange')?.({});
    await settle();
    expect([state(), session.axes.dims]).toEqual([[0, null, 2], 3]);
    await back();
    expect([state(), session.axes.dims]).toEqual([[1, null, 1], 2]);
    await back();
    expect(state()).toEqual([null, null, 0]);
  });
});
