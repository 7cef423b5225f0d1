/** BroadcastConnectedStream (Flink): a stream, keyed or not, and a broadcast one. */
import { ConfigError } from '../model/errors.ts';
import { BroadcastProcessFactory, type BroadcastProcessLogic } from '../operators/broadcast-process-operator.ts';
import type { StreamEdge } from '../graph/stream-graph.ts';
import {
  BroadcastProcessFunction,
  keyedBroadcastProcess,
  KeyedBroadcastProcessFunction,
  type BroadcastProcess,
  type KeyedBroadcastProcess,
  type KeyedBroadcastProcessDefinition,
} from './broadcast-functions.ts';
import type { BroadcastStream } from './broadcast-stream.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { SingleOutputStreamOperator, type DataStream } from './data-stream.ts';
import { checkFunctions, refuseLifeCycle } from './function-checks.ts';
import { copyOf } from './function-copy.ts';
import type { StateDeclarations } from './functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';
import { checkSameEnvironment } from './same-environment.ts';

const FUNCTIONS = ['processElement', 'processBroadcastElement'];

/** The main stream has no keys: no keyed state, no timers. */
export class BroadcastConnectedStream<A, B> {
  private readonly main: DataStream<A>;
  private readonly broadcast: BroadcastStream<B>;

  /** @internal */
  constructor(main: DataStream<A>, broadcast: BroadcastStream<B>) {
    checkSameEnvironment('connect', main.ctx, broadcast.ctx);
    this.main = main;
    this.broadcast = broadcast;
  }

  /** A BroadcastProcessFunction, or `{ processElement, processBroadcastElement }`. */
  process<R>(fn: BroadcastProcessFunction<A, B, R>): SingleOutputStreamOperator<R>;
  process<R>(fn: BroadcastProcess<A, B, R>): SingleOutputStreamOperator<R>;
  process<R>(fn: BroadcastProcessFunction<A, B, R> | BroadcastProcess<A, B, R>): SingleOutputStreamOperator<R> {
    const call = 'process(…) of a stream connected with a broadcast one';
    checkFunctions(fn, FUNCTIONS, call, 'BroadcastProcessFunction');
    if (fn instanceof KeyedBroadcastProcessFunction || 'onTimer' in fn || 'state' in fn) {
      throw new ConfigError(
        `${call}: keyed state and timers belong to a key, and the stream has none. Call keyBy(…) on it before connect(…).`,
      );
    }
    if (!(fn instanceof BroadcastProcessFunction)) refuseLifeCycle(fn, 'BroadcastProcessFunction');
    return added<R>(this.main.exchanged(0), this.broadcast, () => copyOf(fn), false);
  }
}

export class KeyedBroadcastConnectedStream<A, B, K> {
  private readonly main: KeyedStream<A, K>;
  private readonly broadcast: BroadcastStream<B>;

  /** @internal */
  constructor(main: KeyedStream<A, K>, broadcast: BroadcastStream<B>) {
    checkSameEnvironment('connect', main.ctx, broadcast.ctx);
    this.main = main;
    this.broadcast = broadcast;
  }

  /** Class form, `keyedBroadcastProcess({ state, processElement, processBroadcastElement, onTimer })`, or that object itself. */
  process<R>(
    fn: KeyedBroadcastProcessFunction<K, A, B, R> | KeyedBroadcastProcess<K, A, B, R>,
  ): SingleOutputStreamOperator<R>;
  process<R, S extends StateDeclarations>(
    definition: KeyedBroadcastProcessDefinition<K, A, B, R, S>,
  ): SingleOutputStreamOperator<R>;
  process<R, S extends StateDeclarations>(
    fn:
      | KeyedBroadcastProcessFunction<K, A, B, R>
      | KeyedBroadcastProcess<K, A, B, R>
      | KeyedBroadcastProcessDefinition<K, A, B, R, S>,
  ): SingleOutputStreamOperator<R> {
    const { edges } = this.main;
    if ('__keyedBroadcastProcess' in fn) return added<R>(edges, this.broadcast, fn.__keyedBroadcastProcess, true);
    const call = 'process(…) of a keyed stream connected with a broadcast one';
    checkFunctions(fn, FUNCTIONS, call, 'KeyedBroadcastProcessFunction');
    if (fn instanceof KeyedBroadcastProcessFunction) return added<R>(edges, this.broadcast, () => copyOf(fn), true);
    return added<R>(edges, this.broadcast, keyedBroadcastProcess(fn).__keyedBroadcastProcess, true);
  }
}

function added<R>(
  main: readonly StreamEdge[],
  { ctx, edges, descriptors }: BroadcastStream<unknown>,
  make: () => BroadcastProcessLogic,
  isKeyed: boolean,
): SingleOutputStreamOperator<R> {
  const factory = new BroadcastProcessFactory(make, descriptors, isKeyed);
  const name = isKeyed ? 'Co-Process-Broadcast-Keyed' : 'Co-Process-Broadcast';
  return new SingleOutputStreamOperator<R>(ctx, ctx.graph.add(name, { kind: 'keyed', factory }, [...main, ...edges]));
}
