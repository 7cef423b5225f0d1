/** Contract: transactions. What is committed shows, what is aborted never does, and nothing of an older producer comes through. */
import { describe, expect, it } from 'vitest';
import type { TransactionalProducer } from '../../../engine/connectors/kafka/client/kafka-client.ts';
import { ConfigError, FencedError, RetryableError } from '../../../engine/model/errors.ts';
import { batch, type ContractWorld } from './contract-world.ts';
import { RawRequests } from './raw-requests.ts';

const TIMEOUT_MS = 60_000;

export function transactionsContract(w: ContractWorld): void {
  describe('transactions', () => {
    it('show when committed, never when aborted; an open one holds back what comes after it', async () => {
      const topic = await w.topic('txn', 2);
      const one = await w.client.transactionalProducer(w.name('one'), TIMEOUT_MS);
      const two = await w.client.transactionalProducer(w.name('two'), TIMEOUT_MS);
      await one.send([batch(topic, ['a', 'b']), batch(topic, ['a1'], 1)], 'lz4');
      await one.send([batch(topic, ['c'])], 'none');
      expect(await w.read(topic)).toEqual([]);
      expect(await w.read(topic, 'read_uncommitted')).toEqual(['a', 'b', 'c']);
      await one.commit();
      await one.send([batch(topic, ['aborted'])], 'gzip');
      await two.send([batch(topic, ['open'])], 'none');
      await one.abort();
      await one.send([batch(topic, ['d'])], 'none');
      await one.commit();
      expect(await w.read(topic)).toEqual(['a', 'b', 'c']);
      const { lastStableOffset, highWatermark } = await w.fetchOne({ topic, partition: 0 }, 0);
      expect(lastStableOffset).toBeLessThan(highWatermark);
      await two.commit();
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['a', 'b', 'c', 'open', 'd']);
      expect(await w.read(topic, 'read_committed', 1)).toEqual(['a1']);
      expect(await w.read(topic, 'read_uncommitted')).toEqual(['a', 'b', 'c', 'aborted', 'open', 'd']);
    });

    it('without content are nothing; what is ended is ended', async () => {
      const id = w.name('empty');
      const producer = await w.client.transactionalProducer(id, TIMEOUT_MS);
      await producer.commit();
      await producer.abort();
      const topic = await w.topic('after-empty');
      await producer.send([batch(topic, ['x'])], 'none');
      await producer.commit();
      await producer.commit();
      await producer.abort();
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['x']);
      await producer.close();
      await expect(producer.send([batch(topic, ['y'])], 'none')).rejects.toThrow(/closed/u);
    });

    it('one after the other, at once', async () => {
      const topic = await w.topic('series');
      const producer = await w.client.transactionalProducer(w.name('series'), TIMEOUT_MS);
      const values = Array.from({ length: 20 }, (_, i) => `${i}`);
      for (const value of values) {
        await producer.send([batch(topic, [value])], 'none');
        await producer.commit();
      }
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(values);
    });
  });
}

export function transactionOffsetsContract(w: ContractWorld): void {
  describe('transactions', () => {
    it('carry offsets of a group, which show with them', async () => {
      const topic = await w.topic('offsets');
      const group = w.name('offsets');
      const at = [{ topic, partition: 0 }];
      const offset = (n: number): { topic: string; partition: number; offset: number; metadata: string } => ({
        ...at[0]!,
        offset: n,
        metadata: `epoch ${n}`,
      });
      const producer = await w.client.transactionalProducer(w.name('offsets'), TIMEOUT_MS);
      await producer.sendOffsets(group, [offset(7)]);
      await producer.send([batch(topic, ['x'])], 'none');
      expect(await w.client.committed(group, at, false)).toEqual([null]);
      await producer.commit();
      expect(await w.client.committed(group, at, true)).toEqual([offset(7)]);
      await producer.send([batch(topic, ['y'])], 'none');
      await producer.sendOffsets(group, [offset(8)]);
      const impatient = await w.open({ retryForMs: 200 });
      await expect(impatient.committed(group, at, true)).rejects.toThrow(/UNSTABLE_OFFSET_COMMIT/u);
      const waiting = w.client.committed(group, at, true);
      await producer.abort();
      expect(await waiting).toEqual([offset(7)]);
    });

    it('are listed while they are open', async () => {
      const topic = await w.topic('listed');
      const id = w.name('listed');
      const stateOf = async (): Promise<string | undefined> =>
        (await w.client.listTransactions()).find(({ transactionalId }) => transactionalId === id)?.state;
      const producer = await w.client.transactionalProducer(id, TIMEOUT_MS);
      expect(await stateOf()).toBe('Empty');
      await producer.send([batch(topic, ['x'])], 'none');
      expect(await stateOf()).toBe('Ongoing');
      await producer.commit();
      await expect.poll(stateOf).toMatch(/^(?:Empty|CompleteCommit)$/u);
    });
  });
}

