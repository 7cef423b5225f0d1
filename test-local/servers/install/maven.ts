/** Artifacts by Maven, through whatever repositories this machine's Maven is configured for. One Maven at a time: it does not share its store. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../file-lock.ts';
import type { Tell } from '../recipe.ts';
import { cacheFolder } from './cache-folder.ts';
import { requireMaven } from './java.ts';
import { runTool } from './run-tool.ts';

const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';

export interface Artifact {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
}

/** Jars of these artifacts and of all that they need at run time. */
export async function copyJars(artifacts: readonly Artifact[], folder: string, tell: Tell): Promise<void> {
  const dependencies = artifacts.map(
    ({ group, artifact, version }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  const pom = join(folder, 'pom.xml');
  writeFileSync(
    pom,
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
      `<groupId>millrace</groupId><artifactId>server</artifactId><version>1</version><dependencies>${dependencies.join('')}</dependencies></project>`,
  );
  await maven(
    ['-f', pom, `${PLUGIN}:copy-dependencies`, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime'],
    tell,
  );
}

/** One file: `group:artifact:version:packaging:classifier`. */
export async function copyArtifact(coordinates: string, folder: string, tell: Tell): Promise<void> {
  await maven([`${PLUGIN}:copy`, `-Dartifact=${coordinates}`, `-DoutputDirectory=${folder}`], tell);
}

async function maven(args: readonly string[], tell: Tell): Promise<void> {
  await requireMaven(tell);
  await withLock(
    join(cacheFolder(), 'maven.lock'),
    async () => await runTool('mvn', ['-q', '-B', ...args], { cwd: cacheFolder() }),
  );
}
