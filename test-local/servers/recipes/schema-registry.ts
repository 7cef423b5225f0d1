/** Apicurio Registry from its Maven artifact, schemas in memory; Confluent's API under `/apis/ccompat/v7`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, installOnce } from '../install/cache-folder.ts';
import { requireJava } from '../install/java.ts';
import { copyArtifact } from '../install/maven.ts';
import { runTool } from '../install/run-tool.ts';
import type { Instance, Recipe } from '../recipe.ts';
import { ServerUnavailableError } from '../server.ts';

const HOST = '127.0.0.1';
// 3.x needs Java 21.
const VERSION = '2.6.13.Final';
const FOLDER = `apicurio-${VERSION}`;
const JVM = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];

export const schemaRegistry: Recipe = {
  portNames: () => ['http'],
  async install(tell) {
    await requireJava(tell);
    await installOnce(FOLDER, async (folder) => {
      tell(`Schema registry: downloading Apicurio ${VERSION} (142 MB) to ${join(cacheFolder(), FOLDER)}`);
      await copyArtifact(`io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`, folder, tell);
      const archive = readdirSync(folder).find((name) => name.endsWith('.tar.gz'));
      if (archive === undefined)
        throw new ServerUnavailableError(`Maven copied no archive of Apicurio ${VERSION} to ${folder}.`);
      await runTool('tar', ['-xzf', archive], { cwd: folder });
      await runTool('rm', [archive], { cwd: folder });
    });
  },
  async prepare({ ports, options }) {
    const folder = join(cacheFolder(), FOLDER);
    const runner =
      readdirSync(folder).find((name) => name.endsWith('-runner.jar')) ?? 'apicurio-registry-app-runner.jar';
    const properties = { 'quarkus.http.host': HOST, 'quarkus.http.port': String(ports['http']), ...options.properties };
    const flags = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
    return { program: 'java', args: [...JVM, ...flags, '-jar', join(folder, runner)] };
  },
  settings: (instance) => ({ url: address(instance) }),
  async isReady(instance) {
    return await fetch(`${address(instance)}/subjects`).then(
      async (response) => await response.text().then(() => response.ok),
      () => false,
    );
  },
  stopSignal: 'SIGTERM',
};

const address = ({ ports }: Instance): string => `http://${HOST}:${ports['http']}/apis/ccompat/v7`;
