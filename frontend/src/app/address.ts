import type { Host } from '../base/host';
import { goTo } from './entering';
import { closeAllBut, type Opening, opened, readOpenings } from './openings';
import type { Session } from './session.svelte';
import { isOurs, ownPairs, readLink, writeLink } from './url';

/** What we keep with an entry of the browser's history. */
interface Entry {
  readonly open: readonly Opening[];
  /** What was open in the entry before it, which is ours too; null where it may be anybody's. */
  readonly below: readonly Opening[] | null;
}

/** The name of ours in an entry's state, of which TensorBoard may have other parts. */
const OURS = 'attnviz';

/** Keeps the address and the session in step, whichever of them changes: what is shown is written into the address, and
 * what the user does to the address (editing it, Back, Forward, a link on the page) is shown. What is opened begins an entry
 * of the browser's history, so that Back closes it, and leaves all else as it is. */
export class Address {
  /** Our part of the address as it was last read or written. Only another one is news. */
  private known: string;
  /** Null: the entry is none of ours yet. */
  private entry: Entry | null;
  /** Whether what was closed otherwise is on its way out of the history. */
  private leaving = false;

  constructor(
    private readonly host: Host,
    private readonly session: Session,
  ) {
    this.known = ownPairs(host.window.location.hash);
    this.entry = readEntry(host.window.history.state);
  }

  /** Writes what is shown, unless another tab is: the address is then about that one. */
  remember(): void {
    const { session, host } = this;
    if (this.leaving) return;
    this.follow(); // or an edit that nobody has told us of yet would be overwritten
    const { location, history } = host.window;
    if (session.link === null || !host.visible() || !isOurs(location.hash)) return;
    const open = opened(session);
    const { below = null, open: before = open } = this.entry ?? {};
    if (below && open.every((name) => below.includes(name))) {
      this.leaving = true;
      history.back();
      return;
    }
    const hash = writeLink(location.hash, session.link);
    this.known = ownPairs(hash);
    // Writing tells nobody, so that this is not read back.
    if (open.some((name) => !before.includes(name))) this.write('pushState', hash, { open, below: before });
    else if (hash !== location.hash || !this.entry || before.length !== open.length)
      this.write('replaceState', hash, { open, below });
  }

  /** Goes where the address leads. One without a word about us, as TensorBoard's own tabs leave it, leads nowhere. */
  follow(): void {
    const { hash } = this.host.window.location;
    const said = ownPairs(hash);
    if (!isOurs(hash) || said === '' || said === this.known) return;
    this.known = said;
    this.entry = null;
    goTo(this.session, readLink(hash));
  }

  /** A link to what is shown now. */
  link(): string {
    this.remember();
    return this.host.window.location.href;
  }

  /** @returns ends it */
  watch(): () => void {
    const { window } = this.host;
    const follow = () => this.follow();
    const pop = ({ state }: PopStateEvent) => this.pop(readEntry(state));
    window.addEventListener('hashchange', follow);
    window.addEventListener('popstate', pop);
    return () => {
      window.removeEventListener('hashchange', follow);
      window.removeEventListener('popstate', pop);
    };
  }

  /** Back closes what the entry had not opened yet; anything else is followed. */
  private pop(entry: Entry | null): void {
    const { hash } = this.host.window.location;
    const left = this.leaving;
    const here = opened(this.session);
    const closes = (this.entry?.below ?? null) !== null && here.some((name) => !entry?.open.includes(name));
    this.leaving = false;
    if (!entry || !isOurs(hash)) return;
    if (left || closes) {
      closeAllBut(entry.open, this.session);
      this.known = ownPairs(hash);
    } else this.follow();
    this.entry = entry;
    this.remember();
  }

  private write(how: 'pushState' | 'replaceState', hash: string, entry: Entry): void {
    const { history, location } = this.host.window;
    this.entry = entry;
    // A hash alone would be read against the <base> of the page that TensorBoard makes for our iframe.
    history[how]({ ...history.state, [OURS]: entry }, '', new URL(hash, location.href));
  }
}

function readEntry(state: unknown): Entry | null {
  const ours = typeof state === 'object' && state !== null && OURS in state ? state[OURS] : null;
  if (typeof ours !== 'object' || ours === null || !('open' in ours)) return null;
  const below = 'below' in ours && ours.below !== null ? readOpenings(ours.below) : null;
  return { open: readOpenings(ours.open), below };
}
