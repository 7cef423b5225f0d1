/** Contract: topics, settings, offsets of groups. */
import { describe, expect, it } from 'vitest';
import { ConfigError, RetryableError } from '../../../engine/model/errors.ts';
import { batch, type ContractWorld } from './contract-world.ts';

export function topicsContract(w: ContractWorld): void {
  describe('topics', () => {
    it('are created, found, enlarged and deleted; each again as well', async () => {
      const name = await w.topic('life', 2, { 'cleanup.policy': 'compact' });
      expect(await w.client.createTopic(name, 2, 1, {})).toBe('exists');
      const [found, ...others] = await w.client.topics([name, w.name('nobody')]);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ name, internal: false });
      expect(found!.leaders.length).toBe(2);
      expect(found!.leaders.every((leader) => leader >= 0)).toBe(true);
      for (let times = 0; times < 2; times++) await w.client.createPartitions(name, 5);
      expect((await w.client.topics([name]))[0]!.leaders.length).toBe(5);
      await expect(w.client.createPartitions(name, 3)).rejects.toThrow(ConfigError);
      expect((await w.client.topics(null)).map((topic) => topic.name)).toContain(name);
      for (let times = 0; times < 2; times++) await w.client.deleteTopic(name);
      await expect.poll(() => w.client.topics([name]), { timeout: 5_000 }).toEqual([]);
    });

    it('that cannot be are refused with what to change', async () => {
      const { client } = w;
      const name = w.name('refused');
      await expect(client.createTopic('no/such/name', 1, 1, {})).rejects.toThrow(ConfigError);
      await expect(client.createTopic(name, 1, 99, {})).rejects.toThrow(/REPLICATION_FACTOR/u);
      await expect(client.createTopic(name, 1, 1, { 'retention.ms': 'soon' })).rejects.toThrow(/INVALID_CONFIG/u);
      await expect(client.createTopic(name, 0, 1, {})).rejects.toThrow(ConfigError);
      expect(await client.topics([name])).toEqual([]);
    });

    it('that are missing are a ConfigError, soon', async () => {
      const { client } = w;
      const topic = w.name('missing');
      const at = { topic, partition: 0 };
      const options = { maxBytes: 1000, maxWaitMs: 10, isolation: 'read_committed' } as const;
      const producer = await client.producer();
      const beyond = { topic: await w.topic('one'), partition: 7 };
      const start = Date.now();
      const failures = await Promise.all([
        client.offsets([at], 'latest', 'read_committed').catch((error: unknown) => error),
        client.fetch([{ ...at, from: 0 }], options).catch((error: unknown) => error),
        producer.send([batch(topic, ['x'])], 'none').catch((error: unknown) => error),
        client.offsets([beyond], 'latest', 'read_committed').catch((error: unknown) => error),
      ]);
      for (const failure of failures) expect(failure).toBeInstanceOf(ConfigError);
      for (const failure of failures.slice(0, 3)) expect(String(failure)).toContain(topic);
      expect(String(failures[3])).toMatch(/has 1 partitions, and no 7/u);
      expect(Date.now() - start).toBeLessThan(6_000);
    });
  });

  it("tells a broker's settings", async () => {
    const { client } = w;
    expect(Number(await client.brokerSetting('transaction.max.timeout.ms'))).toBeGreaterThan(0);
    expect(await client.brokerSetting('no.such.setting')).toBe(null);
  });

  it('says which broker cannot be reached, when it has tried for long enough', async () => {
    const client = await w.open({ bootstrapServers: ['127.0.0.1:1'], retryForMs: 300 });
    const failure: unknown = await client.topics(null).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RetryableError);
    expect(String(failure)).toContain('127.0.0.1:1');
  });
}

export function groupsContract(w: ContractWorld): void {
  describe('groups', () => {
    it('keep offsets with their metadata, until they are deleted', async () => {
      const topic = await w.topic('group', 2);
      const group = w.name('group');
      const partitions = [0, 1].map((partition) => ({ topic, partition }));
      expect(await w.client.committed(group, partitions, true)).toEqual([null, null]);
      await w.client.commitOffsets(group, []);
      await w.client.commitOffsets(group, [{ topic, partition: 1, offset: 2 ** 40, metadata: 'ä: run 7' }]);
      expect(await w.client.committed(group, partitions, true)).toEqual([
        null,
        { topic, partition: 1, offset: 2 ** 40, metadata: 'ä: run 7' },
      ]);
      for (let times = 0; times < 2; times++) await w.client.deleteGroup(group);
      expect(await w.client.committed(group, partitions, false)).toEqual([null, null]);
    });
  });
}
