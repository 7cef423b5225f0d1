/**
 * The physical graph: uids, parallelism, chains, stages (Flink: JobGraph).
 *
 * A *vertex* is a chain of operators between which nothing is shuffled; it is what plans, metrics and errors show. A *stage* starts at
 * a source or a keyed operator and reaches to the next shuffle or end; it is what an epoch runs. Forward edges chain where both
 * ends have the same parallelism, the second has a single input, and chaining is not turned off.
 */
import { ConfigError } from '../model/errors.ts';
import { DEFAULT_MAX_PARALLELISM } from '../model/limits.ts';
import { murmur3 } from '../model/murmur3.ts';
import type {
  KeySelection,
  NodeOperator,
  PartitionScheme,
  StreamEdge,
  StreamGraph,
  StreamNode,
} from './stream-graph.ts';

/** How rows find the subtask that takes them. */
export type Exchange =
  | KeySelection
  | {
      readonly kind: 'partition';
      readonly scheme: PartitionScheme;
      readonly partitions: number;
    }
  | { readonly kind: 'broadcast' };

export interface JobEdge {
  readonly from: JobNode;
  readonly tag: string | null;
  readonly input: number;
  /** Null: forward. */
  readonly key: Exchange | null;
}

export interface JobOutput {
  readonly to: JobNode;
  readonly tag: string | null;
  readonly input: number;
  readonly key: Exchange | null;
}

export interface JobNode {
  readonly id: number;
  readonly uid: string;
  readonly name: string;
  readonly parallelism: number;
  readonly operator: NodeOperator;
  readonly inputs: readonly JobEdge[];
  readonly outputs: JobOutput[];
  /** Number of its vertex. */
  vertex: number;
}

export interface JobGraph {
  readonly job: string;
  /** In topological order. */
  readonly nodes: readonly JobNode[];
  readonly maxParallelism: number;
  /** The most subtasks that an epoch may have: the largest parallelism of any operator. */
  readonly parallelism: number;
  /** Changes when state or splits could no longer be matched: uids, kinds and edges. */
  readonly hash: string;
  readonly hasDeadLetters: boolean;
}

export function buildJobGraph(job: string, graph: StreamGraph): JobGraph {
  checkShape(job, graph);
  const maxParallelism = maxParallelismOf(job, graph);
  const nodes = new Map<StreamNode, JobNode>();
  const uids = new Map<string, string>();
  for (const node of graph.nodes) {
    const uid = node.uid ?? derivedUid(node);
    const other = uids.get(uid);
    if (other !== undefined) {
      throw new ConfigError(
        `job "${job}": operators "${other}" and "${node.name}" have the same uid "${uid}". Give each its own with .uid('…').`,
      );
    }
    uids.set(uid, node.name);
    const parallelism = (node.sizedBy ?? node).parallelism ?? graph.parallelism;
    if (parallelism > maxParallelism) {
      throw new ConfigError(
        `job "${job}": operator "${node.name}" has parallelism ${parallelism}, above the max parallelism ${maxParallelism}. Lower one or raise the other before the job first runs.`,
      );
    }
    const inputs = node.inputs.map((edge) => ({
      from: nodes.get(edge.from)!,
      tag: edge.tag,
      input: edge.input ?? 0,
      key: exchangeOf(edge, parallelism, maxParallelism),
    }));
    const made: JobNode = {
      id: node.id,
      uid,
      name: node.name,
      parallelism,
      operator: node.operator,
      inputs,
      outputs: [],
      vertex: 0,
    };
    for (const { from, tag, input, key } of inputs) from.outputs.push({ to: made, tag, input, key });
    nodes.set(node, made);
  }
  const all = [...nodes.values()];
  assignVertices(graph, all);
  return {
    job,
    nodes: all,
    maxParallelism,
    parallelism: Math.max(...all.map((node) => node.parallelism)),
    hash: graphHash(all, maxParallelism),
    hasDeadLetters: graph.nodes.some((n) => n.operator.kind === 'dead-letters'),
  };
}

