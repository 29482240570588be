import { formatRanges, parseRanges } from '../run/ranges';
import type { Run } from '../run/types';
import { formatWanted } from './filter';
import type { Kinds } from './hits';
import type { Marks } from './marks.svelte';
import type { TokenSearch } from './search.svelte';
import type { TokenFilter } from './token_filter.svelte';

interface Needs {
  readonly data: { readonly run: Run | null };
  readonly search: TokenSearch;
  readonly filter: TokenFilter;
  readonly marks: Marks;
}

/** What a link says of what is looked for, shown and marked. Absent means the default. */
export interface FindPlace {
  /** As it was typed. */
  readonly find?: string;
  readonly find_in?: 'queries' | 'keys';
  /** Small and large letters differ. */
  readonly find_case?: 1;
  /** Numbers of the sequences that are shown: ranges with dots between them. */
  readonly only?: string;
  /** Labels and their values that are shown. */
  readonly only_label?: string;
  /** Numbers of marked points, in ranges. */
  readonly marked?: string;
}

const KINDS: readonly Exclude<Kinds, 'both'>[] = ['queries', 'keys'];
const RANGES = /^\d{1,9}(-\d{1,9})?(\.\d{1,9}(-\d{1,9})?){0,9999}$/;

/** @param found the link's pairs */
export function readFind(found: ReadonlyMap<string, string>): FindPlace {
  const kinds = KINDS.find((name) => name === found.get('find_in'));
  const [find, label] = [found.get('find'), found.get('only_label')];
  const [only, marked] = [found.get('only'), found.get('marked')];
  return {
    ...(find !== undefined && { find }),
    ...(kinds && { find_in: kinds }),
    ...(found.get('find_case') === '1' && { find_case: 1 }),
    ...(only !== undefined && RANGES.test(only) && { only }),
    ...(label !== undefined && { only_label: label }),
    ...(marked !== undefined && RANGES.test(marked) && { marked }),
  };
}

/** What the link says about the entered run, as far as this has it. */
export function enterFind(place: FindPlace, session: Needs): void {
  const { search, filter } = session;
  const { run } = session.data;
  search.text = place.find ?? '';
  search.kinds = place.find_in ?? 'both';
  search.matchCase = place.find_case === 1;
  filter.clear();
  filter.showSequences(parseRanges(place.only ?? '', run?.sequences ?? 0));
  if (place.only_label !== undefined) filter.ask(place.only_label);
  session.marks.mark(parseRanges(place.marked ?? '', (run?.queries ?? 0) + (run?.keys ?? 0)));
}

export function placeOfFind({ search, filter, marks }: Needs): FindPlace {
  const { text, kinds, matchCase } = search;
  return {
    ...(text.trim() !== '' && { find: text.trim() }),
    ...(kinds !== 'both' && { find_in: kinds }),
    ...(matchCase && { find_case: 1 }),
    ...(filter.sequences && { only: formatRanges(filter.sequences) }),
    ...(filter.labels.size > 0 && { only_label: formatWanted(filter.labels) }),
    ...(marks.group && { marked: formatRanges(marks.group.points) }),
  };
}
