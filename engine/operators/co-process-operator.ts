/**
 * CoProcessFunction and its kin: two streams, an element function for each, one state and one set of timers per key
 * (keyed-function-operator.ts says how). The watermark is the smaller of the two streams' watermarks, as rows come merged.
 */
import { KeyedFunctionOperator } from './keyed-function-operator.ts';
import type { Collector } from './collector.ts';
import type { KeyedOperator, KeyedOperatorFactory } from './keyed-operator.ts';
import type { OpenContext } from './keyed-process-function.ts';

/** The untyped form that the operator runs. */
export interface CoProcessLogic {
  open?(ctx: OpenContext): void | Promise<void>;
  processElement1(value: never, ctx: never, out: Collector<never>): unknown;
  processElement2(value: never, ctx: never, out: Collector<never>): unknown;
  onTimer?(timestamp: number, ctx: never, out: Collector<never>): unknown;
  close?(): void | Promise<void>;
}

export class CoProcessFactory implements KeyedOperatorFactory {
  readonly kind = 'co-process';
  readonly needsTimestamps = false;
  private readonly make: () => CoProcessLogic;
  readonly stateByKey: boolean;
  constructor(make: () => CoProcessLogic, isKeyed: boolean) {
    this.make = make;
    this.stateByKey = isKeyed;
  }
  create(): KeyedOperator {
    const fn = this.make();
    const logic = {
      elements: [fn.processElement1.bind(fn), fn.processElement2.bind(fn)],
      onTimer: fn.onTimer?.bind(fn),
      open: fn.open?.bind(fn),
      close: fn.close?.bind(fn),
    };
    return new KeyedFunctionOperator(logic, this.stateByKey);
  }
}
