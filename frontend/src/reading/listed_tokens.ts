import { type Codec, codec } from '../run/setting';

/** A token that is left out, wherever it stands. */
export interface ListedToken {
  readonly list: number;
  readonly token: number;
}

const SAID = /^(\d-)?\d{1,9}(\.(\d-)?\d{1,9}){0,99}$/;

/** Tokens in a link, with dots between them; of another list than the first, its number stands before it. */
export const listedTokens: Codec<readonly ListedToken[]> = codec(
  (text) =>
    SAID.test(text)
      ? text.split('.').map((part) => {
          const [token = 0, list = 0] = part.split('-').map(Number).reverse();
          return { list, token };
        })
      : undefined,
  (tokens) => tokens.map(({ list, token }) => (list === 0 ? `${token}` : `${list}-${token}`)).join('.'),
);
