import { grouped, stepName } from '../base/numbers';
import type { Comparison } from '../compare/compare.svelte';
import type { Scatter } from '../encoding/scatter.svelte';
import { formatValue } from '../health/figures';
import type { ImageView } from '../image/image_view.svelte';
import type { CellMaps } from '../matrix/cell_maps.svelte';
import { kindTitle } from '../matrix/map_words';
import type { Playback } from '../playback/playback.svelte';
import { lengthsDiffer } from '../reading/mean_positions';
import type { Panel } from '../reading/panel';
import type { Pin } from '../reading/pins';
import type { Sentence } from '../reading/sentence.svelte';
import type { Focus } from '../run/focus.svelte';
import { headLabel } from '../run/labels';
import { METHOD_NAMES } from '../run/methods';
import type { Dims } from '../run/pictures';
import type { TokenIndex } from '../run/places';
import { type Method, type Projection, parametersOf } from '../run/projection';
import type { Layer, Run } from '../run/types';
import type { Axes } from '../shown/axes.svelte';
import type { Pair, StandIn } from '../shown/pair';
import type { Steering } from '../timeline/steering.svelte';
import { fileName, headName } from './names';
import type { ViewKind } from './views.svelte';

/** What captions and names of pictures are made of. */
export interface Captioned {
  readonly data: {
    readonly run: Run | null;
    readonly layers: readonly Layer[];
    readonly probe: { readonly value: Pick<TokenIndex, 'sequences'> | null };
  };
  readonly focus: Pick<Focus, 'opened' | 'selection'>;
  readonly scatter: Pick<Scatter, 'lines' | 'top' | 'least'>;
  readonly marks: { readonly alone: boolean };
  readonly axes: Pick<Axes, 'projection' | 'dims'>;
  readonly playback: Pick<Playback, 'steps' | 'step' | 'between'>;
  readonly steering: Pick<Steering, 'tag' | 'scale'>;
  readonly headView: Drawn;
  readonly matrix: Drawn;
  readonly cellMaps: Pick<CellMaps, 'on' | 'cells' | 'kind' | 'kinds' | 'pair' | 'current'>;
  /** Whether cells are too small for more than their tint. */
  readonly matrixView: { readonly tiled: boolean };
  readonly sentence: Pick<
    Sentence,
    'sequence' | 'top' | 'least' | 'sides' | 'shown' | 'pictured' | 'form' | 'weighing' | 'waits'
  > & { readonly pins: { readonly against: Pin | null } };
  readonly imageView: Pick<ImageView, 'beside' | 'drawn' | 'least'> & { readonly within: unknown };
  /** The second one of two that are compared. */
  readonly against: Pick<Comparison, 'run' | 'own' | 'same' | 'step'> & {
    readonly difference: unknown;
    readonly underMatrix: Under | null;
    readonly underHead: Under | null;
  };
}

/** Points that lie under those of a picture, and their steps. */
type Under = Pick<Pair, 'fromStep' | 'toStep'> & { readonly to: { readonly heads: readonly unknown[] } };

/** Points on screen, and which heads' own are not there. */
interface Drawn {
  /** The step that is still drawn while the shown one is on its way. */
  readonly behind: number | null;
  readonly pair: {
    readonly dims: Dims;
    readonly late: ReadonlyMap<number, StandIn>;
    readonly asked: { readonly method: Method };
  } | null;
}

/** What is written above a picture, so that it explains itself wherever it is pasted. */
export interface Caption {
  readonly title: string;
  readonly says: readonly string[];
}

export function captionOf(kind: ViewKind, session: Captioned): Caption {
  const { run, layers } = session.data;
  const { opened } = session.focus;
  const name = run?.run === '.' ? 'log directory' : (run?.run ?? '');
  const head = opened ? headLabel(layers, opened.layer, opened.head) : '';
  const titled = (...parts: string[]) => [name, ...parts].filter(Boolean).join(' · ');
  switch (kind) {
    case 'matrix':
      return {
        title: titled('all heads', stepText(session)),
        says: [...cellsText(session), ...comparedText(session)],
      };
    case 'map':
      return { title: titled(head, stepText(session)), says: [] }; // it says itself of what it is
    case 'head':
      return {
        title: titled(head, stepText(session)),
        says: [
          projectionText(session.axes.projection, session.headView.pair?.dims ?? session.axes.dims),
          ...standInsText(session.headView, session.axes.projection.method),
          ...underText(session, session.against.underHead),
          ...linesText(session),
        ],
      };
    case 'sentence':
      return {
        title: titled(readHead(session), readStep(session)),
        says: sentenceText(session),
      };
    case 'health':
      return {
        title: titled(head, 'health over training steps'),
        says: ['line: this head; band: all heads'],
      };
    case 'timeline':
      return {
        title: titled(session.steering.tag ?? 'training steps'),
        says: [curveText(session)],
      };
  }
}

