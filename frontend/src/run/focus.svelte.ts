import type { Feature } from './feature';
import { gridOf, tokensOf } from './grids';
import type { HeadPlace } from './head';
import { type LayerTokens, listName, runLists, selectedIn, type TokenAt } from './lists';
import { counterpart, type TokenIndex } from './places';
import { choice, type Link, type Said, type Settings, settings, whole } from './setting';
import { isSpecial } from './special';
import type { Run, TokenList } from './types';

interface Needs {
  readonly run: Run | null;
  readonly lists: readonly TokenList[];
  readonly layerTokens: readonly LayerTokens[];
  readonly probe: { readonly value: TokenIndex | null };
}

/** Pictures of a head: what its cell shows, its points, the sequence of the selected token. */
const LARGE = ['cell', 'points', 'reading'] as const;
export type Large = (typeof LARGE)[number];

/** What is looked at: the opened head, and the token that is selected in it, as a query or as a key. */
export class Focus implements Feature {
  opened = $state.raw<HeadPlace | null>(null);
  /** Which of its pictures is large. Where nothing is selected, or cells show points, the points are. */
  large = $state<Large>('reading');
  readonly settings: Settings = settings<Focus>(this, { large: choice(LARGE) }, () => this.opened !== null);
  private selected = $state.raw<TokenAt | null>(null);

  constructor(private readonly data: Needs) {}

  /** What was selected, as the opened head has it: another layer may have other tokens. */
  private readonly selectedHere: TokenAt | null = $derived.by(() => {
    const tokens = this.data.layerTokens[this.opened?.layer ?? -1];
    const { selected } = this;
    if (!selected || !tokens) return selected;
    const found = selectedIn(this.data.lists, tokens, selected);
    const index = this.data.probe.value;
    if (found.list === selected.list || !index) return found;
    return { ...found, token: counterpart(index, selected, found.list) };
  });

  get selection(): TokenAt | null {
    return this.selectedHere;
  }

  /** The cell's picture is of no token: what is selected over it is read, and it is back when nothing is. */
  set selection(selection: TokenAt | null) {
    if (!selection !== !this.selected && this.large !== 'points') this.large = selection ? 'reading' : 'cell';
    this.selected = selection;
  }

  /** A head is first seen as its cell shows it; the next one as the last. */
  open(place: HeadPlace): void {
    if (this.opened === null) this.large = 'cell';
    this.opened = place;
  }

  isOpened({ layer, head }: HeadPlace): boolean {
    return this.opened?.layer === layer && this.opened.head === head;
  }

  enter(link: Link, run: Run): void {
    const number = (name: string) => whole().read(link.get(name) ?? '', run);
    const [layer, head, sequence] = [number('layer'), number('head'), number('sequence')];
    const has = layer !== undefined && head !== undefined && head < (run.layers[layer]?.heads ?? 0);
    this.opened = has ? { layer, head } : null;
    const [, token, key] = /^(\d{1,9})(k?)$/.exec(link.get('token') ?? '') ?? [];
    const list = runLists(run).findIndex((each) => listName(each) === link.get('list'));
    this.selected =
      has && token !== undefined && sequence !== undefined && sequence < run.sequences
        ? { sequence, list: Math.max(0, list), token: Number(token), side: key ? 'key' : 'query' }
        : null;
  }

  /** A token's key has a k behind its number. */
  get link(): Said {
    const { opened, selection } = this;
    return {
      ...(opened && { layer: String(opened.layer), head: String(opened.head) }),
      ...(selection && {
        sequence: String(selection.sequence),
        token: `${selection.token}${selection.side === 'key' ? 'k' : ''}`,
        ...(selection.list > 0 && { list: listName(this.data.lists[selection.list]) }),
      }),
    };
  }

  /** Another sequence, of which the token at the same position is selected. */
  read(number: number): void {
    const { selection } = this;
    const sequences = this.data.probe.value?.lists[selection?.list ?? 0]?.sequences ?? [];
    const sequence = Math.min(sequences.length - 1, Math.max(0, number));
    const length = sequences[sequence]?.tokens.length ?? 0;
    if (selection && length > 0)
      this.selection = { ...selection, sequence, token: Math.min(selection.token, length - 1) };
  }

  /** A sequence, at its first word; of an image, which may begin with a token without a place, at the patch in its
   * middle. */
  readFirst(sequence = 0): void {
    const first = this.data.probe.value?.lists[0]?.sequences[sequence];
    const grid = gridOf(first);
    const word = first?.tokens.findIndex((token) => !isSpecial(token)) ?? 0;
    const middle = grid ? (grid.grid.rows >> 1) * grid.grid.columns + (grid.grid.columns >> 1) : 0;
    const token = Math.max(0, grid ? (tokensOf(grid)[middle] ?? 0) : word);
    this.selection = { sequence, list: 0, token, side: 'query' };
  }

  /** Selects a query or key by its number among a head's points. */
  selectPoint(point: number): void {
    const { run } = this.data;
    const tokens = this.data.probe.value;
    if (!run || !tokens) return;
    const side = point < run.queries ? 'query' : 'key';
    const token = side === 'query' ? point : point - run.queries;
    const sequence = tokens.sequence[token];
    const position = tokens.position[token];
    if (sequence !== undefined && position !== undefined)
      this.selection = { sequence, list: tokens.list[token] ?? 0, token: position, side };
  }
}
