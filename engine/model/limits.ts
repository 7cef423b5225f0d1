/** Every bound in one place, each with its reason (STYLE 10). */

/** Records a source hands to a chain at once. HOTPATH section 3: 64 to 4,096 is flat; 8,192 is slower with state. */
export const BATCH_ROWS = 1024;
/** Bytes decoded at a time without a schema: one JSON.parse of a 16 KB piece is the fastest (HOTPATH section 2). */
export const JSON_PIECE_BYTES = 16 * 1024;
/** Bytes read from a file at once. */
export const FILE_CHUNK_BYTES = 256 * 1024;
/** A longer line is a bad record: it would have to be held in memory whole. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;
/** State of one watermark generator of the user's: every manifest holds it once a split. */
export const MAX_GENERATOR_STATE_BYTES = 2048;
/** Records read at once where watermarks are aligned: by so many a split may pass its limit. */
export const ALIGNED_BATCH_ROWS = 128;
/** The head is one small item, so that any store can swap it atomically (ARCHITECTURE section 1). */
export const MAX_HEAD_BYTES = 4096;
/** Flink's default. Fixed for the life of a job's state. */
export const DEFAULT_MAX_PARALLELISM = 128;
/** Flink's upper bound (2^15). */
export const MAX_MAX_PARALLELISM = 32_768;
/** Rows that wait in memory for a second shuffle before the epoch is cut early. */
export const MAX_BUFFERED_SHUFFLE_ROWS = 500_000;
/** Staged sink bytes before the epoch is cut early. */
export const MAX_STAGED_BYTES = 64 * 1024 * 1024;
/** Segments in the log before planning waits for folding. */
export const MAX_LOG_SEGMENTS = 256;
/** Sink slots per sink and run (ARCHITECTURE section 11). */
export const DEFAULT_SINK_SLOTS = 8;
/** Records on a plan's skip list; beyond it the job fails: so many poison records are not a record's fault. */
export const MAX_SKIPPED_RECORDS = 10_000;
/** Default epoch, embedded (ARCHITECTURE section 11). */
export const DEFAULT_EPOCH_MS = 1000;
/** Default epoch on AWS, where an epoch has its price (ARCHITECTURE section 11). */
export const DEFAULT_AWS_EPOCH_MS = 10_000;
