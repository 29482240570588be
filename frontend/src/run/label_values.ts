/** What a token's label may be: a name or a number; the empty string and NaN stand for what is not known. */
export type LabelValue = string | number;

/** Whether a label has numbers: all that is known of it are, and something is. */
export function areNumbers(values: readonly LabelValue[]): boolean {
  const known = values.filter((value) => value !== '' && value !== 'NaN');
  return known.length > 0 && known.every((value) => typeof value === 'number');
}

/** A name as people read it. */
export function labelName(name: string): string {
  return name || '(not known)';
}
