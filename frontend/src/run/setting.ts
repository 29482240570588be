import type { Run } from './types';

/** What an address says of the tab, by name. */
export type Link = ReadonlyMap<string, string>;
/** What a view says of itself in its address. */
export type Said = Readonly<Record<string, string>>;

/** How a setting's value is written in an address. Null goes unsaid, unless there is a word for it. */
export interface Codec<T> extends Terms<T> {
  /** The value that a text says; undefined where it says none that can be. */
  read(text: string, run: Run): T | undefined;
  /** Null: it goes unsaid. */
  write(value: T): string | null;
  /** The name in the address, where it is not that of the field. */
  as(name: string): Codec<T>;
  /** The usual value, where it is not the one that the field begins with. */
  or<U>(usual: U): Codec<T | U>;
  /** The word for null. */
  none(word: string): Codec<T | null>;
  /** Written only while this holds. */
  when(holds: () => boolean): Codec<T>;
  /** Written also where it has its usual value. */
  stated(): Codec<T>;
}

interface Terms<T> {
  readonly name?: string;
  readonly usual?: T;
  readonly nothing?: string;
  readonly holds?: () => boolean;
  readonly always?: true;
}

export function codec<T>(
  read: (text: string, run: Run) => T | undefined,
  write: (value: T) => string | null = String,
  terms: Terms<unknown> = {},
): Codec<T> {
  const more = <U = T>(added: Terms<unknown>) =>
    codec(read, write, { ...terms, ...added }) as unknown as Codec<U>;
  return {
    ...(terms as Terms<T>),
    read,
    write,
    as: (name) => more({ name }),
    or: <U>(usual: U) => more<T | U>({ usual }),
    none: (nothing) => more<T | null>({ nothing }),
    when: (holds) => more({ holds }),
    stated: () => more({ always: true }),
  };
}

/** One of some texts or numbers. */
export function choice<T extends string | number>(choices: readonly T[]): Codec<T> {
  return codec((text) => choices.find((each) => String(each) === text));
}

/** A value that one word stands for; any other goes unsaid. */
export function word<T>(name: string, meant: T): Codec<T> {
  return codec(
    (text) => (text === name ? meant : undefined),
    (value) => (value === meant ? name : null),
  );
}

/** A whole number. */
export function whole(most = 1e15 - 1): Codec<number> {
  return codec((text) => (/^\d{1,15}$/.test(text) && Number(text) <= most ? Number(text) : undefined));
}

/** Any text, or one of a form. */
export function text(form = /^/): Codec<string> {
  return codec((said) => (form.test(said) ? said : undefined));
}

/** So many numbers with `_` between them.
 * @param digits behind the point that are written */
export function numbers(count: number, digits: number, most = Number.MAX_VALUE): Codec<readonly number[]> {
  return codec(
    (said) => {
      const parts = said.split('_').map((part) => (NUMBER.test(part) ? Number(part) : Number.NaN));
      return parts.length === count && parts.every((x) => Math.abs(x) <= most) ? parts : undefined;
    },
    (values) => values.map((value) => String(Number(value.toFixed(digits)))).join('_'),
  );
}
const NUMBER = /^-?\d*\.?\d+(e-?\d+)?$/i;

/** The same setting as another value. */
export function mapped<A, B>(
  inner: Codec<A>,
  from: (value: A) => B | undefined,
  to: (value: B) => A,
): Codec<B> {
  return codec(
    (said, run) => {
      const value = inner.read(said, run);
      return value === undefined ? undefined : from(value);
    },
    (value) => inner.write(to(value)),
  );
}

/** Settings of one object: what they are in a link, and in what is shown. */
export interface Settings {
  /** Takes what a link says; what it leaves unsaid has its usual value. */
  enter(link: Link, run: Run): void;
  readonly said: Said;
}

/** @param codecs of fields, whose usual values are those that they have now; they are taken in this order */
export function settings<T extends object>(
  target: T,
  codecs: { readonly [K in keyof T]?: Codec<T[K]> },
  holds = () => true,
): Settings {
  const all = (Object.entries(codecs) as [keyof T & string, Codec<T[keyof T & string]>][]).map(
    ([field, each]) => {
      const write = (value: T[keyof T & string]) =>
        value === null ? (each.nothing ?? null) : each.write(value);
      const usual = 'usual' in each ? (each.usual as T[keyof T & string]) : target[field];
      return {
        field,
        each,
        usual,
        write,
        name: each.name ?? field,
        unsaid: each.always ? null : write(usual),
      };
    },
  );
  return {
    enter: (link, run) => {
      for (const { field, each, usual, name } of all) {
        const said = link.get(name);
        const nothing = said !== undefined && said === each.nothing;
        const value = said === undefined || nothing ? undefined : each.read(said, run);
        target[field] = nothing ? (null as T[keyof T & string]) : value === undefined ? usual : value;
      }
    },
    get said() {
      if (!holds()) return {};
      const found: Record<string, string> = {};
      for (const { field, each, write, name, unsaid } of all) {
        const text = each.holds?.() === false ? null : write(target[field]);
        if (text !== null && text !== unsaid) found[name] = text;
      }
      return found;
    },
  };
}

/** Settings of several objects as one. */
export function joined(...parts: readonly Settings[]): Settings {
  return {
    enter: (link, run) => {
      for (const part of parts) part.enter(link, run);
    },
    get said() {
      return Object.assign({}, ...parts.map(({ said }) => said)) as Said;
    },
  };
}

/** A step at which the run was recorded. */
export const checkpoint: Codec<number> = codec((said, run) => {
  const step = whole().read(said, run);
  return step !== undefined && run.steps.includes(step) ? step : undefined;
});
