/**
 * After how long without input a source's splits are idle: what its own strategy says, else the least that an assigner behind it says.
 * Null: never.
 */
import type { JobNode } from '../graph/job-graph.ts';
import { TimestampsOperator } from '../operators/timestamps-operator.ts';

export function idlenessOf(node: JobNode): number | null {
  const { operator } = node;
  if (operator.kind === 'source' && operator.strategy.idlenessMs !== null) return operator.strategy.idlenessMs;
  let least = Infinity;
  for (const { to, key } of node.outputs) {
    if (key !== null || to.operator.kind !== 'stateless') continue;
    const own = to.operator.operator instanceof TimestampsOperator ? to.operator.operator.strategy.idlenessMs : null;
    least = Math.min(least, own ?? idlenessOf(to) ?? Infinity);
  }
  return least === Infinity ? null : least;
}
