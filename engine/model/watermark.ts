/**
 * Event time is integer milliseconds in a double (ARCHITECTURE section 11). These two stand for Java's Long.MIN_VALUE and
 * Long.MAX_VALUE; both are exact doubles, so they survive JSON and typed arrays.
 */
export const MIN_WATERMARK = -(2 ** 63);
export const MAX_WATERMARK = 2 ** 63;
/** A record that has no timestamp (Flink: Long.MIN_VALUE). */
export const NO_TIMESTAMP = MIN_WATERMARK;
