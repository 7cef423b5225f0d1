/** The logical graph, as the API builds it: one node per operator call (Flink: StreamGraph). */
import type { SinkOperator, SourceOperator } from '../operators/endpoints.ts';
import type { Fusible } from '../operators/fusible.ts';
import type { KeyedOperatorFactory } from '../operators/keyed-operator.ts';
import type { OperatorInfo } from '../operators/runtime-context.ts';

/** How a row's key is found: a function of the row, or a field of it (worth 20–30 % with a declared schema). */
export type KeySelection =
  | { readonly kind: 'function'; readonly select: (value: never) => unknown }
  | { readonly kind: 'field'; readonly field: string };

/**
 * How rows without a key are spread over the logical partitions of an operator: as many as its parallelism, each a key of its own.
 * 'forward' keeps together what one split or one key group sent, with a partition per key group; 'copies' sends every row to each.
 */
export type PartitionScheme =
  | { readonly kind: 'forward' | 'rebalance' | 'shuffle' | 'global' | 'copies' }
  | {
      readonly kind: 'custom';
      /** The partition of a row, 0 to `partitions` − 1. */
      readonly partitionOf: (value: never, partitions: number) => number;
    };

export type Partitioning =
  | { readonly kind: 'forward' }
  | { readonly kind: 'hash'; readonly key: KeySelection }
  | { readonly kind: 'partition'; readonly scheme: PartitionScheme }
  /** Every subtask gets every row; the rows have no key. */
  | { readonly kind: 'broadcast' };

export interface StreamEdge {
  readonly from: StreamNode;
  /** The side output it takes; null: the main output. */
  readonly tag: string | null;
  readonly partitioning: Partitioning;
  /** Which input of the operator it feeds: 0, or 1 for the second one of connected streams. Default 0. */
  readonly input?: number;
}

/** Run when the operator's stage starts and ends; may be asynchronous. */
export interface Lifecycle {
  open?(info: OperatorInfo): void | Promise<void>;
  close?(): void | Promise<void>;
  /** Takes what its metrics have counted since the last time. */
  takeCounts?(into: Map<string, number>): void;
}

export type NodeOperator =
  | ({ readonly kind: 'source' } & SourceOperator)
  /** Feeds records that failed, with their context, into the graph. */
  | { readonly kind: 'dead-letters' }
  | {
      readonly kind: 'stateless';
      readonly type: string;
      readonly operator: Fusible;
      readonly lifecycle: Lifecycle | null;
      readonly setsTimestamps: boolean;
    }
  | { readonly kind: 'keyed'; readonly factory: KeyedOperatorFactory }
  | ({ readonly kind: 'sink' } & SinkOperator);

export interface StreamNode {
  /** In order of creation, from 1. */
  readonly id: number;
  name: string;
  /** The user's uid; null: derived from the topology. */
  uid: string | null;
  parallelism: number | null;
  maxParallelism: number | null;
  /** 'head': starts a new chain; 'never': stands alone. */
  chaining: 'always' | 'head' | 'never';
  readonly operator: NodeOperator;
  readonly inputs: readonly StreamEdge[];
  /** Its parallelism is that of this node: it only hands rows over to it. */
  sizedBy: StreamNode | null;
}

export class StreamGraph {
  readonly nodes: StreamNode[] = [];
  parallelism = 1;
  maxParallelism: number | null = null;
  chaining = true;

  add(name: string, operator: NodeOperator, inputs: readonly StreamEdge[]): StreamNode {
    const node: StreamNode = {
      id: this.nodes.length + 1,
      name,
      uid: null,
      parallelism: null,
      maxParallelism: null,
      chaining: 'always',
      operator,
      inputs,
      sizedBy: null,
    };
    this.nodes.push(node);
    return node;
  }
}
