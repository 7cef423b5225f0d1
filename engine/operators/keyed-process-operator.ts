/** KeyedProcessFunction: user code per row and per timer of one keyed stream (keyed-function-operator.ts says how). */
import { KeyedFunctionOperator } from './keyed-function-operator.ts';
import type { KeyedOperator, KeyedOperatorFactory } from './keyed-operator.ts';
import type { KeyedProcessLogic } from './keyed-process-function.ts';

export class KeyedProcessFactory implements KeyedOperatorFactory {
  readonly kind = 'process';
  readonly needsTimestamps = false;
  readonly stateByKey = true;
  /** A new function per subtask: the class form keeps handles in fields. */
  private readonly make: () => KeyedProcessLogic;
  constructor(make: () => KeyedProcessLogic) {
    this.make = make;
  }
  create(): KeyedOperator {
    const fn = this.make();
    return new KeyedFunctionOperator({
      elements: [fn.processElement.bind(fn)],
      onTimer: fn.onTimer?.bind(fn),
      open: fn.open?.bind(fn),
      close: fn.close?.bind(fn),
    });
  }
}
