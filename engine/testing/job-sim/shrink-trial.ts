/** Makes a failing trial simpler while it still fails: without deaths, stops, folding and other packings, where they are not needed. */
import type { Trial } from './trial.ts';

const SIMPLER: readonly ((trial: Trial) => Trial[])[] = [
  (trial) => [{ ...trial, foldDue: null }],
  (trial) => [{ ...trial, stopEvery: null }],
  (trial) => [
    { ...trial, deaths: [] },
    ...trial.deaths.map((_, i) => ({ ...trial, deaths: trial.deaths.filter((_death, j) => j !== i) })),
  ],
  (trial) => [{ ...trial, packings: [{}] }, ...trial.packings.map((packing) => ({ ...trial, packings: [packing] }))],
  (trial) => trial.cut.map((rows) => ({ ...trial, cut: [rows] })),
];

/** At most so many runs. */
const MOST_RUNS = 60;

export async function shrinkTrial(trial: Trial, fails: (trial: Trial) => Promise<boolean>): Promise<Trial> {
  let smallest = trial;
  let runs = 0;
  for (let changed = true; changed;) {
    changed = false;
    for (const simpler of SIMPLER) {
      for (const candidate of simpler(smallest)) {
        if (JSON.stringify(candidate) === JSON.stringify(smallest)) continue;
        if (++runs > MOST_RUNS) return smallest;
        if (!(await fails(candidate))) continue;
        smallest = candidate;
        changed = true;
        break;
      }
    }
  }
  return smallest;
}
