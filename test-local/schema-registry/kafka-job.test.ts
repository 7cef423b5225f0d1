/**
 * A job from Kafka to Kafka with Avro and a registry: the writer's schema changes in the middle of the topic, some messages are poison, processes
 * die; the output is there once, and each poison message in the dead letters.
 */
import { randomUUID } from 'node:crypto';
import avsc from 'avsc';
import { Kafka, logLevel } from 'kafkajs';
import { beforeAll, expect, it } from 'vitest';
import { KafkaSink } from '../../engine/connectors/kafka/sink/kafka-sink.ts';
import { KafkaSource } from '../../engine/connectors/kafka/source/kafka-source.ts';
import { OffsetsInitializer } from '../../engine/connectors/kafka/source/offsets-initializer.ts';
import {
  ConfluentRegistryAvroDeserializationSchema,
  ConfluentRegistryAvroSerializationSchema,
  schema,
  t,
  topicNameSubject,
  type AvroSchema,
} from '../../engine/connectors/schema-registry/index.ts';
import type { DeadLetter } from '../../engine/model/bad-record.ts';
import { runInMemory } from '../../engine/testing/run-in-memory.ts';
import { WatermarkStrategy } from '../../engine/time/watermark-strategy.ts';
import { useServer } from '../servers/index.ts';

const v1 = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
  ],
} as const;
const v2 = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'coupon', type: ['null', 'string'], default: null },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
    { name: 'id', type: 'long' },
  ],
} as const;
const totals = {
  type: 'record',
  name: 'Total',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
    { name: 'coupon', type: 'string' },
  ],
} as const;

let url = '';
let bootstrapServers = '';
beforeAll(async () => {
  const [registry, kafka] = await Promise.all([useServer('schema-registry'), useServer('kafka')]);
  url = registry.settings['url']!;
  bootstrapServers = kafka.settings['bootstrapServers']!;
});

it('evolution in the middle of a topic, poison, crashes', async () => {
  const [input, output] = [`avro-in-${randomUUID()}`, `avro-out-${randomUUID()}`];
  const { good, poison } = await fill(input, output);

  const run = await runInMemory(
    ({ env, sink }) => {
      env
        .fromSource(ordersOf(input), WatermarkStrategy.noWatermarks(), 'orders')
        .uid('orders')
        .map(({ id, price, coupon }) => ({ id, price, coupon: coupon ?? 'none' }))
        .sinkTo(totalsTo(output))
        .uid('totals');
      env.deadLetters().sinkTo(sink('letters'));
    },
    { rowsPerEpoch: 5, crashAfter: [12, 25] },
  );

  expect(run.crashes).toHaveLength(2);
  const written = await avroValues(output);
  expect(written.map(({ id }) => id)).toEqual(good.map(({ id }) => id));
  expect(written[3]).toEqual({ id: 3, price: Buffer.from([0x03, 0xe8]), coupon: 'none' });
  expect(await readRows(output)).toEqual(good);
  const letters = run.values('letters') as readonly DeadLetter[];
  expect(new Set(letters.map(({ position }) => position))).toEqual(new Set(poison.keys()));
  for (const { position, error, split } of letters) {
    expect(error).toMatch(poison.get(position)!);
    expect(split).toBe(`orders/${input}-0`);
  }
});

const ordersOf = (topic: string) =>
  KafkaSource.builder()
    .setBootstrapServers(bootstrapServers)
    .setTopics(topic)
    .setBounded(OffsetsInitializer.latest())
    .setValueOnlyDeserializer(ConfluentRegistryAvroDeserializationSchema.forGeneric(v2, url))
    .build();

const totalsTo = (topic: string) =>
  KafkaSink.builder()
    .setBootstrapServers(bootstrapServers)
    .setTransactionalIdPrefix(topic)
    .setRecordSerializer({
      topic,
      value: ConfluentRegistryAvroSerializationSchema.forGeneric(topicNameSubject(topic), totals, url),
    })
    .build();

