/** Servers for the examples of a page (`<!-- servers: … -->`): those of the test run, and in PostgreSQL a database of the page's own. */
import pg from 'pg';
import { openKafkaClient } from '../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../engine/connectors/kafka/connection-properties.ts';
import { useServer, type Settings } from './servers/index.ts';

export interface PageServers {
  /** What the page's blocks find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Output with the addresses that the page's examples have without the environment. */
  asShown(output: string): string;
}

export async function openPageServers(page: string, names: readonly string[]): Promise<PageServers> {
  const env: Record<string, string> = {};
  const shown: [address: string, instead: string][] = [];
  for (const name of names) {
    if (name === 'kafka') {
      const { settings } = await useServer(name);
      env['KAFKA'] = settings['bootstrapServers']!;
      shown.push([env['KAFKA'], 'localhost:9092']);
    } else if (name === 'schema-registry') {
      const { settings } = await useServer(name);
      env['REGISTRY'] = settings['url']!;
      shown.push([env['REGISTRY'], 'http://localhost:8081']);
    } else if (name === 'postgres') {
      const { settings } = await useServer(name);
      Object.assign(env, await databaseOf(page, settings));
      shown.push([`${env['PGHOST']}:${env['PGPORT']}/${env['PGDATABASE']}`, 'localhost:5432/shop']);
    } else throw new Error(`${page}: there is no server "${name}" for examples`);
  }
  return {
    env,
    asShown: (output) => shown.reduce((text, [address, instead]) => text.replaceAll(address, instead), output),
  };
}

const NEW_TOPIC = /^kafka-topics\.sh .*--create --topic ([\w.-]+) --partitions (\d+)$/;
const NO_GROUP = /^kafka-consumer-groups\.sh .*--delete --group ([\w.-]+)$/;

/** Does what these commands of Kafka's own tools would do. */
export async function runKafkaTools(commands: string, { env }: PageServers): Promise<void> {
  const client = await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': env['KAFKA']! }).connection);
  try {
    for (const line of commands.trim().split('\n')) {
      const [, topic, partitions] = NEW_TOPIC.exec(line) ?? [];
      const [, group] = NO_GROUP.exec(line) ?? [];
      if (topic !== undefined) await client.createTopic(topic, Number(partitions), -1, {});
      else if (group !== undefined) await client.deleteGroup(group);
      else throw new Error(`neither a new topic nor the end of a group: ${line}`);
    }
  } finally {
    await client.close();
  }
}

export async function runSql(statements: string, { env }: PageServers): Promise<void> {
  await withClient(env['PGDATABASE']!, env, (client) => client.query(statements));
}

/** The variables that psql and `pg` know, and what a JDBC URL is made of. */
async function databaseOf(page: string, settings: Settings): Promise<Readonly<Record<string, string>>> {
  const { host, port, user, password, database } = settings;
  const name = `docs_${page.replaceAll(/\W/g, '_')}`;
  const env = { PGHOST: host!, PGPORT: port!, PGUSER: user!, PGPASSWORD: password!, PGDATABASE: name };
  await withClient(database!, env, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name}`);
    await client.query(`CREATE DATABASE ${name}`);
  });
  return { ...env, DB_URL: `jdbc:postgresql://${host}:${port}/${name}`, DB_USER: user!, DB_PASSWORD: password! };
}

async function withClient(
  database: string,
  env: Readonly<Record<string, string>>,
  use: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const { PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password } = env;
  const client = new pg.Client({ host: host!, port: Number(port), user: user!, password: password!, database });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