/** What its file is called. */
export function nameOf(kind: ViewKind, session: Captioned, extension: string): string {
  const { playback, steering, sentence } = session;
  const { run } = session.data;
  const { opened } = session.focus;
  const { projection } = session.axes;
  if (!run) return `attention.${extension}`;
  const head = opened && headName(run, opened);
  const step = `step${playback.step ?? 0}`;
  const of = sentence.sequence === 'mean' ? 'mean' : `sequence${sentence.sequence ?? 0}`;
  const parts: Readonly<Record<ViewKind, readonly (string | null)[]>> = {
    matrix: ['heads', step, ...cellsName(session), ...lessName(session)],
    map: [head, step, session.cellMaps.cells],
    head: [head, step, projection.method],
    sentence: [
      readHead(session).replace(' ', ''),
      `step${readPanel(session).step ?? playback.step ?? 0}`,
      of,
      sentence.weighing.weight ? 'weighted-attention' : 'attention',
    ],
    health: [head, 'health'],
    timeline: [steering.tag ?? 'timeline'],
  };
  return fileName(run.run, parts[kind], extension);
}

/** What the matrix's cells show: "attention, repeated texts". */
function cellsText({ axes, matrix, cellMaps, matrixView }: Captioned): string[] {
  const { on, cells, kind, pair, current } = cellMaps;
  if (matrixView.tiled) return ['tints alone'];
  if (!on) return [projectionText(axes.projection, 2), ...standInsText(matrix)];
  if (!pair) return [`${cells}: not here yet`];
  const { fromMaps, toMaps } = pair;
  const of = [...new Set([fromMaps, toMaps])].map(grouped).join(' and ');
  return [
    `${cells}${kind === null ? '' : `, ${kindTitle(kind, cellMaps)}`}`,
    ...(current ? [] : [`maps of step${fromMaps === toMaps ? '' : 's'} ${of}`]),
  ];
}

/** From what the matrix's tint is the difference, or what lies under its points. */
function comparedText(session: Captioned): string[] {
  const { against, cellMaps, matrixView } = session;
  if (against.difference) return [`difference: less ${secondText(session, stepName(against.step))}`];
  return cellMaps.on || matrixView.tiled ? [] : underText(session, against.underMatrix);
}

/** What lies under the points of a picture: "hollow: another, step 400". */
function underText(session: Captioned, under: Under | null): string[] {
  if (session.against.same || !under?.to.heads.some(Boolean)) return [];
  const { fromStep, toStep } = under;
  const steps =
    fromStep === toStep ? stepName(toStep) : `between steps ${grouped(fromStep)} and ${grouped(toStep)}`;
  return [`hollow: ${secondText(session, steps)}`];
}

/** The lines between the points: "lines: attention within sequence 2, the strongest 2 of each query, from 5 %". */
function linesText({ scatter, marks, focus, sentence }: Captioned): string[] {
  const { shown, sequence } = sentence;
  if (!scatter.lines || marks.alone || !focus.selection || sequence === null || sequence === 'mean')
    return [];
  if (!shown.weights && !shown.part) return ['lines of attention: not here yet'];
  const still = shown.late ? `, still of ${stepName(shown.step)}` : '';
  return [
    `lines: attention within sequence ${sequence}${still}, the strongest ${scatter.top} of each query, from ${scatter.least} %`,
  ];
}

function secondText({ against: { own, run } }: Captioned, step: string): string {
  return own ? step : `${run?.run === '.' ? 'log directory' : run?.run}, ${step}`;
}

/** The same of a difference in a file's name. */
function lessName({ against: { difference, own, run, step } }: Captioned): (string | null)[] {
  return difference ? ['less', own ? null : (run?.run ?? null), `step${step ?? 0}`] : [];
}

/** The same of what cells show. */
function cellsName({ axes, cellMaps, matrixView }: Captioned): string[] {
  const { on, cells, kind } = cellMaps;
  if (matrixView.tiled) return ['tints'];
  return on ? [cells, ...(kind === null ? [] : [kind])] : [axes.projection.method];
}

/** "t-SNE in 2-D (perplexity 30, cosine, seed 0)" */
function projectionText(projection: Projection, dims: number): string {
  const told = parametersOf(projection.method).flatMap((parameter) => {
    const value = projection[parameter];
    if (parameter === 'normalise') return value === 'paper' ? ['coordinates of the paper'] : [];
    return [parameter === 'metric' ? String(value) : `${parameter.replaceAll('_', ' ')} ${value}`];
  });
  return `${METHOD_NAMES[projection.method]} in ${dims}-D${told.length > 0 ? ` (${told.join(', ')})` : ''}`;
}

