/**
 * What a job costs, from what its epochs used (Manifest.consumed) and a list of prices. Rates are those of the epochs that are kept: their use
 * over the time between their commits, the oldest one's left out, because it was used before that time. Pure.
 */
import { sumConsumption, type ConsumedUnit, type Consumption } from '../model/consumption.ts';

/** What is billed beside what epochs count: by the clock, by what is kept, by what is logged. */
export type PricedUnit =
  ConsumedUnit | 'schedulerInvocations' | 'logGb' | 'metricMonths' | 'tableGbMonths' | 'bucketGbMonths';

export interface Price {
  /** What people call it. */
  readonly service: string;
  readonly what: string;
  readonly usd: number;
  /** For so many units. */
  readonly per: number;
  /** Units that an account has for nothing in a month, in the first year and after. */
  readonly freePerMonth?: number;
  /** The page that says so. */
  readonly source: string;
  /** How the number was checked. */
  readonly checked: string;
}

export interface PriceList {
  readonly region: string;
  /** When the prices were looked up. */
  readonly date: string;
  readonly prices: Readonly<Record<Exclude<PricedUnit, 'putBytes' | 'getBytes'>, Price>>;
}

export interface EpochUse {
  readonly epoch: number;
  readonly committedAt: number;
  readonly records: number;
  readonly consumed?: Consumption;
}

/** What is there whether or not epochs run. */
export interface Around {
  readonly ticksPerHour: number;
  /** Of the job in CloudWatch, each billed for the hours in which it has values. */
  readonly metrics: number;
  readonly tableBytes: number;
  readonly bucketBytes: number;
  /** What one invocation of an idle job uses. */
  readonly idleTick: Consumption;
  readonly logBytesPerInvocation: number;
}

export interface CostItem {
  readonly service: string;
  readonly what: string;
  readonly unitsPerHour: number;
  readonly usdPerHour: number;
  readonly usdPerMonth: number;
}

export interface Costs {
  readonly items: readonly CostItem[];
  readonly usdPerHour: number;
  readonly usdPerMonth: number;
  /** Where nothing else in the account uses up what is free. */
  readonly usdPerMonthAlone: number;
}

export interface JobCosts extends Costs {
  readonly measured: {
    readonly epochs: number;
    readonly fromMs: number;
    readonly toMs: number;
    readonly records: number;
    readonly recordsPerSecond: number;
  };
  /** Null: nothing was read. */
  readonly usdPerMillionRecords: number | null;
  readonly idle: Costs;
}

export const HOURS_PER_MONTH = 730;
const HOUR_MS = 3_600_000;
const GB = 1024 ** 3;
const MILLION = 1e6;

/** Null: fewer than two epochs that count what they use, so there is no rate. */
export function jobCosts(epochs: readonly EpochUse[], around: Around, list: PriceList): JobCosts | null {
  const ascending = epochs.toSorted((a, b) => a.epoch - b.epoch);
  const [first, ...rest] = ascending;
  const last = rest.at(-1);
  const used = sumConsumption(rest.map(({ consumed }) => consumed));
  if (first === undefined || last === undefined || used === undefined || last.committedAt <= first.committedAt)
    return null;
  const hours = (last.committedAt - first.committedAt) / HOUR_MS;
  const records = rest.reduce((sum, epoch) => sum + epoch.records, 0);
  const perHour = Object.fromEntries(Object.entries(used).map(([unit, n]) => [unit, n / hours])) as Consumption;
  const costs = priced({ ...perHour, ...aroundPerHour(around, perHour), metricMonths: metricMonths(around) }, list);
  return {
    measured: {
      epochs: rest.length,
      fromMs: first.committedAt,
      toMs: last.committedAt,
      records,
      recordsPerSecond: records / hours / 3600,
    },
    ...costs,
    usdPerMillionRecords: records === 0 ? null : (costs.usdPerHour * hours * MILLION) / records,
    idle: idleCosts(around, list),
  };
}

/** A job with nothing to read: a tick starts an execution, which invokes the coordinator once. Metrics have no values, and cost nothing. */
function idleCosts(around: Around, list: PriceList): Costs {
  const { ticksPerHour, idleTick } = around;
  const perHour = Object.fromEntries(
    Object.entries(idleTick).map(([unit, n]) => [unit, n * ticksPerHour]),
  ) as Consumption;
  return priced({ ...perHour, ...aroundPerHour(around, perHour) }, list);
}

type PerHour = Partial<Record<PricedUnit, number>>;

function aroundPerHour(around: Around, { lambdaRequests = 0 }: Consumption): PerHour {
  return {
    schedulerInvocations: around.ticksPerHour,
    logGb: (lambdaRequests * around.logBytesPerInvocation) / GB,
    tableGbMonths: around.tableBytes / GB / HOURS_PER_MONTH,
    bucketGbMonths: around.bucketBytes / GB / HOURS_PER_MONTH,
  };
}

const metricMonths = ({ metrics }: Around): number => metrics / HOURS_PER_MONTH;

/** In the order of the price list; what costs nothing is left out. */
function priced(perHour: PerHour, list: PriceList): Costs {
  const items: CostItem[] = [];
  let usdPerMonthAlone = 0;
  for (const [unit, { service, what, usd, per, freePerMonth = 0 }] of Object.entries(list.prices)) {
    const unitsPerHour = perHour[unit as PricedUnit] ?? 0;
    if (unitsPerHour === 0) continue;
    const usdPerHour = (unitsPerHour / per) * usd;
    items.push({ service, what, unitsPerHour, usdPerHour, usdPerMonth: usdPerHour * HOURS_PER_MONTH });
    usdPerMonthAlone += (Math.max(0, unitsPerHour * HOURS_PER_MONTH - freePerMonth) / per) * usd;
  }
  const usdPerHour = items.reduce((sum, item) => sum + item.usdPerHour, 0);
  return { items, usdPerHour, usdPerMonth: usdPerHour * HOURS_PER_MONTH, usdPerMonthAlone };
}
