/** The functions of a job that have a life of their own (`open`, `close`) and no keyed stage that opens them: once in a process. */
import type { JobGraph } from '../graph/job-graph.ts';

export class FunctionLives {
  private readonly graph: JobGraph;
  private isOpen = false;

  constructor(graph: JobGraph) {
    this.graph = graph;
  }

  async open(): Promise<void> {
    if (this.isOpen) return;
    const { nodes, maxParallelism } = this.graph;
    for (const { operator, uid, name } of nodes)
      if (operator.kind === 'stateless') await operator.lifecycle?.open?.({ uid, name, maxParallelism });
    this.isOpen = true;
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const { operator } of this.graph.nodes) if (operator.kind === 'stateless') await operator.lifecycle?.close?.();
  }
}