/** What is drawn in place of pictures that were still to come.
 * @param method of the picture by itself that was asked for */
function standInsText({ pair, behind }: Drawn, method?: Method): string[] {
  if (behind !== null) return [`not here yet: drawn is ${stepName(behind)}`];
  const found = [...(pair?.late.values() ?? [])].filter((standIn) => standIn !== null);
  if (pair && method && found.length === 0 && pair.asked.method !== method)
    return [`not here yet: drawn is ${METHOD_NAMES[pair.asked.method]}`];
  const steps = found.filter((standIn) => standIn !== 'biplot').map(grouped);
  const drawn = [
    ...(found.includes('biplot') ? ['the biplot'] : []),
    ...(steps.length > 0 ? [`step ${[...new Set(steps)].join(', ')}`] : []),
  ];
  if (drawn.length === 0) return [];
  const which = method ? 'not here yet' : `not here yet for ${found.length} of the heads`;
  return [`${which}: drawn is ${drawn.join(' or ')}`];
}

function stepText({ playback }: Pick<Captioned, 'playback'>): string {
  const number = (index: number) => grouped(playback.steps[index]);
  const { from, to, mix } = playback.between;
  if (from === to) return `step ${number(from)}`;
  return `${Math.round(100 * mix)} % of the way from step ${number(from)} to ${number(to)}`;
}

/** Whether attention is drawn as maps: the shown one, and beside it all that is compared, each under its own name. */
function isMap({ sentence, imageView }: Captioned): boolean {
  return sentence.form === 'map' && !imageView.within;
}

/** The attention that is drawn, or the first of those that are. */
function readPanel(session: Captioned): Panel {
  return isMap(session) ? session.sentence.shown : session.sentence.pictured;
}

/** Whose it is. */
function readHead(session: Captioned): string {
  const { layers } = session.data;
  const { opened } = session.focus;
  const { against } = session.sentence.pins;
  const { id, signed } = readPanel(session);
  const isPinned = id !== 'shown' && !signed && against && 'head' in against;
  const place = isPinned ? against.head : opened;
  const head = place ? headLabel(layers, place.layer, place.head) : '';
  return signed ? `${head}, a difference` : head;
}

/** The step whose attention is drawn. */
function readStep(session: Captioned): string {
  return stepName(readPanel(session).step ?? session.playback.step);
}

function sentenceText(session: Captioned): string[] {
  const { sentence, imageView } = session;
  const { probe } = session.data;
  const { sequence, top, least, sides, weighing } = sentence;
  const { id, title } = readPanel(session);
  const pictures = imageView.within || (imageView.beside && !isMap(session));
  const lengths = probe.value?.sequences.map(({ tokens }) => tokens.length) ?? [];
  const of =
    sequence === 'mean'
      ? `attention, mean over ${probe.value?.sequences.length ?? 0} sequences by position${lengthsDiffer(lengths) ? ', counted from both ends' : ''}`
      : `attention within sequence ${sequence ?? 0}`;
  const both = sides.query === sides.key ? [sides.query] : [sides.query, sides.key];
  const left = both.flatMap(({ gone }) => gone.filter(Boolean)).length;
  return [
    id === 'shown' ? of : `${of}: ${title}`,
    ...(sentence.waits ? [`not all is here yet: ${sentence.waits}`] : []),
    ...(isMap(session) ? ['weights on a scale of square roots'] : []),
    ...(weighing.weight ? ['weighted by ‖v‖'] : []),
    ...(!pictures && top > 0 ? [`the strongest ${top} of each query`] : []),
    ...(!pictures && least > 0 ? [`from ${Math.round(100 * least)} %`] : []),
    ...(pictures && imageView.drawn === 'links' ? [`links from ${imageView.least} %`] : []),
    ...(left > 0 ? [`${left} tokens left out`] : []),
  ];
}

function curveText({ steering, playback }: Pick<Captioned, 'steering' | 'playback'>): string {
  const [first, last] = [playback.steps[0] ?? 0, playback.steps.at(-1) ?? 0];
  const steps = `steps ${grouped(first)} to ${grouped(last)}`;
  if (steering.tag === null) return steps;
  const { low, high, logarithmic } = steering.scale;
  return `from ${formatValue(low)} to ${formatValue(high)}${logarithmic ? ', logarithmic' : ''}; ${steps}`;
}
