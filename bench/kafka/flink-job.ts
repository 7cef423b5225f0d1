/** Flink with its Kafka connector, from Maven Central, and the job beside this file compiled against it: once, kept in the cache folder. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce } from '../../test-local/servers/install/cache-folder.ts';
import { requireJava } from '../../test-local/servers/install/java.ts';
import { copyJars } from '../../test-local/servers/install/maven.ts';
import { findTool, runTool } from '../../test-local/servers/install/run-tool.ts';

const FLINK = '2.1.0';
/** The latest for Flink 2 that resolves; built for 2.0, whose API 2.1 keeps. */
const CONNECTOR = '4.0.1-2.0';
const SOURCE = fileURLToPath(new URL('flink/FlinkKafkaJob.java', import.meta.url));
const ARTIFACTS = [
  { group: 'org.apache.flink', artifact: 'flink-streaming-java', version: FLINK },
  { group: 'org.apache.flink', artifact: 'flink-clients', version: FLINK },
  { group: 'org.apache.flink', artifact: 'flink-connector-base', version: FLINK },
  { group: 'org.apache.flink', artifact: 'flink-connector-kafka', version: CONNECTOR },
  { group: 'org.slf4j', artifact: 'slf4j-nop', version: '1.7.36' },
];
/** Flink on Java 17 looks into them. */
const OPENED = ['util', 'lang', 'nio', 'time'].map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`);

export const FLINK_VERSION = `Flink ${FLINK}, flink-connector-kafka ${CONNECTOR}`;

export interface Program {
  readonly program: string;
  readonly args: readonly string[];
}

/** How the job is run, but for its own arguments. Throws an Error that says why it cannot be had. */
export async function flinkJob(heapMb: number, tell: (line: string) => void): Promise<Program> {
  await requireJava(tell);
  if (findTool('javac') === null) throw new Error('`javac` is not on the PATH: a JDK is needed');
  const source = readFileSync(SOURCE);
  const hash = createHash('sha256').update(source).update(JSON.stringify(ARTIFACTS)).digest('hex').slice(0, 12);
  const folder = await installOnce(`flink-kafka-bench-${hash}`, async (draft) => {
    tell('downloading Flink and its Kafka connector (100 MB), compiling the job');
    const [jars, classes] = [join(draft, 'jars'), join(draft, 'classes')];
    mkdirSync(jars);
    mkdirSync(classes);
    await copyJars(ARTIFACTS, jars, tell);
    await runTool('javac', ['-nowarn', '-d', classes, '-cp', join(jars, '*'), SOURCE]);
  });
  const classPath = [join(folder, 'classes'), join(folder, 'jars', '*')].join(delimiter);
  return { program: 'java', args: [`-Xmx${heapMb}m`, ...OPENED, '-cp', classPath, 'FlinkKafkaJob'] };
}
