/** Tokens that PageUp and PageDown pass. */
const PAGE = 10;

/** Where a key leads among tokens that stand one below the other, from `at` of so many; null where it leads nowhere. */
export function tokenKey(key: string, at: number, count: number): number | null {
  const to: Readonly<Record<string, number>> = {
    ArrowUp: at - 1,
    ArrowDown: at + 1,
    PageUp: at - PAGE,
    PageDown: at + PAGE,
    Home: 0,
    End: count - 1,
  };
  const token = to[key];
  return token === undefined ? null : Math.min(count - 1, Math.max(0, token));
}
