/**
 * What brokers answer instead of doing what was asked, and what follows from it: one reaction a code, for both client libraries. Codes and names
 * are those of the protocol (org.apache.kafka.common.protocol.Errors); one that is not listed is `other`.
 *
 * | reaction | what the client does                                                                                |
 * |----------|------------------------------------------------------------------------------------------------------|
 * | retry    | looks for leader and coordinator anew and asks again, for `retryForMs`; then RetryableError          |
 * | missing  | the same, but only for a moment (a topic just created); then ConfigError                             |
 * | fenced   | FencedError: a newer producer has taken this id                                                      |
 * | aborted  | RetryableError: the transaction cannot be committed any more, all of it has to be done again         |
 * | config   | ConfigError: rights, names, limits, settings                                                         |
 * | other    | RetryableError                                                                                       |
 */
import { ConfigError, FencedError, type MillraceError, RetryableError } from '../../../model/errors.ts';

export type Reaction = 'retry' | 'missing' | 'fenced' | 'aborted' | 'config' | 'other';

export const OFFSET_OUT_OF_RANGE = 1;
export const UNKNOWN_TOPIC_OR_PARTITION = 3;
export const LEADER_NOT_AVAILABLE = 5;
export const MESSAGE_TOO_LARGE = 10;
export const RECORD_LIST_TOO_LARGE = 18;
export const TOPIC_ALREADY_EXISTS = 36;
export const INVALID_PARTITIONS = 37;
export const CLUSTER_AUTHORIZATION_FAILED = 31;
export const DUPLICATE_SEQUENCE_NUMBER = 46;
export const INVALID_PRODUCER_EPOCH = 47;
export const INVALID_TXN_STATE = 48;
export const INVALID_PRODUCER_ID_MAPPING = 49;
export const OPERATION_NOT_ATTEMPTED = 55;
export const GROUP_ID_NOT_FOUND = 69;
export const PRODUCER_FENCED = 90;
export const TRANSACTIONAL_ID_NOT_FOUND = 105;

