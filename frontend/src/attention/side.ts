/** The two sides of attention: it goes from queries to keys. */
export type Side = 'query' | 'key';

export interface TokenPlace {
  readonly side: Side;
  readonly token: number;
}

export function otherSide(side: Side): Side {
  return side === 'query' ? 'key' : 'query';
}
