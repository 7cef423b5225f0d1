/** BroadcastStream (Flink): a stream that every subtask of another stream's operator gets whole, and the states that it fills there. */
import { ConfigError } from '../model/errors.ts';
import { MapStateDescriptor } from '../state/descriptors.ts';
import type { StreamEdge } from '../graph/stream-graph.ts';
import type { StreamContext } from './stream-context.ts';

/** Broadcast state of any type: its types matter where it is read. */
export type BroadcastStateDescriptor = MapStateDescriptor<never, never> | MapStateDescriptor<unknown, unknown>;

export class BroadcastStream<T> {
  /** @internal */
  readonly ctx: StreamContext;
  /** @internal */
  readonly edges: readonly StreamEdge[];
  /** @internal */
  readonly descriptors: readonly MapStateDescriptor<unknown, unknown>[];
  declare readonly __type?: T;
  /** Keeps other streams apart, also where internal members do not show (the packed package). */
  declare protected readonly form: 'broadcast';

  /** @internal */
  constructor(ctx: StreamContext, edges: readonly StreamEdge[], descriptors: readonly unknown[]) {
    this.ctx = ctx;
    this.edges = edges.map((edge) => ({ ...edge, input: 1, partitioning: { kind: 'broadcast' } }));
    this.descriptors = descriptors.map((descriptor) => checked(descriptor));
    const names = new Set(this.descriptors.map(({ name }) => name));
    if (names.size < descriptors.length)
      throw new ConfigError('broadcast(…) got two descriptors of one name. Give each broadcast state its own.');
  }
}

function checked(descriptor: unknown): MapStateDescriptor<unknown, unknown> {
  if (!(descriptor instanceof MapStateDescriptor))
    throw new ConfigError('broadcast(…) takes MapStateDescriptors: broadcast state is a map.');
  if (descriptor.ttl !== null) {
    throw new ConfigError(
      `broadcast state "${descriptor.name}" has a time-to-live, which broadcast state does not know (nor does Flink's). Remove entries in processBroadcastElement.`,
    );
  }
  return descriptor as MapStateDescriptor<unknown, unknown>;
}
