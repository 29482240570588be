import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { addressKey } from '../run/projection';
import { SyntheticSource } from '../source/synthetic';
import { compose, pass, standInBrowser } from './composed.fixture.svelte';
import type { Session } from './session.svelte';
import { readLink, writeLink } from './url';

/** What a link can say, as the tab shows it. */
function seen(session: Session): Record<string, unknown> {
  const { axes, playback, focus, scatter, sentence, imageView, search, filter, against, arrangement } =
    session;
  const { opened, selection } = focus;
  const off = sentence.off.map(({ list, token }) => `${list}/${token}`).join();
  return {
    run: session.data.name,
    step: playback.step,
    frame: axes.frame,
    refit: axes.refitLive,
    projection: addressKey(axes.projection),
    dims: axes.dims,
    head: opened && `${opened.layer}-${opened.head}`,
    token: selection && `${selection.sequence}/${selection.list}/${selection.token} ${selection.side}`,
    colour: session.colourings.chosen.id,
    sized: scatter.sized,
    words: scatter.words,
    patches: scatter.patches,
    lines: scatter.lines,
    linesDrawn: `${scatter.top} from ${scatter.least} %`,
    tint: session.health.tint,
    speed: playback.speed,
    loop: playback.loop,
    scalar: session.steering.chosen,
    logarithmic: session.steering.logarithmic,
    form: sentence.form,
    large: focus.large,
    mean: sentence.mean,
    byValues: sentence.byValues,
    hidesSpecial: sentence.hidesSpecial,
    hidesFirst: sentence.hidesFirst,
    off,
    top: sentence.top,
    least: sentence.least,
    pins: sentence.pins.all,
    compared: sentence.pins.against,
    shows: sentence.shows,
    position: sentence.position,
    cell: sentence.cell,
    shade: imageView.shade,
    drawn: imageView.drawn,
    links: imageView.least,
    find: search.text,
    kinds: search.kinds,
    matchCase: search.matchCase,
    only: filter.sequences,
    labels: Object.fromEntries(filter.labels),
    marked: session.marks.group?.points ?? [],
    against: against.run?.run ?? null,
    at: against.choice,
    way: against.way,
    trail: session.trails.length,
    arrange: arrangement.by,
    descending: arrangement.descending,
    basis: arrangement.basis,
    heads: arrangement.filter.names,
    ranges: arrangement.filter.ranges,
    pinned: arrangement.pins.map(({ layer, head }) => `${layer}-${head}`),
    folded: arrangement.folded,
    border: arrangement.border,
    curves: arrangement.curves,
    cells: session.cellMaps.chosen,
    cellsOf: session.cellMaps.of,
    positions: session.cellMaps.extent,
    since: session.scoring.change.since,
    like: session.scoring.likeness.to,
    view: session.matrixView.chosen,
    framing: session.headCamera.framing,
    orbit: session.headCamera.orbit,
    panel: session.headCamera.panelWidth,
  };
}

/** Links, their names with `p.attnviz.` before them in an address, and all that they show otherwise than a fresh tab: those
 * of the pictures in the README and the tour, those that the end-to-end tests open, and every setting once. */
