/** The servers of the matrix: those that all cases share, and those that may be killed, one of a kind, used by one case after the other. */
import { startOwn, useServer, type OwnServer, type RunningServer, type ServerName } from '../servers/index.ts';

/** A broker whose offsets expire within a minute, the shortest that Kafka takes. */
export const SHORT_RETENTION = { 'offsets.retention.minutes': '1', 'offsets.retention.check.interval.ms': '1000' };

export class FaultServers {
  readonly #mortal = new Map<string, Promise<OwnServer>>();

  async shared(name: ServerName): Promise<RunningServer> {
    return await useServer(name);
  }

  async mortal(name: ServerName, properties: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
    const key = `${name} ${JSON.stringify(properties)}`;
    const known = this.#mortal.get(key) ?? startOwn(name, { properties });
    this.#mortal.set(key, known);
    return await known;
  }

  async close(): Promise<void> {
    for (const server of this.#mortal.values()) await (await server).stop();
    this.#mortal.clear();
  }
}
