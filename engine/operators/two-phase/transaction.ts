/** What a sink in two phases is told about a transaction, and what it writes in one. */

/** What one transaction publishes: the output of one slot of one epoch. */
export interface TransactionContext {
  readonly job: string;
  /** uid of the sink. */
  readonly sink: string;
  /** The sink's slot: transactions of different slots may be open at once, never two epochs of one slot. */
  readonly slot: number;
  /** Run ids compare as strings in the order in which the runs began. */
  readonly run: string;
  /** Grows from epoch to epoch of a job, restores included; never used twice. */
  readonly epoch: number;
  /** All of it as one text, e.g. `orders/out/0/r00001769000000000-4f2a/17`: the same whenever the epoch is published again. */
  readonly id: string;
}

/** One try at a transaction; its `id` ends in the attempt's number, and no id is ever prepared twice. */
export interface SinkTransaction extends TransactionContext {
  /** Counts from 1. Larger than 1: what was prepared before is void, and will never be committed. */
  readonly attempt: number;
}

export interface SinkRecord<T> {
  readonly value: T;
  /** Event time in epoch milliseconds; null: the row has none. */
  readonly timestamp: number | null;
}

/** The marker that (run, epoch) of a slot is, or is becoming, visible. */
export interface Place {
  readonly run: string;
  readonly epoch: number;
}

/** Negative when `a` comes before `b`. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.run !== b.run) return a.run < b.run ? -1 : 1;
  return a.epoch - b.epoch;
}

export function contextOf(job: string, sink: string, slot: number, { run, epoch }: Place): TransactionContext {
  return { job, sink, slot, run, epoch, id: `${job}/${sink}/${slot}/${run}/${epoch}` };
}

export function transactionOf(context: TransactionContext, attempt: number): SinkTransaction {
  return { ...context, attempt, id: `${context.id}/${attempt}` };
}