/** Key groups are the job's: operators that ask for a number of their own must agree. */
function maxParallelismOf(job: string, graph: StreamGraph): number {
  let found = graph.maxParallelism;
  for (const node of graph.nodes) {
    if (node.maxParallelism === null) continue;
    found ??= node.maxParallelism;
    if (found === node.maxParallelism) continue;
    throw new ConfigError(
      `job "${job}": operator "${node.name}" asks for max parallelism ${node.maxParallelism}, but the job has ${found}. All operators of a job share one: set it with env.setMaxParallelism(…).`,
    );
  }
  return found ?? DEFAULT_MAX_PARALLELISM;
}

function exchangeOf({ partitioning }: StreamEdge, parallelism: number, maxParallelism: number): Exchange | null {
  if (partitioning.kind === 'forward') return null;
  if (partitioning.kind === 'hash') return partitioning.key;
  if (partitioning.kind === 'broadcast') return partitioning;
  const { scheme } = partitioning;
  const partitions = { global: 1, forward: maxParallelism }[scheme.kind as string] ?? parallelism;
  return { kind: 'partition', scheme, partitions };
}

function derivedUid(node: StreamNode): string {
  const word =
    node.name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'operator';
  return `${word.slice(0, 40)}-${node.id}`;
}

function assignVertices(graph: StreamGraph, nodes: readonly JobNode[]): void {
  let vertices = 0;
  nodes.forEach((node, i) => {
    const [input] = node.inputs;
    const { chaining } = graph.nodes[i]!;
    const upstream = input === undefined ? undefined : graph.nodes[input.from.id - 1];
    const chains =
      graph.chaining &&
      chaining === 'always' &&
      node.inputs.length === 1 &&
      input!.key === null &&
      upstream!.chaining !== 'never' &&
      input!.from.parallelism === node.parallelism;
    node.vertex = chains ? input!.from.vertex : ++vertices;
  });
}

function graphHash(nodes: readonly JobNode[], maxParallelism: number): string {
  const text = nodes.map(
    (n) =>
      `${n.uid}:${n.operator.kind}:${n.inputs.map((e) => `${e.from.uid}/${e.tag ?? ''}/${shipLetter(e.key)}${e.input === 0 ? '' : e.input}`).join(',')}`,
  );
  const bytes = new TextEncoder().encode(`${maxParallelism}|${text.join('|')}`);
  return murmur3(bytes).toString(16).padStart(8, '0') + murmur3(bytes, 1).toString(16).padStart(8, '0');
}

function shipLetter(key: Exchange | null): string {
  if (key === null) return 'f';
  return key.kind === 'broadcast' ? 'b' : key.kind === 'partition' ? 'p' : 'h';
}

/** What can be known to be wrong before anything runs. */
function checkShape(job: string, graph: StreamGraph): void {
  if (graph.nodes.length === 0)
    throw new ConfigError(`job "${job}" has no operators: build(env) must define at least a source and a sink.`);
  if (!graph.nodes.some((n) => n.operator.kind === 'sink')) {
    throw new ConfigError(
      `job "${job}" has no sink, so it would compute nothing. End a stream with .sinkTo(…), .print() or .executeAndCollect().`,
    );
  }
  if (graph.nodes.filter((n) => n.operator.kind === 'dead-letters').length > 1) {
    throw new ConfigError(`job "${job}" asks for env.deadLetters() more than once; keep the stream and use it twice.`);
  }
  for (const node of graph.nodes) {
    if (node.operator.kind !== 'keyed') continue;
    node.operator.factory.validate?.(node.name);
    if (node.operator.factory.needsTimestamps) {
      for (const edge of node.inputs) {
        if (!hasTimestamps(edge.from, new Set())) {
          throw new ConfigError(
            `job "${job}": "${node.name}" is an event-time window, but its input has no timestamps and watermarks. Give the source a WatermarkStrategy, e.g. WatermarkStrategy.forBoundedOutOfOrderness(Duration.ofSeconds(5)).withTimestampAssigner((e) => e.timestamp).`,
          );
        }
      }
    }
  }
}

/** True if some way from the sources sets watermarks. */
function hasTimestamps(node: StreamNode, seen: Set<StreamNode>): boolean {
  if (seen.has(node)) return false;
  seen.add(node);
  const { operator } = node;
  if (operator.kind === 'source') return operator.strategy.rule.kind !== 'none';
  if (operator.kind === 'dead-letters') return false;
  if (operator.kind === 'stateless' && operator.setsTimestamps) return true;
  return node.inputs.some((edge) => hasTimestamps(edge.from, seen));
}
