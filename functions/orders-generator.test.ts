import { expect, it } from 'vitest';
import { LATENESS_MS, ordersGenerator } from './orders-generator.ts';

it('makes the same order for the same seed and index, whatever was asked before', () => {
  const orders = ordersGenerator(42);
  const later = ordersGenerator(42);
  expect(later(7)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map(orders).at(-1));
  expect(ordersGenerator(43)(7)).not.toEqual(later(7));
});

it('makes half of the orders completed, and some of them late, none later than promised', () => {
  const orders = Array.from({ length: 20_000 }, (_, i) => ordersGenerator(42)(i));
  const completed = orders.filter((order) => order.status === 'COMPLETED').length;
  expect(completed / orders.length).toBeCloseTo(0.5, 1);
  let newest = -Infinity;
  let late = 0;
  for (const order of orders) {
    expect(order.event_ts).toBeGreaterThan(newest - LATENESS_MS - 1);
    if (order.event_ts < newest) late++;
    newest = Math.max(newest, order.event_ts);
  }
  expect(late).toBeGreaterThan(5_000);
  expect(new Set(orders.map((order) => order.customer_id)).size).toBe(1_000);
});
