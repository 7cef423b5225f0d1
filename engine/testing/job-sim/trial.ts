/** What befalls a job in one trial. Drawn from a seed: the same seed and job, the same trial. */
import { Decisions } from '../sim/decisions.ts';
import type { Packing } from '../run-in-memory.ts';

export interface Trial {
  /** Rows per epoch, in a circle. */
  readonly cut: readonly number[];
  /** By execution, in a circle. */
  readonly packings: readonly Packing[];
  /** Execution i dies at its deaths[i]-th named step. */
  readonly deaths: readonly number[];
  /** Stop cleanly after so many epochs, and go on in a new process; null: never. */
  readonly stopEvery: number | null;
  /** Fold state when so many epochs are in the log; null: as in production. */
  readonly foldDue: number | null;
}

/** A run without any of it, cut as the trial is. */
export const undisturbed = ({ cut }: Pick<Trial, 'cut'>): Trial => ({
  cut,
  packings: [{}],
  deaths: [],
  stopEvery: null,
  foldDue: null,
});

/** Fewer show little; more show nothing else, and take their time. */
const FEWEST_EPOCHS = 3;
const MOST_EPOCHS = 16;
/** Named steps of the protocol in one epoch, about. */
const STEPS_AN_EPOCH = 12;

/** `rows`: what the job reads in all. */
export function drawTrial(seed: number, rows: number): Trial {
  const d = new Decisions(seed);
  const epochs = d.between('epochs', FEWEST_EPOCHS, MOST_EPOCHS);
  const most = Math.ceil(rows / epochs);
  const cut = Array.from({ length: d.between('cuts', 1, 3) }, (_, i) =>
    d.between(`cut${i}`, Math.max(1, Math.ceil(most / 2)), Math.max(1, most * 2)),
  );
  const packings = Array.from({ length: d.between('packings', 1, 3) }, (_, i) => drawPacking(d, i));
  const deaths = Array.from({ length: d.pick('deaths', [0, 1, 1, 2, 3, 5]) }, (_, i) =>
    d.between(`death${i}`, 1, epochs * STEPS_AN_EPOCH),
  );
  return {
    cut,
    packings,
    deaths,
    stopEvery: d.chance('stops', 0.3) ? d.between('stopEvery', 1, 4) : null,
    foldDue: d.chance('folds', 0.5) ? d.between('foldDue', 1, 3) : null,
  };
}

function drawPacking(d: Decisions, i: number): Packing {
  if (d.chance(`fannedOut${i}`, 0.4)) return { workers: d.between(`workers${i}`, 1, 3) };
  return { subtasks: d.pick(`subtasks${i}`, [1, 2, 3, 8]) };
}

export function trialText({ cut, packings, deaths, stopEvery, foldDue }: Trial): string {
  const packed = packings.map(({ subtasks = 1, workers }) =>
    workers === undefined ? `${counted(subtasks, 'subtask')}` : `${counted(workers, 'worker')}`,
  );
  return [
    `rows per epoch: ${cut.join(', ')}`,
    packed.join(', then '),
    ...(deaths.length === 0 ? [] : [`dies at step ${deaths.join(', then at step ')}`]),
    ...(stopEvery === null ? [] : [`stops after every ${counted(stopEvery, 'epoch')}`]),
    ...(foldDue === null ? [] : [`folds after ${counted(foldDue, 'epoch')}`]),
  ].join('; ');
}

function counted(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}s`;
}
