import type { Host } from '../base/host';
import { goTo } from './entering';
import type { Session } from './session.svelte';
import { isOurs, ownPairs, readLink, writeLink } from './url';

/** Keeps the address and the session in step, whichever of them changes: what is shown is written into the address, and
 * what the user does to the address (editing it, Back, Forward, a link on the page) is shown. */
export class Address {
  /** Our part of the address as it was last read or written. Only another one is news. */
  private known: string;

  constructor(
    private readonly host: Host,
    private readonly session: Session,
  ) {
    this.known = ownPairs(host.window.location.hash);
  }

  /** Writes what is shown, unless another tab is: the address is then about that one. */
  remember(): void {
    const { session, host } = this;
    this.follow(); // or an edit that nobody has told us of yet would be overwritten
    const { location, history } = host.window;
    if (session.link === null || !host.visible() || !isOurs(location.hash)) return;
    const hash = writeLink(location.hash, session.link);
    this.known = ownPairs(hash);
    // Replacing tells nobody, so that this is not read back.
    if (hash !== location.hash) history.replaceState(history.state, '', hash);
  }

  /** Goes where the address leads. One without a word about us, as TensorBoard's own tabs leave it, leads nowhere. */
  follow(): void {
    const { hash } = this.host.window.location;
    const said = ownPairs(hash);
    if (!isOurs(hash) || said === '' || said === this.known) return;
    this.known = said;
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
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }
}
