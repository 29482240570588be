import { untrack } from 'svelte';
import type { Attachment } from 'svelte/attachments';

/** Views that a picture can be taken of. */
export type ViewKind = 'matrix' | 'map' | 'head' | 'sentence' | 'health' | 'timeline';

export interface ExportView {
  readonly kind: ViewKind;
  readonly element: HTMLElement;
}

/** The views that are on screen. */
export class ExportViews {
  private all = $state.raw<readonly ExportView[]>([]);

  /** In the order of the page. */
  readonly shown: readonly ExportView[] = $derived(
    this.all.toSorted((a, b) =>
      a.element.compareDocumentPosition(b.element) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1,
    ),
  );

  /** Says that an element shows this, for as long as it is there. */
  show(kind: ViewKind): Attachment<HTMLElement> {
    return (element) => {
      untrack(() => {
        this.all = [...this.all, { kind, element }];
      });
      return () => {
        untrack(() => {
          this.all = this.all.filter((view) => view.element !== element);
        });
      };
    };
  }
}
