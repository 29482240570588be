import type { DataSource } from '../run/source';
import type { Connection } from './connection.svelte';

/** What is asked about no run: which there are, and what TensorBoard itself has of one. */
const OF_NO_RUN: ReadonlySet<PropertyKey> = new Set<keyof DataSource>(['runs', 'scalarTags', 'scalars']);

/** A source whose answers wait for its server, and for their run, as long as these are away. */
export function lastingSource(source: DataSource, connection: Connection): DataSource {
  return new Proxy(source, {
    get(_, question) {
      const answer: unknown = Reflect.get(source, question);
      if (typeof answer !== 'function') return answer;
      return (...asked: unknown[]) => {
        const run = OF_NO_RUN.has(question) ? null : runOf(asked[0]);
        return connection.ask(run, () => Reflect.apply(answer, source, asked), signalOf(asked.at(-1)));
      };
    },
  });
}

/** @param first of what is asked: a run's name, or what has one */
function runOf(first: unknown): string | null {
  if (typeof first === 'string') return first;
  return hasOwn(first, 'run') && typeof first.run === 'string' ? first.run : null;
}

/** @param last of what is asked: a signal, or how it is waited for; neither where nobody may lose interest */
function signalOf(last: unknown): AbortSignal | undefined {
  const signal = hasOwn(last, 'signal') ? last.signal : last;
  return signal instanceof AbortSignal ? signal : undefined;
}

function hasOwn<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}
