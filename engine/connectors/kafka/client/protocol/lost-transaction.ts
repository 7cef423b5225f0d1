/**
 * Why a transaction is lost. Brokers answer alike when a newer producer took the transactional id and when they aborted a transaction that had been
 * open for too long; the coordinator's description tells them apart. A timeout's abort raises the epoch once and leaves the transaction aborted,
 * while a newer producer raises it further or has begun anew. Only where our own clock says that the timeout was due do we believe in one.
 */
import { FencedError, type MillraceError, RetryableError } from '../../../../model/errors.ts';
import {
  BrokerRefusal,
  errorOf,
  INVALID_PRODUCER_EPOCH,
  INVALID_PRODUCER_ID_MAPPING,
  INVALID_TXN_STATE,
  PRODUCER_FENCED,
  reactionTo,
  TRANSACTIONAL_ID_NOT_FOUND,
} from '../broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { describeTransaction, type ProducerIdentity, type TransactionDescription } from './requests/transactions.ts';

const LOSSES: readonly number[] = [
  INVALID_PRODUCER_EPOCH,
  INVALID_TXN_STATE,
  INVALID_PRODUCER_ID_MAPPING,
  PRODUCER_FENCED,
];

const NOTHING_OPEN: readonly string[] = ['Empty', 'CompleteCommit', 'CompleteAbort'];

export interface LostTransaction {
  readonly name: string;
  readonly sinceMs: number;
  readonly timeoutMs: number;
}

/** The broker's word that this producer's transaction, or the producer, is no more. */
export function isLoss(thrown: unknown): boolean {
  const refusal = refusalIn(thrown);
  return refusal !== null && LOSSES.includes(refusal.errorCode);
}

/** `thrown` is a loss. Null: the producer is the newest, and has nothing open at the coordinator (its first request was refused). */
export async function lossOf(
  thrown: unknown,
  cluster: Cluster,
  identity: ProducerIdentity,
  transaction: LostTransaction,
): Promise<MillraceError | null> {
  const refusal = refusalIn(thrown)!;
  const { name, sinceMs, timeoutMs } = transaction;
  const found = await describe(cluster, identity.transactionalId, name);
  if (found.errorCode === TRANSACTIONAL_ID_NOT_FOUND)
    return new RetryableError(
      `${name} is lost: its coordinator does not know the id any more (transactional.id.expiration.ms). Nothing of it is visible; all of it has to be done again.`,
      { ...identity },
      thrown,
    );
  if (found.errorCode !== 0) return errorOf(refusal, name, { ...identity });
  if (found.producerId === identity.producerId && found.producerEpoch === identity.producerEpoch) {
    if (refusal.errorCode === INVALID_TXN_STATE && NOTHING_OPEN.includes(found.state)) return null;
    return errorOf(refusal, name, { ...identity, found });
  }
  const openForMs = Date.now() - sinceMs;
  if (openForMs >= timeoutMs && isTimeoutOf(found, identity))
    return new RetryableError(
      `${name} was aborted by the broker: it was open for ${openForMs} ms, and transaction.timeout.ms is ${timeoutMs}. Nothing of it is visible; all of it has to be done again, with a longer timeout if that happens often.`,
      { ...identity },
      thrown,
    );
  return new FencedError(
    `${name}: ${refusal.message}. A newer producer has taken the id (its epoch is ${found.producerEpoch}, ours was ${identity.producerEpoch}; its transaction: ${found.state}). This one stops.`,
    { ...identity, found },
    thrown,
  );
}

function isTimeoutOf(found: TransactionDescription, { producerId, producerEpoch }: ProducerIdentity): boolean {
  return (
    (found.state === 'PrepareAbort' || found.state === 'CompleteAbort') &&
    found.producerId === producerId &&
    found.producerEpoch === producerEpoch + 1
  );
}

function describe(cluster: Cluster, transactionalId: string, name: string): Promise<TransactionDescription> {
  const patience = cluster.patience(`State of ${name}`, { transactionalId });
  return cluster.withCoordinator('transaction', transactionalId, patience, async (node) => {
    const found = await cluster.send(node, describeTransaction(transactionalId));
    if (found.errorCode !== 0 && reactionTo(found.errorCode) === 'retry') throw new BrokerRefusal(found.errorCode);
    return found;
  });
}

function refusalIn(thrown: unknown): BrokerRefusal | null {
  if (thrown instanceof BrokerRefusal) return thrown;
  return thrown instanceof Error && thrown.cause instanceof BrokerRefusal ? thrown.cause : null;
}
