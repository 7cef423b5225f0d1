/** Makes window operators, and checks what they are given before anything runs. */
import { ConfigError } from '../model/errors.ts';
import { MergingWindowAssigner } from '../windows/window-assigner.ts';
import { checkAggregate } from './aggregate-check.ts';
import type { KeyedOperatorFactory } from './keyed-operator.ts';
import { isPlainSession, SessionWindowOperator } from './session-window-operator.ts';
import type { WindowOperatorOptions } from './window-operator-options.ts';
import { WindowOperator } from './window-operator.ts';

/** A window of any kind as a keyed operator; plain sessions have one of their own, which gives the same answers. */
export function windowOperatorFactory(options: WindowOperatorOptions): KeyedOperatorFactory {
  return {
    kind: 'window',
    needsTimestamps: options.assigner.isEventTime(),
    stateByKey: true,
    create: () => (isPlainSession(options) ? new SessionWindowOperator(options) : new WindowOperator(options)),
    validate: (operator) => validate(options, operator),
  };
}

function validate({ assigner, trigger, aggregate, evictor }: WindowOperatorOptions, operator: string): void {
  if (assigner instanceof MergingWindowAssigner) {
    if (!trigger.canMerge())
      throw new ConfigError(
        `operator "${operator}": ${trigger.constructor.name} cannot be used with windows that merge: give it canMerge() and onMerge(window, ctx), or use another trigger.`,
      );
    if (aggregate !== null && aggregate.merge === undefined)
      throw new ConfigError(
        `operator "${operator}": the aggregate of windows that merge (sessions) needs merge(a, b), which makes one accumulator of two.`,
      );
  }
  if (aggregate === null) return;
  if (evictor !== null)
    throw new ConfigError(`operator "${operator}": a window with an evictor keeps its elements, not an accumulator.`);
  checkAggregate(aggregate, operator);
}
