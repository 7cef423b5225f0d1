/** The yardstick: the orders job as a bare loop with JSON.parse per line, no engine, no epochs, output kept in memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { Checksum } from './checksum.ts';
import { parseTimestamp } from '../../engine/index.ts';

interface Order {
  readonly customer_id: string;
  readonly amount: number;
  readonly status: string;
  readonly event_ts: string;
}

const HOUR_MS = 3_600_000;

export function bareLoop(file: string): { rows: number; checksum: string } {
  const windows = new Map<string, Map<number, { cents: number; count: number }>>();
  let rows = 0;
  const fd = openSync(file, 'r');
  const buffer = Buffer.allocUnsafe(262_144 + 65_536);
  let kept = 0;
  for (;;) {
    const n = readSync(fd, buffer, kept, 262_144, null);
    if (n === 0) break;
    const end = buffer.lastIndexOf(10, kept + n - 1) + 1;
    for (let p = 0; p < end;) {
      const q = buffer.indexOf(10, p);
      const order = JSON.parse(buffer.toString('latin1', p, q)) as Order;
      p = q + 1;
      rows++;
      if (order.status !== 'COMPLETED') continue;
      const ts = parseTimestamp(order.event_ts);
      const start = ts - (ts % HOUR_MS);
      let byStart = windows.get(order.customer_id);
      if (byStart === undefined) windows.set(order.customer_id, (byStart = new Map()));
      const total = byStart.get(start);
      if (total === undefined) byStart.set(start, { cents: Math.round(order.amount * 100), count: 1 });
      else {
        total.cents += Math.round(order.amount * 100);
        total.count++;
      }
    }
    buffer.copyWithin(0, end, kept + n);
    kept = kept + n - end;
  }
  closeSync(fd);
  const checksum = new Checksum();
  for (const [customer_id, byStart] of windows) {
    for (const [window_start, { cents, count }] of byStart)
      checksum.add(JSON.stringify({ window_start, customer_id, cents, count }));
  }
  return { rows, checksum: checksum.text() };
}
