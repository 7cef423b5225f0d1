/** `millrace cost JOB`: what a deployed job costs, by what its last epochs used. Reads only; the job may be running. */
import { metricsBilled } from '../aws/host/epoch-metrics.ts';
import { ConfigError } from '../model/errors.ts';
import { SMALL_OBJECT } from '../ports/blob-store.ts';
import { jobObjectPrefix } from '../checkpoint/object-names.ts';
import { sumCounts } from '../checkpoint/sum-counts.ts';
import { IDLE_TICK, LOG_BYTES_PER_INVOCATION, TICKS_PER_HOUR } from '../aws/host/fixed-use.ts';
import {
  jobCosts,
  type Around,
  type CostItem,
  type Costs,
  type JobCosts,
  type PriceList,
} from '../runtime/cost-model.ts';
import { readHead, readManifestChain } from '../runtime/job-records.ts';
import { RETAINED_MANIFESTS } from '../runtime/sweep.ts';
import type { CliIo } from './cli-io.ts';
import type { JobPlace, PlaceOptions } from './job-place.ts';
import { withPlace } from './open-place.ts';
import { jobsThere } from './job-summary.ts';
import { jobTarget } from './job-target.ts';
import { LIST_PRICES, readPriceList } from './price-list.ts';
import { watermarkText, whole } from './progress.ts';

export interface CostOptions extends PlaceOptions {
  readonly prices?: string;
  readonly json?: boolean;
}

/** `target`: a job file, or the name of a job. */
export async function costCommand(target: string, options: CostOptions, io: CliIo): Promise<void> {
  const { name } = await jobTarget(target);
  const list = options.prices === undefined ? LIST_PRICES : readPriceList(options.prices);
  await withPlace(name, options, io, async (place) => {
    const costs = await costsOf(place, name, list);
    const { region, date } = list;
    const prices = { region, date, file: options.prices ?? null, prices: list.prices };
    io.stdout.write(
      options.json === true
        ? `${JSON.stringify({ job: name, ...costs, prices, apart: APART })}\n`
        : costText(name, costs, list, options.prices ?? null),
    );
  });
}

async function costsOf(place: JobPlace, job: string, list: PriceList): Promise<JobCosts> {
  const { store, blobs } = place;
  const found = await readHead(store, job);
  if (found === null)
    throw new ConfigError(`there is no state of job "${job}" in ${place.where}. ${await jobsThere(place)}`);
  const chain = (await readManifestChain(store, found.head, RETAINED_MANIFESTS)).map(({ manifest }) => manifest);
  const bytes = { tableBytes: 0, bucketBytes: 0 };
  for (const { name, size } of await blobs.list(jobObjectPrefix(job)))
    bytes[name.endsWith(SMALL_OBJECT) ? 'tableBytes' : 'bucketBytes'] += size;
  const around: Around = {
    ...bytes,
    ticksPerHour: TICKS_PER_HOUR,
    metrics: metricsBilled(sumCounts(chain.map(({ counts }) => counts))),
    idleTick: IDLE_TICK,
    logBytesPerInvocation: LOG_BYTES_PER_INVOCATION,
  };
  const uses = chain.map(({ epoch, committedAt, counts, consumed }) => ({
    epoch,
    committedAt,
    records: counts['recordsIn'] ?? 0,
    ...(consumed === undefined ? {} : { consumed }),
  }));
  const costs = jobCosts(uses, around, list);
  if (costs !== null) return costs;
  throw new ConfigError(
    chain.some(({ consumed }) => consumed !== undefined)
      ? `job "${job}" has committed ${chain.length} epoch${chain.length === 1 ? '' : 's'} since it counts what it uses: a rate needs two. Try again after the next one.`
      : `the epochs of job "${job}" in ${place.where} count nothing that is billed: it ran embedded. Give the stack of a deployed job with --aws.`,
  );
}

const APART: readonly string[] = ['Kafka and other sources and targets', 'VPC endpoints and data transfer', 'alarms'];

export function costText(
  job: string,
  costs: JobCosts,
  { region, date, prices }: PriceList,
  file: string | null,
): string {
  const { measured, usdPerMillionRecords, idle } = costs;
  const seconds = (measured.toMs - measured.fromMs) / 1000;
  const lines = [
    `Job "${job}" at the prices of ${file ?? 'the list'} (${region}, ${date})`,
    '',
    `Measured: the ${measured.epochs} epochs from ${watermarkText(measured.fromMs)} to ${watermarkText(measured.toMs)} (${durationText(seconds)}): ${whole(measured.records)} records, ${amount(measured.recordsPerSecond)} a second`,
    ...table(costs),
    `  per million records: ${usdPerMillionRecords === null ? 'nothing was read' : `$${usdPerMillionRecords.toFixed(4)}`}`,
    '',
    'Idle: a tick a minute, nothing to read',
    ...table(idle),
    '',
    `Apart: ${APART.join('; ')}.`,
    `Prices: ${[...new Set(Object.values(prices).map(({ source }) => source))].join(', ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function table({ items, usdPerHour, usdPerMonth, usdPerMonthAlone }: Costs): readonly string[] {
  const rows = items.map((item) => [
    `${item.service}: ${item.what}`,
    `${amount(item.unitsPerHour)}/h`,
    dollars(item),
    `$${item.usdPerMonth.toFixed(2)}/month`,
  ]);
  const total = ['in all', '', dollars({ usdPerHour }), `$${usdPerMonth.toFixed(2)}/month`];
  const widths = total.map((_, column) => Math.max(...[...rows, total].map((row) => row[column]!.length)));
  const written = [...rows, total].map(
    ([what, ...numbers]) =>
      `  ${[what!.padEnd(widths[0]!), ...numbers.map((text, i) => text.padStart(widths[i + 1]!))].join('  ')}`,
  );
  return [
    ...written,
    `  less what is free each month, if nothing else in the account uses it: $${usdPerMonthAlone.toFixed(2)}/month`,
  ];
}

const dollars = ({ usdPerHour }: Pick<CostItem, 'usdPerHour'>): string => `$${usdPerHour.toFixed(6)}/h`;
const amount = (n: number): string => (n >= 100 ? whole(Math.round(n)) : n.toPrecision(3));

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
