/**
 * The real two-phase protocol over a simulated target: prepared transactions outlive their client, every request may be lost, take
 * effect without an answer, or take effect long after its sender was given up.
 */
import { TwoPhaseCommitSink, type CommitOutcome } from '../../operators/two-phase/two-phase-commit-sink.ts';
import type { SinkRecord, SinkTransaction } from '../../operators/two-phase/transaction.ts';
import type { Caller } from './sim-process.ts';

export class SimTwoPhaseSink extends TwoPhaseCommitSink<unknown, { readonly id: string }> {
  override readonly description = 'simulated two-phase target';
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super();
    this.#caller = caller;
  }

  async prepare({ id }: SinkTransaction, records: readonly SinkRecord<unknown>[]): Promise<{ readonly id: string }> {
    const { world } = this.#caller;
    await this.#caller.write('two-phase.prepare', () => {
      if (world.transactions.has(id)) world.fail(`T1: ${id} was prepared twice`);
      world.transactions.set(id, { state: 'prepared', rows: records.map(({ value }) => value) });
    });
    return { id };
  }

  async commit({ id }: { readonly id: string }, { sink, slot, run, epoch }: SinkTransaction): Promise<CommitOutcome> {
    const { world } = this.#caller;
    return await this.#caller.write('two-phase.commit', (): CommitOutcome => {
      const transaction = world.transactions.get(id);
      if (transaction === undefined) return 'never';
      if (transaction.state === 'committed') return world.sinkGuards.commitTellsAlready ? 'already' : 'never';
      transaction.state = 'committed';
      world.publish(sink, slot, { run, epoch }, transaction.rows);
      return 'committed';
    });
  }

  async abort({ id }: SinkTransaction): Promise<void> {
    const { world } = this.#caller;
    await this.#caller.write('two-phase.abort', () => {
      if (world.transactions.get(id)?.state === 'prepared') world.transactions.delete(id);
    });
  }
}
