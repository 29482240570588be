import type { Attachment } from 'svelte/attachments';

/** Tells when an element gets another size: what lies under a pointer that rests is another thing then. */
export function relaid(tell: () => void): Attachment<HTMLElement> {
  return (element) => {
    const sizes = new ResizeObserver(tell);
    sizes.observe(element);
    return () => sizes.disconnect();
  };
}
