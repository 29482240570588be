/** Which picture is asked for: the method, its parameters, and the coordinates that it starts from. Immutable; two
 * of them are the same picture exactly when their addresses are equal. */

export const METHODS = ['biplot', 'pca', 'tsne', 'umap', 'attention'] as const;
export type Method = (typeof METHODS)[number];
export const NORMALISATIONS = ['canonical', 'paper'] as const;
export const METRICS = ['cosine', 'euclidean'] as const;

export interface Parameters {
  readonly normalise: (typeof NORMALISATIONS)[number];
  /** Of `attention`: how much who attends to whom counts beside neighbours. */
  readonly attention: number;
  /** t-SNE and attention: about how many neighbours count. */
  readonly perplexity: number;
  /** UMAP: how many neighbours count. */
  readonly neighbours: number;
  /** UMAP: how near points may come. */
  readonly min_dist: number;
  readonly metric: (typeof METRICS)[number];
  readonly seed: number;
}

export type Parameter = keyof Parameters;

/** A method, and the parameters of all methods: going to another one and back forgets nothing. */
export interface Projection extends Parameters {
  readonly method: Method;
}

export const DEFAULT_PROJECTION: Projection = {
  method: 'biplot',
  normalise: 'canonical',
  attention: 0.85,
  perplexity: 30,
  neighbours: 15,
  min_dist: 0.1,
  metric: 'cosine',
  seed: 0,
};

const PARAMETERS: Readonly<Record<Method, readonly Parameter[]>> = {
  biplot: ['normalise'],
  pca: ['normalise'],
  tsne: ['perplexity', 'metric', 'seed', 'normalise'],
  umap: ['neighbours', 'min_dist', 'metric', 'seed', 'normalise'],
  attention: ['attention', 'perplexity', 'metric', 'normalise'],
};

/** What a number may be; both ends are allowed. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly whole: boolean;
}

export const RANGES: Readonly<
  Record<'attention' | 'perplexity' | 'neighbours' | 'min_dist' | 'seed', Range>
> = {
  attention: { low: 0, high: 0.99, whole: false },
  perplexity: { low: 2, high: 500, whole: false },
  neighbours: { low: 2, high: 500, whole: true },
  min_dist: { low: 0, high: 1, whole: false },
  seed: { low: 0, high: 2 ** 31 - 1, whole: true },
};

/** The parameters that the method has, in the order in which they are shown. */
export function parametersOf(method: Method): readonly Parameter[] {
  return PARAMETERS[method];
}

/** Whether a head takes seconds: such pictures are asked for head by head. */
export function isSlow({ method }: Projection): boolean {
  return method !== 'biplot' && method !== 'pca';
}

/** All that the picture depends on, as the routes take it: nothing is left to the server's defaults. */
export function address(projection: Projection): Readonly<Record<string, string | number>> {
  const { method } = projection;
  return {
    projection: method,
    ...Object.fromEntries(PARAMETERS[method].map((name) => [name, projection[name]])),
  };
}

const keys = new WeakMap<Projection, string>();

/** The address in one word: equal for equal pictures. */
export function addressKey(projection: Projection): string {
  const known = keys.get(projection);
  if (known !== undefined) return known;
  const key = Object.entries(address(projection))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  keys.set(projection, key);
  return key;
}

/** What a link says of it: what differs from the defaults, of all methods. */
export function writeProjection(projection: Projection): Readonly<Record<string, string>> {
  const pairs = [['projection', projection.method], ...Object.entries(projection)] as [string, unknown][];
  return Object.fromEntries(
    pairs
      .filter(([name, value]) => name !== 'method' && value !== defaultOf(name))
      .map(([name, value]) => [name, String(value)]),
  );
}

/** A projection from what a link says; a value that cannot be counts as unsaid. */
export function readProjection(found: ReadonlyMap<string, string>): Projection {
  const read = { ...DEFAULT_PROJECTION } as { -readonly [K in keyof Projection]: Projection[K] };
  read.method = one(METHODS, found.get('projection')) ?? read.method;
  read.normalise = one(NORMALISATIONS, found.get('normalise')) ?? read.normalise;
  read.metric = one(METRICS, found.get('metric')) ?? read.metric;
  for (const name of Object.keys(RANGES) as (keyof typeof RANGES)[]) {
    const value = parseWithin(RANGES[name], found.get(name) ?? '');
    if (value !== null) read[name] = value;
  }
  return read;
}

/** The number that a text says, or null where it says none within the range. */
export function parseWithin({ low, high, whole }: Range, text: string): number | null {
  if (!/^\s*\d*\.?\d+(e-?\d+)?\s*$/i.test(text)) return null;
  const value = Number(text);
  return value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : null;
}

function defaultOf(name: string): unknown {
  return name === 'projection' ? DEFAULT_PROJECTION.method : DEFAULT_PROJECTION[name as Parameter];
}

function one<T extends string>(choices: readonly T[], text: string | undefined): T | undefined {
  return choices.find((choice) => choice === text);
}
