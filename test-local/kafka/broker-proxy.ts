/**
 * A broker behind a connection that fails: answers get lost after the broker has done the work, connections go silent. The broker's own address in
 * metadata and coordinator answers is replaced by the proxy's, so that clients stay behind it.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Request types by their key in the protocol. */
export const API = {
  produce: 0,
  fetch: 1,
  metadata: 3,
  txnOffsetCommit: 28,
  createTopics: 19,
  deleteTopics: 20,
  initProducerId: 22,
  addPartitionsToTxn: 24,
  endTxn: 26,
} as const;

export class BrokerProxy {
  readonly #broker: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #frozen = new WeakSet<Socket>();
  readonly #toLose = new Map<number, number>();
  #refusing = false;

  private constructor(address: string) {
    const colon = address.lastIndexOf(':');
    this.#broker = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    this.#server = createServer((client) => this.#join(client));
  }

  static async before(address: string): Promise<BrokerProxy> {
    const proxy = new BrokerProxy(address);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The next answers of this kind never arrive: the connection breaks instead. */
  loseAnswers(api: number, count = 1): void {
    this.#toLose.set(api, count);
  }
  /** How many of them are still to be lost. */
  left(api: number): number {
    return this.#toLose.get(api) ?? 0;
  }
  /** Nothing fails any more. */
  heal(): void {
    this.#toLose.clear();
    this.#refusing = false;
  }
  /** The connections of now say nothing any more, and stay open. New ones work. */
  freeze(): void {
    for (const socket of this.#sockets) this.#frozen.add(socket);
  }
  /** Breaks all connections; with `refusing`, new ones as well, until `heal`. */
  breakConnections(refusing = false): void {
    this.#refusing = refusing;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.breakConnections(true);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const broker = connect(this.#broker.port, this.#broker.host);
    /** By correlation id. */
    const asked = new Map<number, number>();
    const end = (): void => {
      client.destroy();
      broker.destroy();
      this.#sockets.delete(client);
    };
    this.#sockets.add(client);
    for (const socket of [client, broker]) socket.on('error', end).on('close', end);
    onFrames(client, (frame) => {
      if (this.#frozen.has(client)) return;
      asked.set(frame.readInt32BE(8), frame.readInt16BE(4));
      broker.write(frame);
    });
    onFrames(broker, (frame) => {
      const api = asked.get(frame.readInt32BE(4)) ?? -1;
      const toLose = this.left(api);
      if (this.#frozen.has(client)) return;
      if (toLose > 0) {
        this.#toLose.set(api, toLose - 1);
        end();
      } else client.write(this.#withOwnAddress(frame));
    });
  }

  #withOwnAddress(frame: Buffer): Buffer {
    const theirs = hostAndPort(this.#broker.host, this.#broker.port);
    const ours = hostAndPort(this.#broker.host, this.port);
    for (let at = frame.indexOf(theirs); at >= 0; at = frame.indexOf(theirs, at + 1)) ours.copy(frame, at);
    return frame;
  }
}

/** As answers hold it: the host, then the port as INT32. */
function hostAndPort(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(host.length + 4);
  bytes.write(host);
  bytes.writeInt32BE(port, host.length);
  return bytes;
}

/** Frames of the protocol: INT32 length, then so many bytes. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0);
      take(Buffer.from(held.subarray(0, end)));
      held = held.subarray(end);
    }
  });
}
