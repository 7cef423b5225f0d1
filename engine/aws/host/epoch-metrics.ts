/**
 * One record per epoch in CloudWatch's embedded metric format (EMF), which is the epoch's line in the log as well:
 *
 *   { "_aws": { "Timestamp": ms, "CloudWatchMetrics": [{ "Namespace", "Dimensions": [["Job"]], "Metrics": [{ "Name", "Unit" }] }] },
 *     "Job": …, "RecordsIn": …, …, and properties, which become no metrics: run, epoch, generation, subtasks, phasesMs … }
 *
 * 1. Every metric that the directive names is a finite number beside it; one that is not known in this epoch is in neither place.
 * 2. A metric is billed by its name and dimensions, for the hours in which it comes: at most `MAX_METRICS` names, and the job is the only
 *    dimension. What rarely happens comes when it does: an alarm on it treats missing data as not breaching.
 * 3. CloudWatch takes a record at least once, so metrics may be doubled; what was committed is in the manifests.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import type { Counts, Manifest } from '../../checkpoint/records.ts';
import { epochWatermark, watermarkJson } from '../../runtime/epoch-watermark.ts';

export interface EpochFacts {
  readonly manifest: Pick<
    Manifest,
    'job' | 'run' | 'epoch' | 'generation' | 'attempts' | 'counts' | 'watermarks' | 'ranges' | 'committedAt'
  >;
  /** When the epoch before was committed; null: this is the first, or it is not known. */
  readonly committedBeforeMs: number | null;
  /** From its plan to its publication. */
  readonly durationMs: number;
  /** The same by phase: plan, run, commit, publish … */
  readonly phasesMs?: Readonly<Record<string, number>>;
  /** What the sources still have, in the unit of their positions; null: not known. */
  readonly backlog: number | null;
  /** Of each stage, as planned; empty: the epoch was fused. */
  readonly subtasks?: Readonly<Record<string, number>>;
  /** What else the line is about: function, execution, request … No names of metrics. */
  readonly about?: Readonly<Record<string, unknown>>;
}

export const METRICS_NAMESPACE = 'Millrace';
/** Issue 7: what a job's metrics cost is bounded. */
export const MAX_METRICS = 8;

type Unit = 'Count' | 'Milliseconds';

/** Metrics that the epochs of a job with these counts have. */
export function metricsBilled(counts: Counts): number {
  return MAX_METRICS - (lateOf(counts) > 0 ? 0 : 1) - (deadLetteredOf(counts) > 0 ? 0 : 1);
}

/** One line of JSON, without its end. */
export function epochMetrics(facts: EpochFacts): string {
  const { manifest, phasesMs = {}, subtasks = {}, about = {} } = facts;
  const { job, run, epoch, generation, attempts, counts, committedAt } = manifest;
  const values = metricsOf(facts).filter((metric): metric is Known => Number.isFinite(metric[2]));
  return JSON.stringify({
    _aws: {
      Timestamp: committedAt,
      CloudWatchMetrics: [
        {
          Namespace: METRICS_NAMESPACE,
          Dimensions: [['Job']],
          Metrics: values.map(([Name, Unit]) => ({ Name, Unit })),
        },
      ],
    },
    Job: job,
    ...Object.fromEntries(values.map(([name, , value]) => [name, value])),
    time: committedAt,
    level: 'info',
    kind: 'epoch',
    text: 'committed and published',
    ...about,
    ...{ job, run, epoch, generation, attempts, subtasks, phasesMs, counts },
    watermark: watermarkJson(epochWatermark(manifest)),
  });
}

type Metric = readonly [name: string, unit: Unit, value: number | null];
type Known = readonly [name: string, unit: Unit, value: number];

function metricsOf({ manifest, committedBeforeMs, durationMs, backlog }: EpochFacts): readonly Metric[] {
  const { counts, committedAt } = manifest;
  const count = (name: string): number => counts[name] ?? 0;
  const watermark = watermarkJson(epochWatermark(manifest));
  return [
    ['RecordsIn', 'Count', count('recordsIn')],
    ['RecordsOut', 'Count', count('recordsOut')],
    ['Late', 'Count', ifAny(lateOf(counts))],
    ['DeadLettered', 'Count', ifAny(deadLetteredOf(counts))],
    ['WatermarkLag', 'Milliseconds', typeof watermark === 'number' ? committedAt - watermark : null],
    ['Backlog', 'Count', backlog],
    ['EpochAge', 'Milliseconds', committedBeforeMs === null ? null : committedAt - committedBeforeMs],
    ['EpochDuration', 'Milliseconds', Math.round(durationMs)],
  ];
}

const lateOf = (counts: Counts): number => (counts['late'] ?? 0) + (counts['lateDropped'] ?? 0);
const deadLetteredOf = (counts: Counts): number => counts['deadLettered'] ?? 0;
const ifAny = (n: number): number | null => (n > 0 ? n : null);
