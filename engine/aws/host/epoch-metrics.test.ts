import { expect, test } from 'vitest';
import { epoch, generation, runId, wallTimeMs } from '../../model/ids.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../model/watermark.ts';
import { epochMetrics, MAX_METRICS, metricsBilled, METRICS_NAMESPACE, type EpochFacts } from './epoch-metrics.ts';

const COMMITTED = 1_800_000_000_000;

const facts = (more: Partial<EpochFacts> = {}, watermarks: Readonly<Record<string, number>> = {}): EpochFacts => ({
  manifest: {
    job: 'delays',
    run: runId('r1'),
    epoch: epoch(7),
    generation: generation(9),
    attempts: 1,
    counts: { recordsIn: 1000, recordsOut: 40, late: 2, lateDropped: 3, deadLettered: 1 },
    watermarks: { windows: COMMITTED - 5_000, joins: COMMITTED - 9_000, ...watermarks },
    ranges: [],
    committedAt: wallTimeMs(COMMITTED),
  },
  committedBeforeMs: COMMITTED - 10_000,
  durationMs: 432.6,
  backlog: 17,
  ...more,
});

interface Record_ {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

/** What the specification asks of a document, as far as it can be broken here. */
function checked(line: string): Readonly<Record<string, unknown>> {
  expect(line).not.toContain('\n');
  const record = JSON.parse(line) as Record_;
  const { Timestamp, CloudWatchMetrics } = record._aws;
  expect(Timestamp).toBe(COMMITTED);
  expect(CloudWatchMetrics).toHaveLength(1);
  const [{ Namespace, Dimensions, Metrics } = { Namespace: '', Dimensions: [], Metrics: [] }] = CloudWatchMetrics;
  expect(Namespace).toBe(METRICS_NAMESPACE);
  for (const name of Dimensions.flat()) expect([name, record[name]]).toEqual([name, expect.any(String)]);
  expect(Metrics.length).toBeLessThanOrEqual(MAX_METRICS);
  expect(new Set(Metrics.map(({ Name }) => Name)).size).toBe(Metrics.length);
  for (const { Name, Unit } of Metrics) {
    expect([Name, record[Name]]).toEqual([Name, expect.any(Number)]);
    expect(['Count', 'Milliseconds']).toContain(Unit);
  }
  return Object.fromEntries(Metrics.map(({ Name }) => [Name, record[Name]]));
}

test('a record as the specification has it: eight metrics, one dimension', () => {
  expect(checked(epochMetrics(facts()))).toEqual({
    RecordsIn: 1000,
    RecordsOut: 40,
    Late: 5,
    DeadLettered: 1,
    WatermarkLag: 9_000,
    Backlog: 17,
    EpochAge: 10_000,
    EpochDuration: 433,
  });
});

test('what is not known is no metric, and is not named as one', () => {
  const unknown = { committedBeforeMs: null, backlog: null };
  const names = ['RecordsIn', 'RecordsOut', 'Late', 'DeadLettered', 'EpochDuration'];
  for (const none of [MIN_WATERMARK, MAX_WATERMARK]) {
    const watermarks = { windows: none, joins: none };
    expect(Object.keys(checked(epochMetrics(facts(unknown, watermarks))))).toEqual(names);
  }
});

test('what rarely happens is a metric when it does', () => {
  const { manifest } = facts();
  const counts = { recordsIn: 5, recordsOut: 5, late: 0 };
  const metrics = checked(epochMetrics({ ...facts(), manifest: { ...manifest, counts } }));
  expect(Object.keys(metrics)).toHaveLength(metricsBilled(counts));
  expect(metrics).not.toHaveProperty('Late');
  expect(metrics).not.toHaveProperty('DeadLettered');
  expect(metricsBilled(manifest.counts)).toBe(MAX_METRICS);
});

test('without keyed stages the watermark is that of the splits', () => {
  const { manifest } = facts();
  const split = (watermark: number) => ({
    id: 's/0',
    from: 0,
    to: 1,
    state: { generators: {}, watermark, idleSince: null, ended: false },
  });
  const ranges = [split(COMMITTED - 30), split(COMMITTED - 20)];
  expect(checked(epochMetrics({ ...facts(), manifest: { ...manifest, watermarks: {}, ranges } }))).toMatchObject({
    WatermarkLag: 30,
  });
});

test('is the log line of its epoch: what it belongs to, and durations by phase, are properties', () => {
  const about = { function: 'coordinator', requestId: 'q', job: 'other' };
  const line = epochMetrics(facts({ about, subtasks: { windows: 4 }, phasesMs: { run: 400, publish: 30 } }));
  expect(JSON.parse(line)).toMatchObject({
    ...{ kind: 'epoch', level: 'info', time: COMMITTED },
    ...{ job: 'delays', run: 'r1', epoch: 7, generation: 9, function: 'coordinator', requestId: 'q' },
    ...{ subtasks: { windows: 4 }, phasesMs: { run: 400, publish: 30 } },
  });
});