const CODES: ReadonlyMap<number, readonly [name: string, reaction: Reaction, remedy?: string]> = new Map([
  [-1, ['UNKNOWN_SERVER_ERROR', 'retry']],
  [OFFSET_OUT_OF_RANGE, ['OFFSET_OUT_OF_RANGE', 'other']],
  [2, ['CORRUPT_MESSAGE', 'retry']],
  [UNKNOWN_TOPIC_OR_PARTITION, ['UNKNOWN_TOPIC_OR_PARTITION', 'missing', 'Create the topic, or correct its name.']],
  [LEADER_NOT_AVAILABLE, ['LEADER_NOT_AVAILABLE', 'retry']],
  [6, ['NOT_LEADER_OR_FOLLOWER', 'retry']],
  [7, ['REQUEST_TIMED_OUT', 'retry']],
  [8, ['BROKER_NOT_AVAILABLE', 'retry']],
  [9, ['REPLICA_NOT_AVAILABLE', 'retry']],
  [MESSAGE_TOO_LARGE, ['MESSAGE_TOO_LARGE', 'config', 'Raise max.message.bytes of the topic.']],
  [12, ['OFFSET_METADATA_TOO_LARGE', 'config', 'Raise offset.metadata.max.bytes of the brokers.']],
  [13, ['NETWORK_EXCEPTION', 'retry']],
  [14, ['COORDINATOR_LOAD_IN_PROGRESS', 'retry']],
  [15, ['COORDINATOR_NOT_AVAILABLE', 'retry']],
  [16, ['NOT_COORDINATOR', 'retry']],
  [17, ['INVALID_TOPIC_EXCEPTION', 'config', 'Correct the name of the topic.']],
  [RECORD_LIST_TOO_LARGE, ['RECORD_LIST_TOO_LARGE', 'config', 'Raise segment.bytes of the topic.']],
  [19, ['NOT_ENOUGH_REPLICAS', 'retry']],
  [20, ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry']],
  [22, ['ILLEGAL_GENERATION', 'config', 'The group has members of its own: use another group id.']],
  [24, ['INVALID_GROUP_ID', 'config', 'Correct the group id.']],
  [25, ['UNKNOWN_MEMBER_ID', 'config', 'The group has members of its own: use another group id.']],
  [27, ['REBALANCE_IN_PROGRESS', 'retry']],
  [29, ['TOPIC_AUTHORIZATION_FAILED', 'config', 'Grant the principal the right to this topic.']],
  [30, ['GROUP_AUTHORIZATION_FAILED', 'config', 'Grant the principal the right to this group.']],
  [
    CLUSTER_AUTHORIZATION_FAILED,
    ['CLUSTER_AUTHORIZATION_FAILED', 'config', 'Grant the principal the right to the cluster.'],
  ],
  [32, ['INVALID_TIMESTAMP', 'config', 'Look at message.timestamp.before.max.ms and after.max.ms of the topic.']],
  [33, ['UNSUPPORTED_SASL_MECHANISM', 'config', 'Choose a mechanism that the listener has (sasl.mechanism).']],
  [34, ['ILLEGAL_SASL_STATE', 'config', 'The listener does not expect SASL here: look at security.protocol.']],
  [35, ['UNSUPPORTED_VERSION', 'config', 'The broker is too old: Kafka 2.8 or later is needed.']],
  [TOPIC_ALREADY_EXISTS, ['TOPIC_ALREADY_EXISTS', 'config']],
  [INVALID_PARTITIONS, ['INVALID_PARTITIONS', 'config', 'A topic has at least one partition, and never gets fewer.']],
  [38, ['INVALID_REPLICATION_FACTOR', 'config', 'There must be at least so many brokers.']],
  [39, ['INVALID_REPLICA_ASSIGNMENT', 'config']],
  [40, ['INVALID_CONFIG', 'config', 'Correct the settings of the topic.']],
  [41, ['NOT_CONTROLLER', 'retry']],
  [
    43,
    [
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      'config',
      'The topic is in a message format before v2: copy it into a new topic.',
    ],
  ],
  [44, ['POLICY_VIOLATION', 'config', 'A policy of the brokers forbids this.']],
  [45, ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'aborted']],
  [DUPLICATE_SEQUENCE_NUMBER, ['DUPLICATE_SEQUENCE_NUMBER', 'other']],
  [INVALID_PRODUCER_EPOCH, ['INVALID_PRODUCER_EPOCH', 'fenced']],
  [INVALID_TXN_STATE, ['INVALID_TXN_STATE', 'aborted']],
  [INVALID_PRODUCER_ID_MAPPING, ['INVALID_PRODUCER_ID_MAPPING', 'aborted']],
  [
    50,
    [
      'INVALID_TRANSACTION_TIMEOUT',
      'config',
      "Set transaction.timeout.ms to at most the brokers' transaction.max.timeout.ms.",
    ],
  ],
  [51, ['CONCURRENT_TRANSACTIONS', 'retry']],
  [52, ['TRANSACTION_COORDINATOR_FENCED', 'retry']],
  [53, ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'config', 'Grant the principal the right to this transactional id.']],
  [54, ['SECURITY_DISABLED', 'config']],
  [OPERATION_NOT_ATTEMPTED, ['OPERATION_NOT_ATTEMPTED', 'other']],
  [56, ['KAFKA_STORAGE_ERROR', 'retry']],
  [58, ['SASL_AUTHENTICATION_FAILED', 'config', 'Correct the credentials.']],
  [59, ['UNKNOWN_PRODUCER_ID', 'aborted']],
  [60, ['REASSIGNMENT_IN_PROGRESS', 'retry']],
  [68, ['NON_EMPTY_GROUP', 'config', 'The group has members: stop them first.']],
  [GROUP_ID_NOT_FOUND, ['GROUP_ID_NOT_FOUND', 'other']],
  [74, ['FENCED_LEADER_EPOCH', 'retry']],
  [75, ['UNKNOWN_LEADER_EPOCH', 'retry']],
  [76, ['UNSUPPORTED_COMPRESSION_TYPE', 'config', 'Choose another compression.type.']],
  [78, ['OFFSET_NOT_AVAILABLE', 'retry']],
  [86, ['GROUP_SUBSCRIBED_TO_TOPIC', 'config', 'The group has members: stop them first.']],
  [87, ['INVALID_RECORD', 'config', 'A compacted topic takes only records with a key.']],
  [88, ['UNSTABLE_OFFSET_COMMIT', 'retry']],
  [89, ['THROTTLING_QUOTA_EXCEEDED', 'retry']],
  [PRODUCER_FENCED, ['PRODUCER_FENCED', 'fenced']],
  [TRANSACTIONAL_ID_NOT_FOUND, ['TRANSACTIONAL_ID_NOT_FOUND', 'aborted']],
  // The leader has not heard of the topic yet, or it was deleted.
  [100, ['UNKNOWN_TOPIC_ID', 'retry']],
  [108, ['NEW_LEADER_ELECTED', 'retry']],
  [120, ['TRANSACTION_ABORTABLE', 'aborted']],
]);

export function brokerErrorName(code: number): string {
  return CODES.get(code)?.[0] ?? `error ${code}`;
}

export function reactionTo(code: number): Reaction {
  return CODES.get(code)?.[1] ?? 'other';
}

/** The broker answered with an error code. */
export class BrokerRefusal extends Error {
  readonly errorCode: number;
  constructor(errorCode: number, detail: string | null = null) {
    super(`the broker answers ${brokerErrorName(errorCode)}${detail === null ? '' : ` (${detail})`}`);
    this.name = 'BrokerRefusal';
    this.errorCode = errorCode;
  }
}

/** `what` says which request of whom failed, e.g. `Kafka fetch of orders-3`. */
export function errorOf(refusal: BrokerRefusal, what: string, at: Readonly<Record<string, unknown>>): MillraceError {
  const remedy = CODES.get(refusal.errorCode)?.[2];
  const message = `${what}: ${refusal.message}.`;
  switch (reactionTo(refusal.errorCode)) {
    case 'fenced':
      return new FencedError(`${message} A newer producer uses this id; this one stops.`, at, refusal);
    case 'aborted':
      return new RetryableError(`${message} What is not committed yet has to be done again.`, at, refusal);
    case 'config':
    case 'missing':
      return new ConfigError(remedy === undefined ? message : `${message} ${remedy}`, at, refusal);
    case 'retry':
    case 'other':
      return new RetryableError(message, at, refusal);
  }
}