const HEAD = { head: '1-2', like: { layer: 1, head: 2 } };
const OPEN = 'layer=1&head=2';
const TOKEN = { ...HEAD, token: '3/0/14 query' };
const SELECTED = `${OPEN}&sequence=3&token=14`;
const LINKS: readonly (readonly [link: string, shows: Record<string, unknown>])[] = [
  ['', {}],
  // The README's and the tour's pictures.
  [`tint=induction&${SELECTED}`, { ...TOKEN, tint: 'induction' }],
  ['tint=induction', { tint: 'induction' }],
  ['folded=1', { folded: [1] }],
  [
    'tint=induction&arrange=induction&border=entropy&pinned=1-3.0-0',
    { tint: 'induction', arrange: 'induction', border: 'entropy', pinned: ['1-3', '0-0'] },
  ],
  [`${SELECTED}&tint=none&step=1400&trail=16`, { ...TOKEN, tint: null, step: 1400, basis: 1400, trail: 16 }],
  [
    `${OPEN}&tint=none&against=synthetic&against_step=0&way=overlay`,
    { ...HEAD, tint: null, against: 'synthetic', at: 0 },
  ],
  [
    `${OPEN}&tint=induction&against=synthetic&against_step=0&way=difference&frame=4000`,
    { ...HEAD, tint: 'induction', against: 'synthetic', at: 0, way: 'difference' },
  ],
  [`${SELECTED}&form=map&tint=previous`, { ...TOKEN, form: 'map', tint: 'previous' }],
  ['find=the%2C%20is&tint=search&arrange=search', { find: 'the, is', tint: 'search', arrange: 'search' }],
  ['colour=position&tint=none', { colour: 'position', tint: null }],
  [
    `${OPEN}&projection=tsne&colour=false_neighbours&heads=L1`,
    {
      ...HEAD,
      projection: 'projection=tsne perplexity=30 metric=cosine seed=0 normalise=canonical',
      colour: 'false_neighbours',
      heads: 'L1',
    },
  ],
  // The end-to-end tests'.
  ['run=synthetic&against=lower-learning-rate', { against: 'lower-learning-rate' }],
  ['run=lower-learning-rate', { run: 'lower-learning-rate' }],
  [`${OPEN}&words=off&lines=off&trail=0`, { ...HEAD, words: false, lines: false, trail: 0 }],
  [
    `${OPEN}&arrange=entropy&range=entropy..0.2..&pinned=1-2&step=0&sorted=600`,
    {
      ...HEAD,
      arrange: 'entropy',
      ranges: [{ score: 'entropy', least: 0.2, most: null }],
      pinned: ['1-2'],
      step: 0,
      basis: 600,
    },
  ],
  [
    `${SELECTED}&pins=s200&shows=shown`,
    { ...TOKEN, pins: [{ step: 200 }], compared: { step: 200 }, shows: 'shown' },
  ],
  [`${SELECTED}&large=points&top=1`, { ...TOKEN, large: 'points', top: 1 }],
  [`${OPEN}&large=cell`, { ...HEAD, large: 'cell' }],
  [`${SELECTED}&large=cell`, { ...TOKEN, large: 'cell' }],
  [`${OPEN}&sequence=3&token=14k`, { ...HEAD, token: '3/0/14 key' }],
  [`${SELECTED}&drawn=arrows`, { ...TOKEN, drawn: 'arrows' }],
  [`${OPEN}&dims=3&step=200&panel=520`, { ...HEAD, dims: 3, step: 200, basis: 200, panel: 520 }],
  ['arrange=change&find=red', { arrange: 'change', find: 'red' }],
  // Every setting once.
  ['cells=offsets&cells_of=text&positions=whole', { cells: 'offsets', cellsOf: 'text', positions: 'whole' }],
  ['cells=points', { cells: 'points' }],
  ['step=200&frame=1000', { step: 200, basis: 200, frame: 1000 }],
  ['refit=live', { refit: true }],
  [
    'projection=umap&neighbours=7&min_dist=0.5&metric=euclidean&seed=3&normalise=paper',
    { projection: 'projection=umap neighbours=7 min_dist=0.5 metric=euclidean seed=3 normalise=paper' },
  ],
  [
    `${OPEN}&size=norm&patches=off&lines=5.20&colour=norm`,
    { ...HEAD, sized: true, patches: false, linesDrawn: '5 from 20 %', colour: 'norm' },
  ],
  [
    'speed=0.5&loop=200-800&scalar=train%2Floss&scale=log',
    { speed: 0.5, loop: { from: 200, to: 800 }, scalar: 'train/loss', logarithmic: true },
  ],
  [
    `${SELECTED}&hide=special.first&weight=values&off=3.7&least=5&cell=12.5`,
    {
      ...TOKEN,
      hidesSpecial: true,
      hidesFirst: true,
      byValues: true,
      off: '0/3,0/7',
      least: 0.05,
      cell: 12.5,
    },
  ],
  [
    `${SELECTED}&pins=s200_1-4&compared=0&shows=pinned`,
    {
      ...TOKEN,
      pins: [{ step: 200 }, { head: { layer: 1, head: 4 } }],
      compared: { step: 200 },
      shows: 'pinned',
    },
  ],
  [
    `${SELECTED}&mean=1&position=4k&off=2`,
    { ...TOKEN, mean: true, position: { side: 'key', token: 4 }, off: '0/2' },
  ],
  [
    `${SELECTED}&shade=fade&drawn=links&links_from=25`,
    { ...TOKEN, shade: 'fade', drawn: 'links', links: 25 },
  ],
  [
    'find=%22a%20b%22%2C%20micro*%20%2F%5E%5B0-9%5D%2B%24%2F&find_in=keys&find_case=1',
    { find: '"a b", micro* /^[0-9]+$/', kinds: 'keys', matchCase: true },
  ],
  ['only=0-2.4&marked=3-5.20', { only: [0, 1, 2, 4], marked: [3, 4, 5, 20] }],
  [
    'only_label=script%3Aletters%7Cspecial%3Blength%3A2..4',
    { labels: { script: ['letters', 'special'], length: { low: 2, high: 4 } } },
  ],
  [
    'against=lower-learning-rate&against_step=newest&way=beside',
    { against: 'lower-learning-rate', at: 'newest', way: 'beside' },
  ],
  ['arrange=max_logit&order=up', { arrange: 'max_logit', descending: false }],
  ['arrange=name&order=down', { arrange: 'name' }],
  ['arrange=name', { arrange: 'name', descending: false }],
  ['arrange=change&since=0', { arrange: 'change', since: 0 }],
  ['arrange=likeness&like=1-3', { arrange: 'likeness', like: { layer: 1, head: 3 } }],
  [
    'heads=L4-8%2C%20cross&range=entropy..0.1..0.3&curves=0&view=2.5_-0.25_1.4',
    {
      heads: 'L4-8, cross',
      ranges: [{ score: 'entropy', least: 0.1, most: 0.3 }],
      curves: false,
      view: { x: 2.5, y: -0.25, span: 1.4 },
    },
  ],
  [
    `${OPEN}&head_view=0.25_-0.125_2&dims=3&turn=1_0.2`,
    { ...HEAD, framing: { x: 0.25, y: -0.125, zoom: 2 }, dims: 3, orbit: { yaw: 1, tilt: 0.2 } },
  ],
  // What cannot be counts as unsaid.
  ['run=gone&step=-1&layer=1&head=x&dims=4&projection=lda&colour=&colour=weather', {}],
  ['step=150&frame=9999&layer=9&head=0&sequence=0&token=1', {}],
  ['speed=3&loop=9-3&scale=square&size=weight&words=on&lines=4.20&patches=no', {}],
  [`${OPEN}&sequence=999&token=1&head_view=1_2&turn=a_b&panel=wide`, HEAD],
  [`${OPEN}&sequence=3&token=12q`, HEAD],
  [
    `${SELECTED}&top=4&least=99&off=a&pins=9_s150_9-9&hide=all&form=tree&large=2&compared=7&cell=0&list=tokens-3x3`,
    TOKEN,
  ],
  [`${SELECTED}&shade=dark&drawn=all&links_from=90`, TOKEN],
  ['find_in=all&only=a&marked=3-&find_case=2&only_label=weather%3Afine', {}],
  ['against_step=old&way=up&trail=4&against=recorded%2Fby-a-newer-version', {}],
  [
    'range=entropy....&pinned=5.3&folded=x.99&view=1_2&order=left&arrange=%3Cb%3E&curves=2&since=old&like=x',
    {},
  ],
  ['colour=tears', {}], // errors are of an opened head
];

const hashOf = (link: string) =>
  `#attnviz${link
    .split('&')
    .filter(Boolean)
    .map((pair) => `&p.attnviz.${pair}`)
    .join('')}`;

/** Opens the tab at an address: what it shows, and what its own address says then. */
async function open(hash: string): Promise<{ shows: Record<string, unknown>; says: string }> {
  const source = new SyntheticSource({ heads: [6, 6], tokens: 120, checkpoints: 21 });
  const { session, end } = await compose(source, Object.fromEntries(readLink(hash)));
  for (let i = 0; i < 3; i++) await pass(200);
  const opened = { shows: seen(session), says: writeLink('#attnviz', session.link!) };
  end();
  return opened;
}

let fresh: Record<string, unknown>;
beforeEach(async () => {
  standInBrowser();
  fresh ??= (await open('#attnviz')).shows;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it.each(LINKS)('%s', async (link, shows) => {
  const opened = await open(hashOf(link));
  const others = Object.entries(opened.shows).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(fresh[name]),
  );
  expect(Object.fromEntries(others)).toEqual(shows);
  expect(await open(opened.says)).toEqual(opened);
});
