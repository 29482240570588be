/** What the routes tell of heads and of what happened in a run (docs/http_api.md): alerts, findings, evidence, events. */

import type { JsonNumber } from './types';

/** A rule of health that heads broke at a step (`raised`), or keep again. */
export interface Alert {
  readonly step: number;
  readonly rule: string;
  readonly figure: string;
  readonly raised: boolean;
  readonly limit: JsonNumber;
  /** On which side of the limit a head breaks the rule; null of a rule about the model as a whole, or where that is not known. */
  readonly beyond?: 'above' | 'below' | null;
  /** Fit to be shown as it stands. */
  readonly sentence: string;
  /** The worst one first. */
  readonly heads: readonly { readonly layer: number; readonly head: number; readonly value: JsonNumber }[];
}

export interface Alerts {
  readonly run: string;
  readonly alerts: readonly Alert[];
}

/** A head is of a kind from `since` on; see docs/findings.md. */
export interface Finding {
  readonly kind: string;
  /** What it is called: "previous token", "11 tokens back". */
  readonly title: string;
  readonly since: number;
  readonly until: number | null;
  /** "since step 1,100 (local since step 50)"; empty where a run has one step. */
  readonly when: string;
  readonly figure: string;
  /** Of `figure`, mostly a share of attention; null where it is not known. */
  readonly value: number | null;
  readonly at: number;
  /** `value` in words: "44 %"; empty where it tells nothing. */
  readonly amount: string;
  readonly sentence: string;
  /** Key less query, in tokens, or rows and columns of patches. */
  readonly offset: number | readonly [number, number] | null;
  /** Layer and number of the head that this one attends as. */
  readonly partner: readonly [number, number] | null;
  readonly trouble: boolean;
  readonly needs_samples: boolean;
  /** Of exported pages alone; absent where the page does not hold it, null where no query shows it. */
  readonly evidence?: Evidence | null;
}

/** What one head does. */
export interface NamedHead {
  readonly layer: number;
  readonly head: number;
  /** What a cell says; null where it is of no kind. */
  readonly title: string | null;
  /** What else it is called. */
  readonly also: readonly string[];
  /** Fit to be shown as it stands. */
  readonly sentence: string;
  /** Since when something is wrong with it without a break; null where nothing is. */
  readonly unhealthy: number | null;
  /** What is wrong with it by its figures: "largest logit 140, above 100". */
  readonly why: readonly string[];
  readonly findings: readonly Finding[];
  /** What it was and is no more. */
  readonly lost: readonly Finding[];
}

/** Whether all its queries, or all its keys, are equal: where its attention falls says nothing of it. */
export function isDead(named: NamedHead | null): boolean {
  return named?.findings.some(({ kind }) => kind === 'dead') ?? false;
}

/** Heads of one kind, the clearest first. */
export interface FindingGroup {
  readonly kind: string;
  readonly title: string;
  readonly sentence: string;
  readonly since: number;
  readonly trouble: boolean;
  /** Over which of the probe's texts its amounts are taken; empty where that goes without saying. */
  readonly texts: string;
  readonly heads: readonly (readonly [number, number])[];
}

/** Something that happened in a run: a kind formed or lost, an alert, a restart. */
export interface RunEvent {
  readonly step: number;
  readonly what: 'formed' | 'lost' | 'alert' | 'cleared' | 'restart' | 'changed model';
  readonly sentence: string;
  readonly layer: number | null;
  readonly head: number | null;
  readonly kind: string | null;
  readonly trouble: boolean;
  /** Of an alert, since when its head is unhealthy without a break; null of no head's. */
  readonly since: number | null;
}

/** What all heads do at a step, and all that happened in the run. */
export interface Findings {
  readonly run: string;
  readonly step: number;
  /** The last step whose samples were looked at. */
  readonly sampled: number | null;
  /** Recorded steps that a head was of a kind at least, for it to be told as lost. */
  readonly lasting: number;
  readonly heads: readonly NamedHead[];
  readonly groups: readonly FindingGroup[];
  readonly events: readonly RunEvent[];
}

export interface FindingsQuery {
  readonly run: string;
  readonly step: number;
}

/** The query that shows best that a head is of a kind. */
export interface Evidence {
  readonly step: number;
  readonly layer: number;
  readonly head: number;
  readonly kind: string;
  readonly sequence: number;
  readonly query: number;
  readonly key: number;
  readonly weight: number;
  readonly query_token: string;
  readonly key_token: string;
  readonly sentence: string;
}

export interface EvidenceQuery extends FindingsQuery {
  readonly layer: number;
  readonly head: number;
  readonly kind: string;
}
