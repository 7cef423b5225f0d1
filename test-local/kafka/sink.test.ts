/** The Kafka sink against real brokers: exactly once whatever dies when, as an independent client sees it. */
import { randomUUID } from 'node:crypto';
import { Partitioners } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliIo } from '../../engine/cli/cli-io.ts';
import { runCli } from '../../engine/cli/program.ts';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { KafkaSink } from '../../engine/connectors/kafka/index.ts';
import {
  byId,
  contextOf,
  EVENT_TIME_MS,
  publicationOf,
  type Row,
} from '../../engine/connectors/kafka/sink/sink-trial-fixture.ts';
import { ConfigError, FencedError, RetryableError, UnknownOutcomeError } from '../../engine/model/errors.ts';
import type { SinkPublisher } from '../../engine/ports/sink.ts';
import { useServer, type ServerName } from '../servers/index.ts';
import { readCommitted, type ReadRecord } from './independent-reader.ts';
import { openClient, sinkBuilderOn, SinkTrial } from './sink-trial.ts';

const RUNS = ['r00000000000001-a', 'r00000000000002-b'] as const;

describe.for<ServerName>(['kafka', 'kafka-3.9'])('%s', (server) => {
  let bootstrapServers = '';
  let client: KafkaClient;

  beforeAll(async () => {
    bootstrapServers = (await useServer(server)).settings['bootstrapServers']!;
    client = await openClient(bootstrapServers);
  });
  afterAll(() => client.close());

  async function newTopic(partitions = 3, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `sink-${randomUUID().slice(0, 8)}`;
    await client.createTopic(name, partitions, 1, configs);
    return name;
  }

  const newTrial = async (): Promise<SinkTrial> => {
    const trial = new SinkTrial(bootstrapServers, client, await newTopic());
    await trial.begin(RUNS[0]);
    return trial;
  };
  const builderOn = (topic: string) => sinkBuilderOn(bootstrapServers, topic);
  const values = (records: readonly ReadRecord[]): string[] => records.map(({ value }) => value!).toSorted();

  describe('at every step of a publication', () => {
    test('the process dies, and the next one repeats it', async () => {
      const trial = await newTrial();
      const steps = await trial.atEveryStep(async (at) => {
        const publication = trial.next();
        const dying = trial.process(at, async (process) => process.die());
        await dying.publish(publication);
        await trial.untilDone(trial.process(), publication);
        return dying;
      });
      expect(steps).toBe(12);
      expect(await trial.wrong()).toEqual([]);
    });

    test('the call fails or has an unknown outcome, and the same process repeats it', async () => {
      const trial = await newTrial();
      for (const error of [new RetryableError('no broker'), new UnknownOutcomeError('no answer')])
        await trial.atEveryStep(async (at) => {
          const failing = trial.process(at, async () => {
            throw error;
          });
          await trial.untilDone(failing, trial.next());
          return failing;
        });
      expect(await trial.wrong()).toEqual([]);
    });

    test('another process publishes this and a later epoch, and this one goes on late', async () => {
      const trial = await newTrial();
      await trial.atEveryStep(async (at) => {
        const publication = trial.next();
        const late = trial.process(at, async () => {
          const rival = trial.process();
          await trial.untilDone(rival, publication);
          await trial.untilDone(rival, trial.next());
        });
        await trial.untilDone(late, publication);
        return late;
      });
      expect(await trial.wrong()).toEqual([]);
    });

    test('a restore begins a new run while the old one lives: the old one is fenced', async () => {
      const trial = new SinkTrial(bootstrapServers, client, await newTopic());
      let runs = 1;
      await trial.begin(`r${String(runs).padStart(14, '0')}`);
      await trial.atEveryStep(async (at) => {
        const publication = trial.next();
        const old = trial.process(at, async () => {
          const restored = trial.process();
          await trial.untilDone(restored, publication);
          await trial.begin(`r${String(++runs).padStart(14, '0')}`, restored);
          await trial.untilDone(restored, trial.next());
        });
        if ((await old.publish(publication)) === null) expect(old.failure).toBeInstanceOf(FencedError);
        return old;
      });
      expect(await trial.wrong()).toEqual([]);
    });
  });

  test('a transaction that outlives its timeout is aborted by the brokers, and done again', async () => {
    const trial = await newTrial();
    let waited = false;
    const slow = trial
      .stepped(async (step) => {
        if (step !== 'before commit' || waited) return;
        waited = true;
        const until = Date.now() + 15_000;
        do await new Promise((resolve) => setTimeout(resolve, 100));
        while ((await trial.openTransactions()).length > 0 && Date.now() < until);
      })
      .setProperty('transaction.timeout.ms', '1000')
      .build();
    const publisher = await slow.publisher(contextOf());
    const publication = trial.next();
    let failure: unknown = null;
    const answer = await publisher.publish(publication).catch((thrown: unknown) => {
      failure = thrown;
      return null;
    });
    expect(waited).toBe(true);
    if (answer === null) {
      expect(failure).toBeInstanceOf(RetryableError);
      expect(await publisher.publish(publication)).toBe('published');
    }
    await publisher.close();
    expect(await trial.wrong()).toEqual([]);
  });

  describe('the marker', () => {
    const cli = async (args: readonly string[]): Promise<{ code: number; out: string }> => {
      let out = '';
      const write = (text: string): void => void (out += text);
      const io: CliIo = {
        stdout: { write },
        stderr: { write },
        stdin: (async function* () {})(),
        env: {},
        nowMs: () => 0,
        onInterrupt: () => () => undefined,
      };
      return { code: await runCli(args, io), out };
    };

    test.for(['yes', 'no'] as const)('its group is deleted: a question, answered with %s', async (answer) => {
      const trial = await newTrial();
      const process = trial.process();
      await trial.untilDone(process, trial.next());
      await client.deleteGroup(`${trial.topic}-0`);
      const publication = trial.next();
      expect(await process.publish(publication)).toBeNull();
      expect(process.failure).toBeInstanceOf(ConfigError);
      const command = String(process.failure)
        .split('\n')
        .find((line) => line.includes(`--published ${answer} `))!
        .replace(/^.*millrace /, '')
        .replace('--bootstrap-server …', `--bootstrap-server ${bootstrapServers}`);
      const { code, out } = await cli(command.split(' '));
      expect(out).toContain('Start the job again');
      expect(code).toBe(0);
      expect(await process.publish(publication)).toBe(answer === 'yes' ? 'already' : 'published');
      if (answer === 'yes') trial.expected.splice(-6);
      expect(await trial.wrong()).toEqual([]);
    });

    test('an answer for another job changes nothing', async () => {
      const trial = await newTrial();
      const { code, out } = await cli(
        `marker kafka --published yes --group ${trial.topic}-0 --topic ${trial.topic} --job other --sink out --run r00000000000009-x --epoch 9 --bootstrap-server ${bootstrapServers}`.split(
          ' ',
        ),
      );
      expect([code, out]).toEqual([2, expect.stringContaining('belongs to job "job", sink "out"')]);
      await trial.untilDone(trial.process(), trial.next());
      expect(await trial.wrong()).toEqual([]);
    });

    test('is refreshed while idle, and says the same', async () => {
      const topic = await newTopic();
      const clock = contextOf().clock as ReturnType<typeof contextOf>['clock'] & { ms: number };
      const publisher: SinkPublisher = await builderOn(topic)
        .build()
        .publisher({ ...contextOf(), clock });
      await publisher.stamp(RUNS[0], 4, 0);
      const marker = async () => {
        const [found] = await client.committed(`${topic}-0`, [{ topic, partition: 0 }], true);
        return JSON.parse(found!.metadata) as { epoch: number; writtenMs: number };
      };
      clock.ms += 86_400_000;
      await publisher.refresh!();
      expect(await marker()).toMatchObject({ epoch: 4, run: RUNS[0], writtenMs: 86_400_000 });
      await publisher.close();
    });

    test('check kafka goes through every step, in a topic of its own and in a given one', async () => {
      const topic = await newTopic(1);
      for (const args of [[], ['--topic', topic, '--client', 'kafkajs']]) {
        const { code, out } = await cli(['check', 'kafka', '--bootstrap-server', bootstrapServers, ...args]);
        expect(out).not.toContain('FAILED');
        expect(out).toContain('the first one is refused');
        expect(out).toContain('These brokers can take an EXACTLY_ONCE sink.');
        expect(code).toBe(0);
      }
      expect(await readCommitted(bootstrapServers, topic)).toEqual([]);
    });

    test('check kafka says which step failed', async () => {
      const property = ['--property', 'transaction.timeout.ms=86400000'];
      const { code, out } = await cli(['check', 'kafka', '--bootstrap-server', bootstrapServers, ...property]);
      expect(out).toMatch(/FAILED {2}transaction timeout: transaction.timeout.ms is 86400000, and the brokers allow/);
      expect(code).toBe(2);
    });
  });

  test('fewer slots than before, and a zombie of a slot that is no longer used', async () => {
    const trial = await newTrial();
    const publisher = await builderOn(trial.topic).build().publisher(contextOf());
    for (let slot = 0; slot < 8; slot++) await publisher.stamp(RUNS[0], 0, slot);
    const epochs = Array.from({ length: 8 }, (_, slot) => trial.next(slot));
    for (const each of epochs) expect(await publisher.publish(each)).toBe('published');
    for (const slot of [0, 1]) expect(await publisher.publish(trial.next(slot))).toBe('published');
    const zombie = await builderOn(trial.topic).build().publisher(contextOf());
    expect(await zombie.publish(epochs[7]!)).toBe('already');
    expect(await publisher.publish(trial.next(7))).toBe('published');
    await zombie.close();
    await publisher.close();
    expect(await trial.wrong()).toEqual([]);
  });

  test('two jobs with one prefix: the second is refused, the first goes on', async () => {
    const trial = await newTrial();
    const other = contextOf(undefined, 'other-job');
    const sink = builderOn(trial.topic).build();
    await expect(sink.validate(other)).rejects.toThrow(/in use by job "job", sink "out"/);
    const intruder = await sink.publisher(other);
    await expect(intruder.stamp(RUNS[1], 0, 0)).rejects.toThrow(ConfigError);
    await intruder.close();
    await trial.untilDone(trial.process(), trial.next());
    expect(await trial.wrong()).toEqual([]);
  });

  describe('records', () => {
    test('keys, headers, time and compression come through; keys land where other clients put them', async () => {
      const topic = await newTopic(7);
      const rows = Array.from({ length: 200 }, (_, i) => ({ id: `kéy-${i}` }));
      const sink = KafkaSink.builder()
        .setBootstrapServers(bootstrapServers)
        .setTransactionalIdPrefix(topic)
        .setProperty('compression.type', 'gzip')
        .setRecordSerializer<Row>({ ...byId, topic, headers: ({ id }) => ({ id, fixed: 'ü' }) })
        .build();
      const publisher = await sink.publisher(contextOf());
      await publisher.stamp(RUNS[0], 0, 0);
      await publisher.publish(publicationOf(sink, rows, { run: RUNS[0], epoch: 1 }));
      await publisher.close();
      const read = await readCommitted(bootstrapServers, topic);
      const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({ partitionId, leader: 1 })) as never;
      const partitioner = Partitioners.DefaultPartitioner();
      expect(read).toHaveLength(200);
      for (const { key, partition } of read)
        expect(partition, key!).toBe(partitioner({ topic, partitionMetadata, message: { key, value: null } }));
      for (const { value, headers, timestamp } of read)
        expect([headers, timestamp]).toEqual([{ id: value, fixed: 'ü' }, EVENT_TIME_MS]);
    });

    test('AT_LEAST_ONCE: a repeat by another process writes again', async () => {
      const topic = await newTopic();
      const sink = builderOn(topic).setDeliveryGuarantee('AT_LEAST_ONCE').build();
      await sink.validate(contextOf());
      const publication = publicationOf(sink, [{ id: 'a' }], { run: RUNS[0], epoch: 1 });
      for (let i = 0; i < 2; i++) {
        const publisher = await sink.publisher(contextOf());
        expect(await publisher.publish(publication)).toBe('published');
        expect(await publisher.publish(publication)).toBe('already');
        await publisher.close();
      }
      expect(values(await readCommitted(bootstrapServers, topic))).toEqual(['a', 'a']);
      expect((await client.listTransactions()).filter((t) => t.transactionalId.startsWith(topic))).toEqual([]);
    });

    test('one that the topic does not take is named; when it takes it, the epoch goes on', async () => {
      const topic = await newTopic(1, { 'max.message.bytes': '2000' });
      const sink = builderOn(topic).build();
      const publisher = await sink.publisher(contextOf());
      await publisher.stamp(RUNS[0], 0, 0);
      const rows = [{ id: 'a' }, { id: 'b'.repeat(5000) }, { id: 'c' }];
      const publication = publicationOf(sink, rows, { run: RUNS[0], epoch: 1 });
      await expect(publisher.publish(publication)).rejects.toThrow(
        /record 1 of the epoch, 10\d\d\d bytes, is larger than topic/,
      );
      expect((await client.listTransactions()).filter(({ state }) => state === 'Ongoing')).toEqual([]);
      await publisher.close();
      expect(await readCommitted(bootstrapServers, topic)).toEqual([]);
    });

    test('a topic that a row names is waited for', async () => {
      const [markers, late] = [await newTopic(1), `late-${randomUUID().slice(0, 8)}`];
      const sink = builderOn(markers)
        .setMarkerTopic(markers)
        .setRecordSerializer<Row>({ ...byId, topic: () => late })
        .build();
      await sink.validate(contextOf());
      const publisher = await sink.publisher(contextOf());
      await publisher.stamp(RUNS[0], 0, 0);
      const publication = publicationOf(sink, [{ id: 'a' }], { run: RUNS[0], epoch: 1 });
      await expect(publisher.publish(publication)).rejects.toThrow(RetryableError);
      await client.createTopic(late, 2, 1, {});
      expect(await publisher.publish(publication)).toBe('published');
      await publisher.close();
      expect(values(await readCommitted(bootstrapServers, late))).toEqual(['a']);
    });
  });
});
