import type { HeadPlace } from '../run/head';
import { headLabel } from '../run/labels';
import type { Run } from '../run/types';

/** What a file is called: the run, then what of it, joined by underscores; letters that file systems refuse become hyphens. */
export function fileName(run: string, parts: readonly (string | null)[], extension: string): string {
  const name = [run === '.' ? 'run' : run, ...parts]
    .flatMap((part) => (part === null || part === '' ? [] : [plain(part)]))
    .join('_');
  return `${name}.${extension}`;
}

/** "L1H3" */
export function headName(run: Run, { layer, head }: HeadPlace): string {
  return headLabel(run.layers, layer, head).replace(' ', '');
}

function plain(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}.+=-]+/gu, '-')
    .replace(/^[-.]+|-+$/g, '');
}
