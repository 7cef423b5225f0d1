/**
 * Metrics of user functions (Flink: MetricGroup). They add up in the counts of the epoch's manifest under `user:<operator uid>:<name>` and
 * commit with it: what a failed attempt counted does not count. Sums only, over all subtasks: nothing tells who counted (E7). A gauge
 * is a value of one physical subtask, and is not there for that reason.
 */
import { ConfigError } from '../model/errors.ts';
import type { Counter, Histogram, Meter, MetricGroup } from '../model/runtime-context.ts';

export type Count = (name: string, n: number) => void;

export function metricGroup(uid: string, count: Count): MetricGroup {
  return new CountedMetrics(`user:${uid}:`, count);
}

class CountedMetrics implements MetricGroup {
  private readonly prefix: string;
  private readonly count: Count;

  constructor(prefix: string, count: Count) {
    this.prefix = prefix;
    this.count = count;
  }

  counter(name: string): Counter {
    const add = this.adder(name);
    return { inc: (n = 1) => add(n), dec: (n = 1) => add(-n) };
  }
  meter(name: string): Meter {
    const add = this.adder(name);
    return { markEvent: (n = 1) => add(n) };
  }
  histogram(name: string): Histogram {
    const count = this.adder(`${name}:count`);
    const sum = this.adder(`${name}:sum`);
    return {
      update: (value) => {
        sum(value);
        count(1);
        this.count(`${this.prefix}${name}:le:${boundOf(value)}`, 1);
      },
    };
  }
  addGroup(name: string): MetricGroup {
    return new CountedMetrics(`${this.prefix}${checkName(name)}.`, this.count);
  }

  private adder(name: string): (n: number) => void {
    const full = this.prefix + checkName(name);
    return (n) => {
      if (!Number.isFinite(n))
        throw new ConfigError(`metric "${name}" was given ${String(n)}; it takes a finite number.`);
      this.count(full, n);
    };
  }
}

/** The least power of two that is not below the value; 0 for what is not positive. */
function boundOf(value: number): number {
  if (value <= 0) return 0;
  const bound = 2 ** Math.ceil(Math.log2(value));
  return bound < value ? bound * 2 : bound;
}

function checkName(name: string): string {
  if (typeof name === 'string' && /^[\w.:-]+$/.test(name)) return name;
  throw new ConfigError(
    `the name of a metric consists of letters, digits and . _ - : here; got ${JSON.stringify(name)}.`,
  );
}
