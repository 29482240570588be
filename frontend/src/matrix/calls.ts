import type { Finding, NamedHead } from '../run/findings';

/** What a cell may call a head: all that it is first, then less and less, of which the first that fits is shown. What a shorter one leaves out is
 * counted, "induction, 1 more", unless it is said which texts its map is of: that comes before another kind. What is wrong with it by its figures
 * comes first of all, unless its name is trouble already: "collapsed" says more.
 * @param onRepeats whether its map is of repeated texts, where others' are not */
export function callsOf(
  named:
    | (Pick<NamedHead, 'title' | 'also' | 'why'> & {
        findings: readonly Pick<Finding, 'title' | 'trouble'>[];
      })
    | null,
  onRepeats = false,
): string[] {
  const isTrouble = named?.findings.some(({ title, trouble }) => trouble && title === named.title);
  const wrong = named !== null && named.why.length > 0 && !isTrouble ? ['unhealthy'] : [];
  const [title, ...also] = [...wrong, ...(named?.title ? [named.title, ...named.also] : [])];
  if (!title) return [];
  const short = title.replace(/^(previous|next|first|special|\d+) tokens?\b/, '$1'); // "previous", "5 back"
  const all = [title, ...also].join(' · ');
  const others = also.map((other) => counted(`${title} · ${other}`, also.length - 1));
  const repeated = onRepeats
    ? [all, counted(title, also.length), title].map((call) => `${call} · on repeats`)
    : [];
  const calls = [
    ...repeated,
    all,
    ...others,
    counted(title, also.length),
    counted(short, also.length),
    title,
    short,
  ];
  return [...new Set(calls)];
}

function counted(call: string, more: number): string {
  return more > 0 ? `${call}, ${more} more` : call;
}
