/** A copy of a job graph with other sources and sinks in place of its own: names, uids, keys and watermark strategies stay. */
import type { JobGraph, JobNode } from '../graph/job-graph.ts';
import type { Sink } from '../ports/sink.ts';
import type { Source } from '../ports/source.ts';

export interface Substitutes {
  /** Null: the job's own. */
  source(node: JobNode): Source<unknown> | null;
  sink(node: JobNode): Sink<never> | null;
}

export function substituteEndpoints(graph: JobGraph, substitutes: Substitutes): JobGraph {
  const copies = new Map<JobNode, JobNode>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((edge) => ({ ...edge, from: copies.get(edge.from)! }));
    copies.set(node, { ...node, operator: operatorOf(node, substitutes), inputs, outputs: [] });
  }
  for (const [node, copy] of copies)
    copy.outputs.push(...node.outputs.map((output) => ({ ...output, to: copies.get(output.to)! })));
  return { ...graph, nodes: [...copies.values()] };
}

function operatorOf(node: JobNode, substitutes: Substitutes): JobNode['operator'] {
  const { operator } = node;
  if (operator.kind === 'source') return { ...operator, source: substitutes.source(node) ?? operator.source };
  if (operator.kind === 'sink') return { ...operator, sink: substitutes.sink(node) ?? operator.sink };
  return operator;
}
