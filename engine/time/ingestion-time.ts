/**
 * Ingestion time for sources without a time of their own (Flink: IngestionTimeAssigner): a record's timestamp is the clock of the epoch
 * that reads it. The clock is in the plan, never runs backwards, and is the same for a retry, so a retry gives the same timestamps;
 * another cut of the input into epochs does not. A log's records need no assigner: they carry the time at which they were appended.
 */
export class IngestionTimeAssigner {
  declare private readonly form: 'ingestion-time';
}