export function failedTransactionsContract(w: ContractWorld): void {
  describe('transactions', () => {
    it('longer than brokers allow are refused', async () => {
      const refused = w.client.transactionalProducer(w.name('long'), 2 ** 30);
      await expect(refused).rejects.toThrow(ConfigError);
      await expect(refused).rejects.toThrow(/transaction\.max\.timeout\.ms/u);
    });

    it('whose send failed are not committed', async () => {
      const topic = await w.topic('failed', 1, { 'max.message.bytes': '3000' });
      const producer = await w.client.transactionalProducer(w.name('failed'), TIMEOUT_MS);
      await producer.send([batch(topic, ['a'])], 'none');
      await expect(producer.send([batch(topic, ['x'.repeat(4000)])], 'none')).rejects.toThrow(ConfigError);
      await expect(producer.commit()).rejects.toThrow(RetryableError);
      await producer.abort();
      await producer.send([batch(topic, ['b'])], 'none');
      await producer.commit();
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['b']);
    });

    it('that were refused before they began are aborted, and the producer goes on', async () => {
      const topic = await w.topic('refused');
      const missing = w.name('missing');
      const producer = await w.client.transactionalProducer(w.name('refused'), TIMEOUT_MS);
      await producer.send([batch(topic, [])], 'none');
      await producer.sendOffsets(w.name('refused'), []);
      await producer.commit();
      const refused = producer.send([batch(topic, ['never']), batch(missing, ['x'])], 'none');
      await expect(refused).rejects.toThrow(ConfigError);
      await expect(refused).rejects.toThrow(missing);
      await producer.abort();
      await producer.send([batch(topic, ['x'])], 'none');
      await producer.commit();
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['x']);
    });
  });
}

export function expiredTransactionsContract(w: ContractWorld): void {
  it('transactions that were open for too long are aborted by the broker, and that is not taken for a newer producer', async () => {
    const topic = await w.topic('expired');
    const ends: Record<string, (producer: TransactionalProducer) => Promise<void>> = {
      commit: (producer) => producer.commit(),
      send: (producer) => producer.send([batch(topic, ['late'])], 'none'),
    };
    await Promise.all(
      Object.entries(ends).map(async ([name, act]) => {
        const id = w.name(`expired-${name}`);
        const producer = await w.client.transactionalProducer(id, 1_000);
        await producer.send([batch(topic, ['expires'])], 'none');
        const stateOf = async (): Promise<string | undefined> =>
          (await w.client.listTransactions()).find(({ transactionalId }) => transactionalId === id)?.state;
        await expect.poll(stateOf, { timeout: 10_000, interval: 100 }).toBe('CompleteAbort');
        const failure: unknown = await act(producer).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(RetryableError);
        expect(String(failure)).toMatch(/aborted by the broker.*transaction\.timeout\.ms is 1000/u);
        await producer.abort();
        await expect(producer.commit()).rejects.toThrow(RetryableError);
        const again = await w.client.transactionalProducer(id, 60_000);
        await again.send([batch(topic, [`again ${name}`])], 'none');
        await again.commit();
      }),
    );
    await w.settled(topic);
    expect((await w.read(topic)).toSorted()).toEqual(['again commit', 'again send']);
  });
}

export function fencingContract(w: ContractWorld): void {
  describe('fencing', () => {
    it('a newer producer aborts what the older left open, and stops it, whatever it does', async () => {
      const topic = await w.topic('fence');
      const steps: Record<string, (old: TransactionalProducer) => Promise<void>> = {
        commit: (old) => old.commit(),
        send: (old) => old.send([batch(topic, ['late'])], 'none'),
        sendOffsets: (old) => old.sendOffsets(w.name('g'), [{ topic, partition: 0, offset: 1, metadata: '' }]),
      };
      for (const [step, act] of Object.entries(steps)) {
        const id = w.name(`fence-${step}`);
        const old = await w.client.transactionalProducer(id, TIMEOUT_MS);
        await old.send([batch(topic, [`old ${step}`])], 'none');
        const other = await w.open();
        const young = await other.transactionalProducer(id, TIMEOUT_MS);
        await young.send([batch(topic, [`young ${step}`])], 'none');
        await expect(act(old)).rejects.toThrow(FencedError);
        await expect(act(old)).rejects.toThrow(FencedError);
        await old.abort();
        await young.commit();
      }
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['young commit', 'young send', 'young sendOffsets']);
    });

    it('an older producer that had nothing open is stopped as well, and does not stop the newer', async () => {
      const topic = await w.topic('idle');
      const id = w.name('idle');
      const old = await w.client.transactionalProducer(id, TIMEOUT_MS);
      const young = await w.client.transactionalProducer(id, TIMEOUT_MS);
      await expect(old.send([batch(topic, ['late'])], 'none')).rejects.toThrow(FencedError);
      await young.send([batch(topic, ['x'])], 'none');
      await young.commit();
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['x']);
    });
  });
}

export function zombiesContract(w: ContractWorld): void {
  it('requests of a committed transaction that arrive late neither open nor end one', async () => {
    const topic = await w.topic('zombie');
    const id = w.name('zombie');
    const raw = await RawRequests.to(w.address);
    try {
      for (const end of ['commit', 'abort'] as const) {
        const producer = await w.client.transactionalProducer(id, TIMEOUT_MS);
        await producer.send([batch(topic, [end])], 'none');
        const zombie = await raw.identity(id);
        expect(zombie.state).toBe('Ongoing');
        await producer[end]();
        expect(await raw.addPartition(zombie, topic)).toMatch(/FENCED|EPOCH/u);
        expect(await raw.produce(zombie, topic, 'late', 1)).not.toBe('ok');
        expect(await raw.end(zombie, true)).not.toBe('ok');
        await producer.send([batch(topic, [`after ${end}`])], 'none');
        expect(await raw.end(zombie, true)).not.toBe('ok');
        expect(await raw.produce(zombie, topic, 'later', 1)).not.toBe('ok');
        await producer.commit();
      }
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['commit', 'after commit', 'after abort']);
    } finally {
      await raw.close();
    }
  });
}
