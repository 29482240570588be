/** One for all: a number's own toLocaleString makes one at each call. */
const { format } = new Intl.NumberFormat('en-US');

/** A number with its thousands grouped: "12,500"; 0 where there is none. */
export function grouped(value: number | null | undefined): string {
  return format(value ?? 0);
}

/** What a step is called: "step 12,500". */
export function stepName(step: number | null | undefined): string {
  return `step ${grouped(step)}`;
}
