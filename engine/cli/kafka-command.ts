/** `millrace check kafka` and `millrace marker kafka`: tries the brokers, and answers a sink's question. */
import { randomBytes } from 'node:crypto';
import type { KafkaClient } from '../connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties, withoutEffectNotice } from '../connectors/kafka/connection-properties.ts';
import { readPropertiesFile } from '../connectors/kafka/properties-file.ts';
import { checkExactlyOnce } from '../connectors/kafka/sink/check-exactly-once.ts';
import {
  producerSettingsOf,
  SINK_PROPERTIES,
  type ProducerSettings,
} from '../connectors/kafka/sink/producer-properties.ts';
import { setMarker } from '../connectors/kafka/sink/set-marker.ts';
import { ConfigError } from '../model/errors.ts';
import type { CliIo } from './cli-io.ts';

export interface KafkaOptions {
  readonly bootstrapServer?: string;
  readonly commandConfig?: string;
  /** `name=value`. */
  readonly property: readonly string[];
  readonly client?: string;
}

export interface CheckKafkaOptions extends KafkaOptions {
  readonly topic?: string;
  readonly prefix: string;
}

/** Says a line a step; throws what failed. */
export async function checkKafka(options: CheckKafkaOptions, io: CliIo): Promise<void> {
  await withClient(options, io, async (client, settings) => {
    await checkExactlyOnce(client, {
      topic: options.topic ?? null,
      transactionalIdPrefix: options.prefix,
      settings,
      word: randomBytes(4).toString('hex'),
      nowMs: () => Date.now(),
      say: (line) => io.stdout.write(`${line}\n`),
    });
    io.stdout.write('These brokers can take an EXACTLY_ONCE sink.\n');
  });
}

export interface MarkerOptions extends KafkaOptions {
  readonly published: 'yes' | 'no';
  readonly group: string;
  readonly topic: string;
  readonly job: string;
  readonly sink: string;
  readonly run: string;
  readonly epoch: number;
}

/** As checkpoint/run-ids.ts makes them. */
const RUN_ID = /^r\d{14}-./;

/** The answer to a sink's question: the epoch counts as published from now on, or as not published. */
export async function answerMarker(options: MarkerOptions, io: CliIo): Promise<void> {
  const { published, group, topic, job, sink, run } = options;
  // A marker of a run that sorts after all real ones could never be set back.
  if (!RUN_ID.test(run))
    throw new ConfigError(`--run ${run}: no run has such an id. Copy it from the question that the sink stopped with.`);
  const epoch = published === 'yes' ? options.epoch : options.epoch - 1;
  await withClient(options, io, async (client, settings) => {
    const marker = { job, sink, run, epoch, writtenMs: Date.now() };
    await setMarker(client, group, topic, marker, settings.transactionTimeoutMs);
    io.stdout.write(
      `Group "${group}" now says epoch ${epoch} of run ${run}: epoch ${options.epoch} ${published === 'yes' ? 'counts as published' : 'will be published'}. Start the job again.\n`,
    );
  });
}

async function withClient(
  options: KafkaOptions,
  io: CliIo,
  use: (client: KafkaClient, settings: ProducerSettings) => Promise<void>,
): Promise<void> {
  const properties = propertiesOf(options);
  const { connection, withoutEffect } = connectionOfProperties(properties, {
    readElsewhere: SINK_PROPERTIES,
    clientId: 'millrace-cli',
    ...(options.client === undefined ? {} : { client: libraryOf(options.client) }),
  });
  const notice = withoutEffectNotice(withoutEffect);
  if (notice !== null) io.stderr.write(`${notice}\n`);
  const settings = producerSettingsOf(properties);
  const client = await openKafkaClient(connection);
  try {
    await use(client, settings);
  } finally {
    await client.close();
  }
}

function propertiesOf({ bootstrapServer, commandConfig, property }: KafkaOptions): Readonly<Record<string, string>> {
  const properties: Record<string, string> = {
    ...(commandConfig === undefined ? {} : readPropertiesFile(commandConfig)),
    ...(bootstrapServer === undefined ? {} : { 'bootstrap.servers': bootstrapServer }),
  };
  for (const assignment of property) {
    const at = assignment.indexOf('=');
    if (at < 1) throw new ConfigError(`--property ${assignment}: write --property name=value.`);
    properties[assignment.slice(0, at)] = assignment.slice(at + 1);
  }
  return properties;
}

function libraryOf(name: string): 'platformatic' | 'kafkajs' {
  if (name === 'platformatic' || name === 'kafkajs') return name;
  throw new ConfigError(`--client ${name}: it is platformatic or kafkajs.`);
}