interface Total {
  readonly id: number;
  readonly price: string;
  readonly coupon: string;
}

/** Orders by both schemas, with poison between them; the rows that are to come out, and the poison's offsets with what is said of it. */
async function fill(input: string, output: string): Promise<{ good: Total[]; poison: Map<number, RegExp> }> {
  const subject = topicNameSubject(input);
  const [old, now] = [await encoderOf(subject, v1), await encoderOf(subject, v2)];
  const messages: Uint8Array[] = [];
  const good: Total[] = [];
  const poison = new Map<number, RegExp>();
  const addPoison = (value: Uint8Array, error: RegExp): void => {
    poison.set(messages.push(value) - 1, error);
  };
  for (let id = 0; id < 20; id++) {
    const price = `${10 + id - 3}.00`;
    const coupon = id % 2 === 0 && id >= 10 ? `c${id}` : 'none';
    messages.push(
      id < 10 ? old.encode({ id, price }) : now.encode({ id, price, coupon: coupon === 'none' ? null : coupon }),
    );
    good.push({ id, price, coupon });
    if (id === 4)
      addPoison(Buffer.from('{"id":4}'), /not in the schema registry's wire format: it begins with byte 0x7b/);
    if (id === 9)
      addPoison(
        old.encode({ id, price }).subarray(0, 6),
        /Avro schema id \d+ \(record Order of subject avro-in-.*\) of http.*: field "price": the bytes end/,
      );
    if (id === 15)
      addPoison(Uint8Array.of(0, 0x7f, 0, 0, 0, 2), /Avro schema id 2130706432 of http.* is not in the registry/);
  }
  await produce(input, output, messages);
  return { good, poison };
}

async function encoderOf(subject: string, avro: AvroSchema) {
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric<object>(subject, avro, url);
  await encoder.open();
  return encoder;
}

async function produce(input: string, output: string, values: readonly Uint8Array[]): Promise<void> {
  const kafka = new Kafka({ clientId: 'avro-test', brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [input, output].map((topic) => ({ topic, numPartitions: 1 })),
    waitForLeaders: true,
  });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: input, messages: values.map((value) => ({ value: Buffer.from(value) })) });
  await producer.disconnect();
}

/** What the topic holds, decoded by avsc with the schema that the registry has for it. */
async function avroValues(topic: string): Promise<readonly { readonly id: number }[]> {
  const source = KafkaSource.builder()
    .setBootstrapServers(bootstrapServers)
    .setTopics(topic)
    .setBounded(OffsetsInitializer.latest())
    .setDeserializer(({ value }) => Buffer.from(value!).toString('hex'))
    .build();
  const run = await runInMemory(({ env, sink }) => {
    env.fromSource(source, WatermarkStrategy.noWatermarks(), 'raw').sinkTo(sink('raw'));
  });
  const values = run.values('raw').map((hex) => Buffer.from(hex as string, 'hex'));
  const id = values[0]!.readUInt32BE(1);
  const { schema: text } = (await (await fetch(`${url}/schemas/ids/${id}`)).json()) as { readonly schema: string };
  const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema);
  return values.map((value) => ({ ...(type.fromBuffer(value.subarray(5)) as { readonly id: number }) }));
}

async function readRows(topic: string): Promise<unknown[]> {
  const rows = schema({ id: t.int(), price: t.string(), coupon: t.string() });
  const source = KafkaSource.builder()
    .setBootstrapServers(bootstrapServers)
    .setTopics(topic)
    .setBounded(OffsetsInitializer.latest())
    .setValueOnlyDeserializer(ConfluentRegistryAvroDeserializationSchema.forSpecific(rows, url))
    .build();
  const run = await runInMemory(({ env, sink }) => {
    env.fromSource(source, WatermarkStrategy.noWatermarks(), 'rows').sinkTo(sink('rows'));
  });
  return run.values('rows');
}
