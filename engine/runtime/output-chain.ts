/** The compiled chain behind one output of a keyed subtask (or behind the dead letters): rows in, leaves filled, sinks fed. */
import type { OutputBuffer } from '../operators/output-buffer.ts';
import { textOf } from '../operators/collection-source.ts';
import type { CompiledChain } from './chain-compiler.ts';
import type { SinkLeaf } from './chain-leaf.ts';
import { operatorFailure } from './failures.ts';

export class OutputChain {
  readonly chain: CompiledChain;
  clockMs = 0;
  private readonly job: string;
  private readonly sinks: readonly SinkLeaf[];
  private readonly feed: (leaf: SinkLeaf) => void;
  /** Nothing is kept per channel behind a keyed stage: timestamps are not assigned there. */
  private readonly state = new Float64Array(0);

  constructor(job: string, chain: CompiledChain, sinks: readonly SinkLeaf[], feed: (leaf: SinkLeaf) => void) {
    this.job = job;
    this.chain = chain;
    this.sinks = sinks;
    this.feed = feed;
  }

  run(buffer: OutputBuffer): void {
    const { chain } = this;
    const reached = chain.run(buffer, 0, buffer.n, this.state, this.clockMs, []);
    if (reached < buffer.n) {
      const operator = chain.operators[chain.report.at]!.name;
      const where = `key group ${buffer.channel[reached]}, timestamp ${buffer.ts[reached]}, value ${textOf(buffer.values[reached]).slice(0, 500)}`;
      throw operatorFailure(this.job, operator, where, chain.report.error);
    }
    for (const leaf of this.sinks) this.feed(leaf);
  }
}
