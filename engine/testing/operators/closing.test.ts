/** Functions whose close() throws: a retry is not stopped by it, and a job that has finished says which operator it was. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeyedProcessFunction } from '../../api/functions.ts';
import { runInMemory } from '../run-in-memory.ts';

let failures = 0;
let closes = 0;
let closesThatThrow = 0;

class Fragile extends KeyedProcessFunction<string, number, number> {
  processElement(n: number, _ctx: unknown, out: { collect(n: number): void }): void {
    if (failures-- > 0) throw new Error('transient');
    out.collect(n);
  }
  override close(): void {
    if (++closes <= closesThatThrow) throw new Error('cannot close');
  }
}

const warnings: Error[] = [];
const warned = (warning: Error): void => void warnings.push(warning);
beforeEach(() => {
  failures = closes = 0;
  warnings.length = 0;
  process.on('warning', warned);
});
afterEach(() => void process.off('warning', warned));

const job = async (): Promise<unknown[]> => {
  const run = await runInMemory(({ env, sink }) => {
    const keyed = env.fromData(1, 2).keyBy(() => 'k');
    keyed.process(new Fragile()).name('fragile').sinkTo(sink('out'));
    keyed.process(new Fragile()).name('other').sinkTo(sink('other'));
  });
  return run.values('out');
};

test('does not stop the next attempt, and is told', async () => {
  failures = 1;
  closesThatThrow = 1;
  expect(await job()).toEqual([1, 2]);
  await new Promise((resolve) => void setImmediate(resolve));
  const [warning] = warnings.filter(({ name }) => name === 'MillraceNotice');
  expect(warning?.message).toMatch(
    /could not be closed after a failed attempt.*operator "fragile", in close: cannot close/,
  );
});

test('at the end of the job names the operator, when all others are closed', async () => {
  closesThatThrow = 1;
  await expect(job()).rejects.toThrow(/operator "fragile", in close: cannot close/);
  expect(closes).toBe(2);
});
