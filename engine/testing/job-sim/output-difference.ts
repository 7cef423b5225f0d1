/** How the output of a disturbed run differs from that of an undisturbed one: as multisets of rows, sink by sink. */
export interface OutputDifference {
  readonly sink: string;
  /** Rows of the undisturbed run only, and of the disturbed one only. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

export type Output = ReadonlyMap<string, readonly string[]>;

/** Of the first sink that differs; null: none does. */
export function outputDifference(undisturbed: Output, disturbed: Output): OutputDifference | null {
  for (const sink of new Set([...undisturbed.keys(), ...disturbed.keys()])) {
    const a = undisturbed.get(sink) ?? [];
    const b = disturbed.get(sink) ?? [];
    const missing = less(a, b);
    const extra = less(b, a);
    if (missing.length > 0 || extra.length > 0) return { sink, missing, extra };
  }
  return null;
}

/** What is left of `rows` when each of `others` has taken one equal to it. */
function less(rows: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) + 1);
  return rows.filter((row) => {
    const left = counts.get(row) ?? 0;
    counts.set(row, left - 1);
    return left <= 0;
  });
}

const SHOWN_ROWS = 5;

export function differenceText({ sink, missing, extra }: OutputDifference): string {
  return [
    `sink "${sink}"`,
    ...shown('  only without faults: ', missing),
    ...shown('  only with faults:    ', extra),
  ].join('\n');
}

function shown(label: string, rows: readonly string[]): string[] {
  const lines = rows.slice(0, SHOWN_ROWS).map((row) => label + row);
  return rows.length > SHOWN_ROWS ? [...lines, `${label}… and ${rows.length - SHOWN_ROWS} more`] : lines;
}
