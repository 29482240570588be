import type { Finding, FindingGroup, Findings, NamedHead } from '../run/findings';
import { sinceStep } from '../run/labels';

/** Kinds by the figure that tells them, the more special one first. */
const KINDS = [
  { kind: 'induction', title: 'induction', figure: 'induction' },
  { kind: 'previous', title: 'previous token', figure: 'previous' },
  { kind: 'self', title: 'itself', figure: 'self' },
  { kind: 'first', title: 'first token', figure: 'sink' },
] as const;
const LIMIT = 0.4;

/** What made-up heads are called, by their figures alone.
 * @param heads of each layer
 * @param figuresAt of a head at a step */
export function syntheticFindings(
  run: string,
  step: number,
  steps: readonly number[],
  heads: readonly number[],
  figuresAt: (step: number, layer: number, head: number) => Readonly<Record<string, number>>,
): Findings {
  const until = steps.filter((one) => one <= step);
  const named = heads.flatMap((count, layer) =>
    Array.from({ length: count }, (_, head): NamedHead => {
      const findings = KINDS.flatMap(({ kind, title, figure }): Finding[] => {
        const values = until.map((one) => figuresAt(one, layer, head)[figure] ?? 0);
        const value = values.at(-1) ?? 0;
        if (value < LIMIT) return [];
        const since = until[values.findLastIndex((one) => one < LIMIT) + 1] ?? step;
        const sentence = `attends by ${title}, ${Math.round(100 * value)} %, ${sinceStep(since, steps)}`;
        const amount = `${Math.round(100 * value)} %`;
        const known = { kind, title, figure, value, since, sentence, at: step, until: null, amount };
        const when = sinceStep(since, steps);
        return [{ ...known, when, offset: null, partner: null, trouble: false, needs_samples: false }];
      });
      const does =
        findings.map((finding) => finding.sentence).join(' and ') || 'does nothing that has a name';
      const [title = null, ...also] = findings.map((finding) => finding.title);
      const sentence = `L${layer} H${head} ${does}.`;
      return { layer, head, title, also, sentence, unhealthy: null, why: [], findings, lost: [] };
    }),
  );
  const groups = KINDS.flatMap(({ kind, title }): FindingGroup[] => {
    const of = named.filter(({ findings }) => findings[0]?.kind === kind);
    if (of.length === 0) return [];
    const since = Math.min(...of.map(({ findings }) => findings[0]?.since ?? step));
    const places = of.map(({ layer, head }) => [layer, head] as const);
    const sentence = `${of.length} ${title} head${of.length === 1 ? '' : 's'} ${sinceStep(since, steps)}`;
    return [{ kind, title, sentence, since, trouble: false, texts: '', heads: places }];
  });
  return { run, step, sampled: step, lasting: 1, heads: named, groups, events: [] };
}
