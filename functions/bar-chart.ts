/** A chart of horizontal bars, in eighths of a character. Negative values get no bar, only their number. */
export interface Bar {
  readonly label: string;
  readonly value: number;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export function barChart(bars: readonly Bar[], width = 40): string {
  const largest = Math.max(0, ...bars.map((bar) => bar.value));
  const labels = Math.max(0, ...bars.map((bar) => bar.label.length));
  const numbers = Math.max(0, ...bars.map((bar) => bar.value.toFixed(1).length));
  const lines = bars.map(({ label, value }) => {
    const eighths = largest === 0 || value <= 0 ? 0 : Math.round((value / largest) * width * 8);
    const drawn = '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
    return `  ${label.padStart(labels)}  ${value.toFixed(1).padStart(numbers)}  ${drawn}`.trimEnd();
  });
  return `${lines.join('\n')}\n`;
}
