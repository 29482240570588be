import type { Feature } from '../run/feature';
import type { HeadPlace } from '../run/head';
import { codec, type Settings, settings } from '../run/setting';
import type { DataSource } from '../run/source';
import type { Layer, Run } from '../run/types';
import { keyOf, type Note, type Notes, notesFile, notesInLink, notesOfLink, readNotes, tidied } from './note';

/** TensorBoard's pages share one storage: the name says whose it is, and of which run. */
const STORED = 'tb-attnviz.notes';
/** Letters of notes in a link: longer ones do not come along, or addresses would be cut. */
const MOST_IN_LINK = 1500;

interface Needs {
  readonly data: {
    readonly run: Run | null;
    readonly layers: readonly Layer[];
    readonly source: Pick<DataSource, 'offers'>;
  };
}

/** What the user says of heads: kept in this browser for each run, and taken along in links. */
export class HeadNotes implements Feature {
  /** Of the shown run. */
  all = $state.raw<Notes>(new Map());
  private of: string | null = null;
  /** Heads whose notes were removed here: going back to an older address does not bring them back. */
  private readonly removed = new Set<string>();

  /** @param storage of the browser; null where it is blocked, and in a page: notes are then in the link alone */
  constructor(
    private readonly session: Needs,
    private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null,
  ) {}

  /** Whether a link takes the notes along. */
  readonly fitsLink: boolean = $derived.by(() => notesInLink(this.all).length <= MOST_IN_LINK);

  readonly settings: Settings = settings<HeadNotes>(this, {
    linked: codec(notesOfLink, notesInLink).as('notes'),
  });

  /** What a link says of heads, or is to say; of a head that has a note here, this one stays. */
  get linked(): Notes {
    return this.fitsLink ? this.all : new Map();
  }

  set linked(said: Notes) {
    this.open();
    const added = [...said].filter(([key]) => !this.all.has(key) && !this.removed.has(key));
    if (added.length > 0) this.all = new Map([...this.all, ...added]);
  }

  /** Whether this browser keeps them. */
  get kept(): boolean {
    return this.storage !== null;
  }

  at(place: HeadPlace): Note | null {
    return this.all.get(keyOf(this.session.data.layers, place)) ?? null;
  }

  /** What a cell says of a head instead of its kind, and with a star before it; null: nothing of its own. */
  caption(place: HeadPlace, kind: string): string | null {
    const note = this.at(place);
    if (!note?.star && !note?.name) return null;
    return [note.star ? '★' : '', note.name ?? kind].filter(Boolean).join(' ');
  }

  /** Says this of a head; what is empty removes the note. */
  write(place: HeadPlace, note: Note): void {
    const key = keyOf(this.session.data.layers, place);
    const kept = tidied(note);
    const all = new Map(this.all);
    if (kept) all.set(key, kept);
    else all.delete(key);
    if (kept) this.removed.delete(key);
    else this.removed.add(key);
    this.keep(all);
  }

  /** The notes of a file in the place of those of the same heads. Throws an Error with a sentence for what is none. */
  load(text: string): void {
    let said: unknown;
    try {
      said = JSON.parse(text);
    } catch {
      said = null;
    }
    this.keep(new Map([...this.all, ...readNotes(said).notes]));
  }

  /** What `load` reads. */
  save(): string {
    return `${JSON.stringify(notesFile(this.session.data.run?.run ?? '', this.all), null, 1)}\n`;
  }

  /** To be called while a component is made. */
  begin(): void {
    $effect.pre(() => this.open());
  }

  leave(): void {
    this.of = null;
    this.all = new Map();
    this.removed.clear();
  }

  /** Reads what is kept of the shown run, once. */
  private open(): void {
    const { run } = this.session.data;
    const name = run && `${STORED} ${run.run} ${run.probe ?? ''}`;
    if (name === this.of) return;
    this.of = name;
    this.removed.clear();
    this.all = name === null ? new Map() : this.stored(name);
  }

  /** What a page came with, or what this browser keeps. */
  private stored(name: string): Notes {
    const { offers } = this.session.data.source;
    try {
      if (offers) return offers.notes ? readNotes(offers.notes).notes : new Map();
      const text = this.storage?.getItem(name);
      return text ? readNotes(JSON.parse(text)).notes : new Map();
    } catch {
      return new Map(); // blocked, or not ours
    }
  }

  private keep(all: Notes): void {
    this.all = all;
    if (this.of === null) return;
    try {
      if (all.size === 0) this.storage?.removeItem(this.of);
      else this.storage?.setItem(this.of, JSON.stringify(notesFile(this.session.data.run?.run ?? '', all)));
    } catch {
      // A full or blocked storage: they are there until the page is left, in the link and in a file.
    }
  }
}
