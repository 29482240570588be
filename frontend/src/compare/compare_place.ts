import { LENGTHS, type Trails, USUAL_LENGTH } from '../trails/trails.svelte';
import { type Choice, type Comparison, WAYS, type Way } from './compare.svelte';

/** What a link says of a second run or step, and of trails. Absent means the default. */
export interface ComparePlace {
  readonly against?: string;
  readonly against_step?: Choice;
  readonly way?: Way;
  readonly trail?: (typeof LENGTHS)[number];
}

/** @param found the link's pairs */
export function readCompare(found: ReadonlyMap<string, string>): ComparePlace {
  const against = found.get('against');
  const step = readChoice(found.get('against_step'));
  const way = WAYS.find((choice) => choice === found.get('way'));
  const trail = LENGTHS.find((choice) => String(choice) === found.get('trail'));
  return {
    ...(against !== undefined && { against }),
    ...(step !== undefined && { against_step: step }),
    ...(way !== undefined && { way }),
    ...(trail !== undefined && { trail }),
  };
}

export function enterCompare(place: ComparePlace, against: Comparison, trails: Trails): void {
  against.choose(place.against ?? null, place.against_step ?? 'same');
  against.way = place.way ?? 'overlay';
  trails.length = place.trail ?? USUAL_LENGTH;
}

export function placeOfCompare({ run, choice, way }: Comparison, { length }: Trails): ComparePlace {
  return {
    ...(run && { against: run.run, way }),
    ...(run && choice !== 'same' && { against_step: choice }),
    ...(length !== USUAL_LENGTH && { trail: length }),
  };
}

function readChoice(text: string | undefined): Choice | undefined {
  if (text === 'same' || text === 'newest') return text;
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
