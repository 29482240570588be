import { untrack } from 'svelte';
import type { Attachment } from 'svelte/attachments';

/** Views that a picture can be taken of. */
export type ExhibitKind = 'matrix' | 'head' | 'sentence' | 'health' | 'timeline';

export interface Exhibit {
  readonly kind: ExhibitKind;
  readonly element: HTMLElement;
}

/** The views that are on screen. */
export class Exhibits {
  private all = $state.raw<readonly Exhibit[]>([]);

  /** In the order of the page. */
  readonly shown: readonly Exhibit[] = $derived(
    this.all.toSorted((a, b) =>
      a.element.compareDocumentPosition(b.element) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1,
    ),
  );

  /** Says that an element shows this, for as long as it is there. */
  show(kind: ExhibitKind): Attachment<HTMLElement> {
    return (element) => {
      untrack(() => {
        this.all = [...this.all, { kind, element }];
      });
      return () => {
        untrack(() => {
          this.all = this.all.filter((exhibit) => exhibit.element !== element);
        });
      };
    };
  }
}
