/** Figures of several runs, and their medians. */
type Figures = Readonly<Record<string, number>>;

export class Samples {
  readonly #of = new Map<string, Figures[]>();

  add(name: string, run: Figures): void {
    this.#of.set(name, [...(this.#of.get(name) ?? []), run]);
  }

  medians(): Record<string, Figures> {
    return Object.fromEntries([...this.#of].map(([name, runs]) => [name, medianOf(runs)]));
  }
}

function medianOf(runs: readonly Figures[]): Figures {
  const median = (field: string): number =>
    runs.map((run) => run[field]!).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)]!;
  return Object.fromEntries(Object.keys(runs[0]!).map((field) => [field, median(field)]));
}
