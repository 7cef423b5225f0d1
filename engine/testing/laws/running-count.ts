/** Operator state of random jobs: a function that counts the rows of its partition, and forgets nothing at a restart. */
import { ProcessFunction } from '../../api/functions.ts';
import type {
  CheckpointedFunction,
  FunctionInitializationContext,
} from '../../operators/checkpointed-process-operator.ts';
import type { Collector } from '../../operators/collector.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { ListStateDescriptor } from '../../state/descriptors.ts';
import type { ListState } from '../../state/states.ts';
import type { Row } from './law-row.ts';

const COUNT = new ListStateDescriptor<number>('count');

export class RunningCount extends ProcessFunction<Row, Row> implements CheckpointedFunction {
  private count = 0;
  private kept: ListState<number> | null = null;

  initializeState(ctx: FunctionInitializationContext): void {
    this.kept = ctx.getOperatorStateStore().getListState(COUNT);
    [this.count = 0] = this.kept.get();
  }
  snapshotState(): void {
    this.kept!.update([this.count]);
  }
  processElement({ id, k, v, t }: Row, _ctx: ProcessContext, out: Collector<Row>): void {
    out.collect({ id: `${id}#${++this.count}`, k, v, t });
  }
}
