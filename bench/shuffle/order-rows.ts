/** The orders of ../shared/oracle/gen_orders.py in memory: the same numbers, as lines, as lazy rows, and as plain objects. */
import { DECODE_SLACK_BYTES } from '../../engine/formats/decoder.ts';
import { JsonSchemaFormat } from '../../engine/formats/json-schema-lines.ts';
import { schema, t } from '../../engine/formats/schema.ts';
import { BATCH_ROWS } from '../../engine/model/limits.ts';
import type { SourceBatch } from '../../engine/model/source-batch.ts';
import { valuesBatch } from '../../engine/operators/collection-source.ts';
import { ExchangeBatch } from '../../engine/operators/exchange-batch.ts';

export interface Order {
  readonly customer_id: string;
  readonly amount: number;
  readonly status: string;
  readonly event_ts: number;
}

const ORDER = schema({ customer_id: t.string(), amount: t.number(), status: t.string(), event_ts: t.timestamp() });
const STATUS = ['COMPLETED', 'COMPLETED', 'PENDING', 'CANCELLED'];
const START_MS = 1_704_096_000_000;
const OUT_OF_ORDER_MS = 5000;

export function orderLines(rows: number): string[] {
  const lines: string[] = [];
  let x = 42n;
  for (let i = 0; i < rows; i++) {
    x = (x * 6364136223846793005n + 1442695040888963407n) & 0x7fffffffffffffffn;
    const r = Number((x >> 20n) & 0xfffffffffn);
    const ms = START_MS + i * 4 - (r % 2 === 1 ? r % 5000 : 0);
    const pad = (n: number, width: number): string => String(Math.floor(n)).padStart(width, '0');
    const at = new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
    lines.push(
      `{"order_id":"ord-${pad(i, 10)}","customer_id":"cust-${pad((r / 16) % 10_000, 5)}","product_id":"prod-${pad((r / 256) % 5000, 4)}",` +
        `"amount":${Math.floor(r / 8) % 3000}.${pad((r / 32) % 100, 2)},"status":"${STATUS[Math.floor(r / 16_384) % 4]}","currency":"USD","event_ts":"${at}"}`,
    );
  }
  return lines;
}

/** Lazy rows of the lines, as a source hands them on. */
export function lazyBatches(lines: readonly string[]): ExchangeBatch[] {
  const text = `${lines.join('\n')}\n`;
  const bytes = Buffer.alloc(text.length + DECODE_SLACK_BYTES);
  bytes.write(text, 'latin1');
  const decoder = new JsonSchemaFormat(ORDER).lineDecoder();
  const batches: ExchangeBatch[] = [];
  let latest = -Infinity;
  for (let at = 0; at < text.length;) {
    const source = decoder.decode(bytes, at, text.length, 0, BATCH_ROWS);
    at = source.end;
    const times = source.cols!.numbers[3]!;
    latest = stamped(batches, source, (i) => times[i]!, latest);
  }
  return batches;
}

/** The same rows as plain objects. */
export function valueBatches(lines: readonly string[]): ExchangeBatch[] {
  const batches: ExchangeBatch[] = [];
  let latest = -Infinity;
  for (let at = 0; at < lines.length; at += BATCH_ROWS) {
    const orders = lines.slice(at, at + BATCH_ROWS).map((line): Order => {
      const { customer_id, amount, status, event_ts } = JSON.parse(line) as Record<keyof Order, never>;
      return { customer_id, amount, status, event_ts: Date.parse(`${event_ts as string}Z`) };
    });
    latest = stamped(batches, valuesBatch(orders, at), (i) => orders[i]!.event_ts, latest);
    const batch = batches.at(-1)!;
    orders.forEach((order, j) => {
      batch.values[j] = order;
      batch.keys[j] = order.customer_id;
    });
  }
  return batches;
}

function stamped(batches: ExchangeBatch[], source: SourceBatch, time: (i: number) => number, latest: number): number {
  const batch = new ExchangeBatch(BATCH_ROWS);
  batch.source = source;
  batch.lazy = source.row !== null;
  batch.n = source.n;
  batch.split = 'orders';
  for (let i = 0; i < source.n; i++) {
    batch.index[i] = i;
    batch.ts[i] = time(i);
    batch.wm[i] = Math.max(latest, START_MS - 1) - OUT_OF_ORDER_MS;
    latest = Math.max(latest, time(i));
  }
  batches.push(batch);
  return latest;
}
