/** Watermark strategies of simulated jobs: the usual one, and generators of the user's own that mean the same, or almost. */
import {
  BoundedOutOfOrdernessWatermarks,
  type WatermarkGenerator,
  type WatermarkOutput,
} from '../../time/watermark-generator.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import type { GraphSpec } from './graph-spec.ts';
import type { Row } from './script.ts';

export function strategyOf(
  spec: Pick<GraphSpec, 'strategy' | 'delayMs' | 'idleMs' | 'alignMs'>,
): WatermarkStrategy<Row> {
  const { idleMs, alignMs } = spec;
  let strategy = generating(spec).withTimestampAssigner((row) => row.t);
  if (idleMs !== null) strategy = strategy.withIdleness(idleMs);
  return alignMs === null ? strategy : strategy.withWatermarkAlignment('all', alignMs);
}

function generating({ strategy, delayMs }: Pick<GraphSpec, 'strategy' | 'delayMs'>): WatermarkStrategy<Row> {
  switch (strategy) {
    case 'bounded':
      return WatermarkStrategy.forBoundedOutOfOrderness<Row>(delayMs);
    case 'generator':
      return WatermarkStrategy.forGenerator<Row>(() => new BoundedOutOfOrdernessWatermarks(delayMs));
    case 'punctuated':
      return WatermarkStrategy.forGenerator<Row>(() => ({
        onEvent: (row, ts, output) => {
          if (row.v % 3 === 0) output.emitWatermark(ts - delayMs - 1);
        },
      }));
    case 'counting':
      return WatermarkStrategy.forGenerator<Row>(() => new EveryThird(delayMs));
    case 'drowsy':
      return WatermarkStrategy.forGenerator<Row>(() => new Drowsy(delayMs));
  }
}

/** What it has counted is lost at a restart unless its state is kept. */
class EveryThird extends BoundedOutOfOrdernessWatermarks<Row> {
  #seen = 0;

  override onPeriodicEmit(output: WatermarkOutput): void {
    if (++this.#seen % 3 === 0) super.onPeriodicEmit(output);
  }
  override snapshotState(): unknown {
    return [this.#seen, super.snapshotState()];
  }
  override restoreState(state: unknown): void {
    const [seen, newest] = state as [number, unknown];
    this.#seen = seen;
    super.restoreState(newest);
  }
}

class Drowsy extends BoundedOutOfOrdernessWatermarks<Row> implements WatermarkGenerator<Row> {
  override onEvent(row: Row, ts: number, output: WatermarkOutput): void {
    super.onEvent(row, ts, output);
    if (row.v % 6 === 0) output.markIdle();
    else if (row.v % 6 === 1) output.markActive();
  }
}
