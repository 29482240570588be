import type { Sentence } from './sentence.svelte';

/** What of the settings behind ⋯ leaves something out or weighs it otherwise, for people.
 * @param chosen whether ⋯ has how many keys are drawn, and from which weight on */
export function unusual(
  options: Pick<Sentence, 'top' | 'least' | 'hidesSpecial' | 'hidesFirst' | 'mean' | 'weighing'>,
  chosen: boolean,
): readonly string[] {
  const { top, least, hidesSpecial, hidesFirst, mean, weighing } = options;
  return [
    ...(chosen && top > 0 ? [`top ${top} keys`] : []),
    ...(chosen && least > 0 ? [`from ${Math.round(100 * least)} % on`] : []),
    ...(hidesSpecial && !mean ? ['special tokens hidden'] : []),
    ...(hidesFirst ? ['first token hidden'] : []),
    ...(weighing.weight ? ['weighed by ‖v‖'] : []),
  ];
}
