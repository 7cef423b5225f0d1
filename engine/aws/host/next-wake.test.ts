import { expect, test } from 'vitest';
import type { Manifest } from '../../checkpoint/records.ts';
import { Duration, StreamExecutionEnvironment, WatermarkStrategy } from '../../index.ts';
import { TestSink, TestSource } from '../../testing/index.ts';
import { nextWakeMs } from './next-wake.ts';

const NOW = 1_000_000;
const TICK = 60_000;

function graph(idlenessMs: number | null) {
  const env = new StreamExecutionEnvironment();
  const strategy = WatermarkStrategy.forMonotonousTimestamps<number>();
  env
    .fromSource(
      new TestSource<number>(),
      idlenessMs === null ? strategy : strategy.withIdleness(Duration.ofMillis(idlenessMs)),
      'numbers',
    )
    .uid('numbers')
    .sinkTo(new TestSink<number>());
  return env.toJobGraph();
}

const manifest = (timer: number | null, idleSince: number | null = null, more: object = {}): Manifest =>
  ({
    clock: NOW - 1_000,
    nextTimers: { eventTime: 5, processingTime: timer },
    ranges: [{ id: 'numbers/0', from: 0, to: 1, state: { idleSince, ended: false, ...more } }],
  }) as unknown as Manifest;

test('the next tick, where nothing is due before it', () => {
  expect(nextWakeMs(graph(null), null, NOW, TICK)).toBe(TICK);
  expect(nextWakeMs(graph(null), manifest(null), NOW, TICK)).toBe(TICK);
  expect(nextWakeMs(graph(null), manifest(NOW + TICK + 1), NOW, TICK)).toBe(TICK);
});

test('the first timer in processing time', () => {
  expect(nextWakeMs(graph(null), manifest(NOW + 5_000), NOW, TICK)).toBe(5_000);
  expect(nextWakeMs(graph(null), manifest(NOW - 5_000), NOW, TICK)).toBe(0);
});

test('the moment when a split becomes idle, once', () => {
  const idle = graph(10_000);
  expect(nextWakeMs(idle, manifest(null, NOW - 4_000), NOW, TICK)).toBe(6_000);
  expect(nextWakeMs(idle, manifest(null), NOW, TICK), 'it had input').toBe(TICK);
  expect(nextWakeMs(idle, manifest(null, NOW - 20_000), NOW, TICK), 'told by the last epoch').toBe(TICK);
  expect(nextWakeMs(idle, manifest(null, NOW - 4_000, { ended: true }), NOW, TICK)).toBe(TICK);
  expect(nextWakeMs(graph(null), manifest(null, NOW - 4_000), NOW, TICK), 'no split is ever idle').toBe(TICK);
});
