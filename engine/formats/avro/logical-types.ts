/**
 * Logical types: what a row shows for the raw value, exactly.
 *
 * | logical type                              | in a row                                                             |
 * |-------------------------------------------|----------------------------------------------------------------------|
 * | decimal (bytes, fixed)                    | text with exactly `scale` digits, "-12.30"; a bigint of the unscaled value may be written |
 * | uuid (string, fixed 16)                   | text                                                                 |
 * | date                                      | days since 1970-01-01                                                |
 * | time-millis, time-micros                  | milliseconds, microseconds since midnight                            |
 * | timestamp-millis, local-timestamp-millis  | milliseconds since 1970-01-01                                        |
 * | timestamp-micros, local-timestamp-micros  | microseconds, a number or a bigint as `longs` says                   |
 * | timestamp-nanos, local-timestamp-nanos    | nanoseconds, a bigint                                                |
 * | duration (fixed 12)                       | { months, days, milliseconds }                                       |
 *
 * Others, and those on a type or with numbers that the specification does not allow, are ignored: the raw value shows, as in Java.
 */

export type TimeUnit = 'millis' | 'micros' | 'nanos';

export type LogicalType =
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'uuid' | 'date' | 'duration' }
  | { readonly kind: 'time-millis' | 'time-micros'; readonly unit: TimeUnit }
  | { readonly kind: TimestampKind; readonly unit: TimeUnit };

type TimestampKind = `${'' | 'local-'}timestamp-${TimeUnit}`;

export interface AvroDuration {
  readonly months: number;
  readonly days: number;
  readonly milliseconds: number;
}

const KIND_ON: Readonly<Record<string, readonly string[]>> = {
  uuid: ['string', 'fixed'],
  date: ['int'],
  duration: ['fixed'],
  'time-millis': ['int'],
  'time-micros': ['long'],
  'timestamp-millis': ['long'],
  'timestamp-micros': ['long'],
  'timestamp-nanos': ['long'],
  'local-timestamp-millis': ['long'],
  'local-timestamp-micros': ['long'],
  'local-timestamp-nanos': ['long'],
};

const FIXED_SIZE: Readonly<Record<string, number>> = { uuid: 16, duration: 12 };

/** The logical type that a schema object names, null when there is none that holds. `size`: of a fixed. */
export function logicalTypeOf(
  schema: Readonly<Record<string, unknown>>,
  kind: string,
  size: number | null,
): LogicalType | null {
  const name = schema['logicalType'];
  if (typeof name !== 'string') return null;
  if (name === 'decimal') return decimalOf(schema, kind, size);
  if (!Object.hasOwn(KIND_ON, name) || !KIND_ON[name]!.includes(kind)) return null;
  if (size !== null && FIXED_SIZE[name] !== size) return null;
  const unit = name.slice(name.lastIndexOf('-') + 1);
  return { kind: name, unit } as LogicalType;
}

function decimalOf(
  { precision, scale = 0 }: Readonly<Record<string, unknown>>,
  kind: string,
  size: number | null,
): LogicalType | null {
  if (kind !== 'bytes' && kind !== 'fixed') return null;
  if (typeof precision !== 'number' || !Number.isInteger(precision) || precision < 1) return null;
  if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > precision) return null;
  if (size !== null && 10n ** BigInt(precision) > 1n << BigInt(Math.max(0, 8 * size - 1))) return null;
  return { kind: 'decimal', precision, scale };
}

export function isTimestamp(logical: LogicalType): boolean {
  return logical.kind.includes('timestamp-');
}

const NANOS_PER = { millis: 1_000_000n, micros: 1_000n, nanos: 1n } as const satisfies Record<TimeUnit, bigint>;

/** A count of `from` units in units of `to`, rounded down. */
export function convertUnit(value: bigint, from: TimeUnit, to: TimeUnit): bigint {
  const nanos = value * NANOS_PER[from];
  const per = NANOS_PER[to];
  const quotient = nanos / per;
  return nanos % per < 0n ? quotient - 1n : quotient;
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

export function uuidText(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw new Error(`expected a UUID, got ${shownValue(value)}`);
  return value;
}

export function uuidOfBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function bytesOfUuid(value: unknown): Uint8Array {
  return Buffer.from(uuidText(value).replaceAll('-', ''), 'hex');
}

export function durationOfBytes(bytes: Uint8Array): AvroDuration {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { months: view.getUint32(0, true), days: view.getUint32(4, true), milliseconds: view.getUint32(8, true) };
}

export function bytesOfDuration(value: unknown): Uint8Array {
  const parts = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const view = new DataView(new ArrayBuffer(12));
  for (const [i, name] of ['months', 'days', 'milliseconds'].entries()) {
    const part = parts[name];
    if (typeof part !== 'number' || part !== part >>> 0)
      throw new Error(
        `expected a duration { months, days, milliseconds } of unsigned 32-bit numbers, got ${shownValue(value)}`,
      );
    view.setUint32(i * 4, part, true);
  }
  return new Uint8Array(view.buffer);
}

/** A value for messages, short. */
export function shownValue(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  switch (typeof value) {
    case 'string':
      return `string ${JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)}`;
    case 'number':
    case 'bigint':
    case 'boolean':
      return `${typeof value} ${value}`;
    case 'object':
      return Array.isArray(value) ? 'an array' : value instanceof Uint8Array ? 'bytes' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}
