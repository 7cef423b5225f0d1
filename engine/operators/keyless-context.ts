/** What a function on a stream without keys gets: no state, no timers, and a message that says so. */
import { ConfigError } from '../model/errors.ts';
import type { OpenContext } from './keyed-process-function.ts';
import type { Count } from './metrics.ts';
import { runtimeContext, type OperatorInfo } from './runtime-context.ts';

export function keylessContext(info: OperatorInfo, count: Count): OpenContext {
  const refuse = (): never => {
    throw noKey(info.name, 'keyed state');
  };
  return {
    ...runtimeContext(info, count),
    getState: refuse,
    getListState: refuse,
    getMapState: refuse,
    getReducingState: refuse,
    getAggregatingState: refuse,
  };
}

/** Keyed state and timers need a key. */
export function noKey(operator: string | null, what: string): ConfigError {
  const who = operator === null ? '' : `operator "${operator}": `;
  return new ConfigError(
    `${who}${what} on a stream that has no key. Call keyBy(…) first, and process(…) with a KeyedProcessFunction or keyedProcess({…}).`,
  );
}
