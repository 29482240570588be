import { visible } from '../base/visible';

export type Field = string | number;

/** RFC 4180: lines end in CR LF; a field with a comma, a quote or a line break stands in quotes. What is
 * no character is written out: no encoding holds halves of surrogate pairs, and few readers a zero. */
export function csvOf(names: readonly string[], rows: Iterable<readonly Field[]>): string {
  const lines = [names.map(quoted).join(',')];
  for (const row of rows) lines.push(row.map(field).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

function field(value: Field): string {
  return typeof value === 'number' ? numberText(value) : quoted(value);
}

function quoted(field: string): string {
  const text = visible(field);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** As few digits as give back the same float32; nan and inf as Python writes and reads them. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Number.isInteger(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === Math.fround(value)) return text;
  }
  return String(Number(value.toPrecision(9)));
}
