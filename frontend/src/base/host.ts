/** The page around our iframe: TensorBoard, or nobody when the module runs by itself. */
export interface Host {
  readonly window: Window;
  readonly embedded: boolean;
  /** Whether anybody can see the tab: TensorBoard hides the iframes of other tabs, it does not remove them. */
  visible(): boolean;
}

export function findHost(own: Window = window): Host {
  const outer = reachable(own);
  return {
    window: outer ?? own,
    embedded: outer !== null,
    visible: () => {
      if (own.document.visibilityState === 'hidden') return false;
      const box = own.frameElement;
      return box === null || box.getClientRects().length > 0;
    },
  };
}

/** TensorBoard's iframe is of the same origin; any other page that embeds us may not be touched. */
function reachable(own: Window): Window | null {
  if (own.parent === own) return null;
  try {
    return own.parent.document.body ? own.parent : null;
  } catch {
    return null;
  }
}
