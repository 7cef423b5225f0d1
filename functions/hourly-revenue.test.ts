/** The guide's job, embedded: exact sums per customer and hour, whatever the parallelism. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRows } from './flight-report.ts';
import { job, type HourlyRevenue } from './hourly-revenue.ts';
import { ordersGenerator } from './orders-generator.ts';

const ORDERS = 30_000;

it.each([1, 4])('sums the completed orders per customer and hour, parallelism %i', async (parallelism) => {
  const output = await mkdtemp(join(tmpdir(), 'hourly-revenue-'));
  try {
    const env = job.instantiate({ orders: String(ORDERS), output });
    env.setParallelism(parallelism);
    const result = await env.execute();
    expect(result.counts).toMatchObject({ recordsIn: ORDERS });

    const expected = new Map<string, { orders: number; revenue_cents: number }>();
    for (let i = 0; i < ORDERS; i++) {
      const order = ordersGenerator(42)(i);
      if (order.status !== 'COMPLETED') continue;
      const key = `${order.customer_id} ${new Date(order.event_ts).toISOString().slice(0, 13)}`;
      const { orders, revenue_cents } = expected.get(key) ?? { orders: 0, revenue_cents: 0 };
      expected.set(key, { orders: orders + 1, revenue_cents: revenue_cents + order.amount_cents });
    }
    const rows = await readRows<HourlyRevenue>(output);
    expect(rows).toHaveLength(expected.size);
    for (const row of rows) {
      expect(row).toMatchObject(expected.get(`${row.customer_id} ${row.window_start.slice(0, 13)}`)!);
      expect(row.segment).toBe(row.customer_id.endsWith('0') ? 'business' : 'consumer');
    }
  } finally {
    await rm(output, { recursive: true });
  }
});
