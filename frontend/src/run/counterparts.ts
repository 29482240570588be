import type { Layer, Run } from './types';

/** Of each layer of the shown run, which layer of another one it is: the one of its name with the same heads, wherever that stands among
 * those that were recorded; null where there is none. */
export function counterparts(
  { layers: shown }: Pick<Run, 'layers'>,
  { layers: others }: Pick<Run, 'layers'>,
): readonly (number | null)[] {
  return shown.map((layer) => {
    const found = others.findIndex((other) => other.name === layer.name);
    const other = others[found];
    return other && headsOf(other) === headsOf(layer) ? found : null;
  });
}

function headsOf({ heads, head_numbers }: Layer): string {
  return `${heads}: ${head_numbers.join()}`;
}
