/** What a job uses of a cloud's services, in the units that are billed for. Embedded jobs use none. */

/** A request that fails is counted like one that does not: it is billed, too. */
export const CONSUMED = {
  writeUnits: 'DynamoDB write request units',
  readUnits: 'DynamoDB read request units',
  putRequests: 'S3 requests of the class PUT, COPY, POST, LIST',
  getRequests: 'S3 requests of the class GET',
  putBytes: 'bytes written to S3',
  getBytes: 'bytes read from S3',
  lambdaRequests: 'Lambda invocations',
  lambdaGbSeconds: 'Lambda duration times memory',
  expressRequests: 'Step Functions Express executions',
  expressGbSeconds: 'Step Functions Express duration times memory',
  standardTransitions: 'Step Functions Standard state transitions',
} as const;

export type ConsumedUnit = keyof typeof CONSUMED;
/** A unit that is absent was not used. */
export type Consumption = { readonly [U in ConsumedUnit]?: number };

const UNITS = Object.keys(CONSUMED) as readonly ConsumedUnit[];
/** Of a unit: a GB-second is 75,000 for a dollar, so a millionth of one is nothing. */
const PRECISION = 1e6;

/** Undefined: none of the parts says anything. */
export function sumConsumption(parts: readonly (Consumption | undefined)[]): Consumption | undefined {
  const said = parts.filter((part) => part !== undefined);
  if (said.length === 0) return undefined;
  const sums: { [U in ConsumedUnit]?: number } = {};
  for (const unit of UNITS) {
    const sum = said.reduce((total, part) => total + (part[unit] ?? 0), 0);
    if (sum !== 0) sums[unit] = Math.round(sum * PRECISION) / PRECISION;
  }
  return sums;
}

/** Counts what one process uses, until it is taken to the record of an epoch. */
export class ConsumptionMeter {
  #used: Consumption = {};

  add(used: Consumption): void {
    this.#used = sumConsumption([this.#used, used])!;
  }

  /** What was used since it was last taken. */
  take(): Consumption {
    const used = this.#used;
    this.#used = {};
    return used;
  }
}
