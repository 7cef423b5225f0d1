/** The ends of a graph: where rows come in, and where they go out. */
import type { Sink } from '../ports/sink.ts';
import type { Source } from '../ports/source.ts';
import type { UntypedWatermarkStrategy } from '../time/watermark-strategy.ts';

export interface SourceOperator {
  readonly source: Source<unknown>;
  readonly strategy: UntypedWatermarkStrategy;
}

export interface SinkOperator {
  readonly sink: Sink<never>;
}
