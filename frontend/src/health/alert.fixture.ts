import type { Alert } from '../run/findings';

/** A rule that L0 H1 broke at a step, or keeps again. */
export const alertAt = (step: number, rule = 'max_logit', raised = true): Alert => ({
  step,
  rule,
  figure: rule,
  raised,
  limit: 100,
  beyond: 'above',
  sentence: `${rule} at ${step}`,
  heads: [{ layer: 0, head: 1, value: 132 }],
});
