/** One emitted row as a line of text: the cut, the output, the value with fields in order of name. Equal lines are equal answers. */
export function answerLine(at: number, stream: string, value: unknown): string {
  return `${String(at).padStart(5)} ${stream} ${JSON.stringify(inOrder(value))}`;
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, field]) => [name, inOrder(field)]));
}

export interface Difference {
  /** The cut. */
  readonly at: number;
  /** The lines of that cut and output which only one side has; 'nothing' if none. */
  readonly expected: string;
  readonly got: string;
}

/** The first cut and output at which two sorted lists of lines part; null if they are equal. */
export function firstDifference(expected: readonly string[], got: readonly string[]): Difference | null {
  const i = expected.findIndex((line, j) => line !== got[j]);
  const first = i < 0 ? got[expected.length] : got[i] === undefined || expected[i]! < got[i] ? expected[i] : got[i];
  if (first === undefined) return null;
  const place = /^ *\d+ \S+ /.exec(first)![0];
  const here = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith(place));
  return {
    at: Number.parseInt(place, 10),
    expected: shown(without(here(expected), here(got))),
    got: shown(without(here(got), here(expected))),
  };
}

/** The lines that are left when each line of `others` has taken one equal to it. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const SHOWN_LINES = 5;

function shown(lines: readonly string[]): string {
  if (lines.length === 0) return 'nothing';
  const more = lines.length > SHOWN_LINES ? [`and ${lines.length - SHOWN_LINES} more`] : [];
  return [...lines.slice(0, SHOWN_LINES).map((line) => line.trim()), ...more].join('\n            ');
}
