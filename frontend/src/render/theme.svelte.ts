import { DARK, LIGHT, type Palette } from './colours';

/** TensorBoard's light or dark mode, which it tells nobody but its own body's class list. */
export class Theme {
  dark = $state(false);
  readonly palette: Palette = $derived(this.dark ? DARK : LIGHT);
  private readonly observer: MutationObserver;

  /** @param page around our iframe */
  constructor(page: Pick<Window, 'document'>) {
    const { body } = page.document;
    const read = () => {
      this.dark = body.classList.contains('dark-mode');
    };
    read();
    this.observer = new MutationObserver(read);
    this.observer.observe(body, { attributes: true, attributeFilter: ['class'] });
  }

  destroy(): void {
    this.observer.disconnect();
  }
}
