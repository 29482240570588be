/** A number with its thousands grouped: "12,500"; 0 where there is none. */
export function grouped(value: number | null | undefined): string {
  return (value ?? 0).toLocaleString('en-US');
}

/** What a step is called: "step 12,500". */
export function stepName(step: number | null | undefined): string {
  return `step ${grouped(step)}`;
}
