import kinds from './kinds.json';

/** From when on a head is called what it is; docs/findings.md says more, and a test holds the limits to those of the rules. */
interface KindTold {
  readonly title: string;
  readonly reads: string;
}

/** "… 35 % of its attention or more, until under 25 %" */
export const KINDS_TOLD: readonly KindTold[] = kinds.map(({ title, told, on, off, unit }) => {
  const says = (limit: number) => (unit === 'share' ? `${Math.round(100 * limit)} %` : String(limit));
  const [reached, left] = on > off ? ['or more', 'under'] : ['or less', 'over'];
  return { title, reads: `${told}: ${says(on)} ${reached}, until ${left} ${says(off)}` };
});
