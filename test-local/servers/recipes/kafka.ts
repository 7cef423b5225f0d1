/** Apache Kafka from its Maven artifacts: one node that is broker and controller (KRaft), plain text on the loopback interface. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheFolder, installOnce } from '../install/cache-folder.ts';
import { requireJava } from '../install/java.ts';
import { copyJars } from '../install/maven.ts';
import { runTool } from '../install/run-tool.ts';
import type { Command, Instance, Recipe } from '../recipe.ts';
import type { ServerOptions, Settings } from '../server.ts';

const HOST = '127.0.0.1';
const HEAP = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-Djava.awt.headless=true'];
/** 2.3 instead of 3.7 CPU seconds until the broker is ready. */
const QUICK = ['-XX:TieredStopAtLevel=1'];
const LOGGING = ['-Dorg.slf4j.simpleLogger.showDateTime=true', '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS'];
const FORMAT_JVM = [
  '-Xmx128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

export function kafka(version: string): Recipe {
  const jars = (): string => join(cacheFolder(), `kafka-${version}`);
  return {
    portNames: (options) => ['broker', 'controller', ...Object.keys(options.listeners ?? {})],
    async install(tell) {
      await requireJava(tell);
      await installOnce(`kafka-${version}`, async (folder) => {
        tell(`Kafka ${version}: downloading (45 MB) to ${jars()}`);
        await copyJars(artifacts(version), folder, tell);
      });
    },
    async prepare(instance) {
      const config = join(instance.folder, 'server.properties');
      writeFileSync(config, propertiesText({ ...serverProperties(instance), ...instance.options.properties }));
      const classPath = classPathOf(jars());
      if (!existsSync(join(instance.folder, 'log', 'meta.properties')))
        await format(classPath, config, instance.options);
      return {
        program: 'java',
        args: [
          ...HEAP,
          ...(instance.options.quickStart === true ? QUICK : []),
          ...LOGGING,
          '-cp',
          classPath,
          'kafka.Kafka',
          config,
        ],
      } satisfies Command;
    },
    settings: addresses,
    isReady: async (_, log) => log.includes('Kafka Server started'),
    stopSignal: 'SIGTERM',
  };
}

const artifacts = (version: string): Parameters<typeof copyJars>[0] => [
  { group: 'org.apache.kafka', artifact: 'kafka_2.13', version },
  { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
];

/** Sorted, so that two starts are alike. */
const classPathOf = (folder: string): string =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.jar'))
    .toSorted()
    .map((file) => join(folder, file))
    .join(delimiter);

async function format(classPath: string, config: string, { scram = [] }: ServerOptions): Promise<void> {
  // 16 bytes in base64; one that begins with "-" would be taken for an option.
  const cluster = `M${randomBytes(16).toString('base64url').slice(1)}`;
  const users = scram.flatMap((user) => ['--add-scram', user]);
  await runTool('java', [
    ...FORMAT_JVM,
    '-cp',
    classPath,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    cluster,
    '-c',
    config,
    ...users,
  ]);
}

function addresses({ ports, options }: Instance): Settings {
  const settings: Record<string, string> = { bootstrapServers: `${HOST}:${ports['broker']}` };
  for (const name of Object.keys(options.listeners ?? {}))
    settings[`bootstrapServers.${name}`] = `${HOST}:${ports[name]}`;
  return settings;
}

function serverProperties({ folder, ports, options }: Instance): Record<string, string> {
  const extra = Object.entries(options.listeners ?? {});
  const own = [`PLAINTEXT://${HOST}:${ports['broker']}`, ...extra.map(([name]) => `${name}://${HOST}:${ports[name]}`)];
  const protocols = [
    'PLAINTEXT:PLAINTEXT',
    'CONTROLLER:PLAINTEXT',
    ...extra.map(([name, protocol]) => `${name}:${protocol}`),
  ];
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${HOST}:${ports['controller']}`,
    listeners: [...own, `CONTROLLER://${HOST}:${ports['controller']}`].join(','),
    'advertised.listeners': own.join(','),
    'listener.security.protocol.map': protocols.join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'log'),
    ...SINGLE_NODE,
    ...SESSION,
    ...SMALL,
    ...TRANSACTIONS,
  };
}

const SINGLE_NODE = {
  'auto.create.topics.enable': 'false',
  'default.replication.factor': '1',
  'group.initial.rebalance.delay.ms': '0',
  'min.insync.replicas': '1',
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
};

/** A broker that was killed may register again when its session has expired: after 2 s instead of 9. */
const SESSION = {
  'broker.heartbeat.interval.ms': '200',
  'broker.session.timeout.ms': '2000',
};

const SMALL = {
  'log.cleaner.backoff.ms': '1000',
  'log.cleaner.dedupe.buffer.size': '8388608',
  'log.retention.check.interval.ms': '1000',
  'log.segment.bytes': '134217728',
  'message.max.bytes': '10485760',
  'num.io.threads': '4',
  'num.network.threads': '2',
  'num.recovery.threads.per.data.dir': '1',
};

/** Abandoned transactions are aborted within about a second of their timeout, instead of ten. */
const TRANSACTIONS = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
  'transaction.max.timeout.ms': '3600000',
};

/** As java.util.Properties reads it: a backslash starts an escape. */
const propertiesText = (properties: Readonly<Record<string, string>>): string =>
  Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
    .join('');
