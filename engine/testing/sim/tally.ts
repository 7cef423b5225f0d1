/** A function of simulated jobs that keeps what it needs in fields, and in operator state; and counts for the user. */
import { ProcessFunction } from '../../api/functions.ts';
import type {
  CheckpointedFunction,
  FunctionInitializationContext,
} from '../../operators/checkpointed-process-operator.ts';
import type { Collector } from '../../operators/collector.ts';
import type { OpenContext } from '../../operators/keyed-process-function.ts';
import type { Counter } from '../../model/runtime-context.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { ListStateDescriptor } from '../../state/descriptors.ts';
import type { ListState } from '../../state/states.ts';
import type { Row } from './script.ts';

const LAST = new ListStateDescriptor<number>('last');

/** One row for each; `n` says how many have come to the partition, `h` which came last. */
export class Tally extends ProcessFunction<Row, Row> implements CheckpointedFunction {
  private seen = 0;
  private last: number[] = [];
  private kept: ListState<number> | null = null;
  private counter: Counter | null = null;

  override open(ctx: OpenContext): void {
    this.counter = ctx.getMetricGroup().counter('tally');
  }
  initializeState(ctx: FunctionInitializationContext): void {
    this.kept = ctx.getOperatorStateStore().getListState(LAST);
    const [seen = 0, ...last] = this.kept.get();
    this.seen = seen;
    this.last = last;
  }
  snapshotState(): void {
    this.kept!.update([this.seen, ...this.last]);
  }
  processElement(row: Row, _ctx: ProcessContext, out: Collector<Row>): void {
    this.seen++;
    this.last = [...this.last, row.v].slice(-3);
    this.counter!.inc();
    out.collect({ ...row, n: this.seen, ...{ h: this.last.reduce((h, v) => h * 101 + v, 0) } });
  }
}
