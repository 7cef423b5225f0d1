/** A job graph for people: text and Mermaid, logical (one box an operator) and physical (one box a chain). */
import type { Exchange, JobEdge, JobGraph, JobNode } from './job-graph.ts';

export function planText(graph: JobGraph): string {
  const lines = [`Job "${graph.job}"  max parallelism ${graph.maxParallelism}`, '', 'Logical graph'];
  for (const node of graph.nodes) {
    lines.push(`  ${node.id}: ${node.name}  [${node.operator.kind}, uid ${node.uid}, parallelism ${node.parallelism}]`);
    for (const edge of node.inputs) lines.push(`     <- ${edge.from.id} ${how(edge)}`);
  }
  lines.push('', 'Physical graph');
  for (const [vertex, nodes] of vertices(graph)) {
    lines.push(
      `  vertex ${vertex}: ${nodes.map((node) => node.name).join(' -> ')}  [parallelism ${nodes[0]!.parallelism}]`,
    );
    for (const edge of incoming(nodes)) lines.push(`     <- vertex ${edge.from.vertex} ${how(edge)}`);
  }
  return `${lines.join('\n')}\n`;
}

export function planMermaid(graph: JobGraph, kind: 'logical' | 'physical'): string {
  const lines = ['flowchart LR'];
  if (kind === 'logical') {
    for (const node of graph.nodes)
      lines.push(`  n${node.id}["${label(node.name)}<br/>${node.operator.kind} × ${node.parallelism}"]`);
    for (const node of graph.nodes)
      for (const edge of node.inputs) lines.push(`  n${edge.from.id} -->|${label(how(edge))}| n${node.id}`);
    return `${lines.join('\n')}\n`;
  }
  const all = vertices(graph);
  for (const [vertex, nodes] of all)
    lines.push(`  v${vertex}["${nodes.map((node) => label(node.name)).join('<br/>')}<br/>× ${nodes[0]!.parallelism}"]`);
  for (const [vertex, nodes] of all)
    for (const edge of incoming(nodes)) lines.push(`  v${edge.from.vertex} -->|${label(how(edge))}| v${vertex}`);
  return `${lines.join('\n')}\n`;
}

/** The same as data, for `millrace graph --json`. */
export function planJson(graph: JobGraph): unknown {
  const edge = (e: JobEdge, to: number, physical: boolean): unknown => ({
    from: physical ? e.from.vertex : e.from.id,
    to,
    ship: shipOf(e.key),
    sideOutput: e.tag,
  });
  return {
    job: graph.job,
    maxParallelism: graph.maxParallelism,
    logical: {
      nodes: graph.nodes.map((n) => ({
        id: n.id,
        uid: n.uid,
        name: n.name,
        kind: n.operator.kind,
        parallelism: n.parallelism,
      })),
      edges: graph.nodes.flatMap((n) => n.inputs.map((e) => edge(e, n.id, false))),
    },
    physical: {
      vertices: [...vertices(graph)].map(([id, nodes]) => ({
        id,
        operators: nodes.map((n) => n.uid),
        parallelism: nodes[0]!.parallelism,
      })),
      edges: [...vertices(graph)].flatMap(([id, nodes]) => incoming(nodes).map((e) => edge(e, id, true))),
    },
  };
}

function vertices(graph: JobGraph): Map<number, JobNode[]> {
  const out = new Map<number, JobNode[]>();
  for (const node of graph.nodes) {
    const chain = out.get(node.vertex);
    if (chain === undefined) out.set(node.vertex, [node]);
    else chain.push(node);
  }
  return out;
}

function incoming(nodes: readonly JobNode[]): JobEdge[] {
  return nodes.flatMap((node) => node.inputs.filter((edge) => edge.from.vertex !== node.vertex));
}

function how(edge: JobEdge): string {
  const ship = edge.key?.kind === 'field' ? `HASH(${edge.key.field})` : shipOf(edge.key);
  return edge.tag === null ? ship : `${ship}, side output ${edge.tag}`;
}

function shipOf(key: Exchange | null): string {
  if (key === null) return 'FORWARD';
  if (key.kind === 'broadcast') return 'BROADCAST';
  if (key.kind !== 'partition') return 'HASH';
  return key.scheme.kind === 'copies' ? 'BROADCAST' : key.scheme.kind.toUpperCase();
}

function label(text: string): string {
  return text.replace(/"/g, "'").replace(/[<>|]/g, ' ');
}
