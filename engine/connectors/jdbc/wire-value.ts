/** What goes to a database: text that its column's type reads, or bytes. */
export type WireValue = string | Uint8Array | null;

/** What a user may give for a column. Numbers and dates for times are epoch milliseconds; objects are written as JSON. */
export type JdbcValue = null | boolean | number | bigint | string | Date | Uint8Array | object;
