import type { SentenceOptions } from './sentence_options.svelte';

/** What of the settings behind ⋯ leaves something out or weighs it otherwise, for people.
 * @param chosen whether ⋯ has how many keys are drawn, and from which weight on */
export function unusual(
  options: Pick<SentenceOptions, 'top' | 'least' | 'hidesSpecial' | 'hidesFirst' | 'byValues'>,
  chosen: boolean,
): readonly string[] {
  const { top, least, hidesSpecial, hidesFirst, byValues } = options;
  return [
    ...(chosen && top > 0 ? [`top ${top} keys`] : []),
    ...(chosen && least > 0 ? [`from ${Math.round(100 * least)} % on`] : []),
    ...(hidesSpecial ? ['special tokens hidden'] : []),
    ...(hidesFirst ? ['first token hidden'] : []),
    ...(byValues ? ['weighed by ‖v‖'] : []),
  ];
}
