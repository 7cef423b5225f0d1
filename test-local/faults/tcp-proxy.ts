/**
 * A server behind a connection that can be stopped at any request, before the server has it or after it has done the work, and then goes on, breaks, or
 * delivers late what a dead client had sent. Nothing of it is by time: whoever stops a connection says when it goes on.
 *
 *     const stop = proxy.stopAt({ request: 'EndTxn', when: 'after' });
 *     await stop.reached;             // done by the broker; the client has no answer
 *     process.kill('SIGKILL');
 *     stop.lose();
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a protocol looks like from outside: `kafka-wire.ts`, `sql-wire.ts`. */
export interface Wire {
  /** Bytes of the first whole message; 0: it is not whole yet. `first`: nothing came before it in this direction. */
  requestLength(bytes: Buffer, first: boolean): number;
  answerLength(bytes: Buffer): number;
  /** "Produce", "COMMIT", …; empty: it belongs to the one before. */
  nameOf(request: Buffer, first: boolean): string;
  /** What ties an answer to its request; null: it answers the last one. */
  idOf(message: Buffer, from: 'client' | 'server'): number | null;
  /** The server's own address in an answer, which clients would go to. */
  redirect(answer: Buffer, name: string, from: Address, to: Address): Buffer;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface StopAt {
  readonly request: string | RegExp;
  /** The server has it, or has answered it. */
  readonly when: 'before' | 'after';
  /** Counted from now on; the first when left out. */
  readonly nth?: number;
}

export interface Stop {
  readonly reached: Promise<void>;
  readonly isReached: boolean;
  /** As if nothing had been. */
  release(): void;
  /** The request never arrives, or its answer; the connection breaks. */
  lose(): void;
  /** The server never gets the request; its client gets this answer. */
  answer(bytes: Buffer): void;
  /** Of a request that was stopped before: the server gets it now, whether its client lives or not. Its answer. */
  deliver(): Promise<Buffer>;
}

type Verdict = 'pass' | 'lose' | Buffer;

class HeldRequest implements Stop {
  readonly reached: Promise<void>;
  isReached = false;
  left: number;
  readonly at: StopAt;
  /** Once it is reached. */
  passage: Passage | null = null;
  readonly verdict: Promise<Verdict>;
  #decide!: (verdict: Verdict) => void;
  #reach!: () => void;

  constructor(at: StopAt) {
    this.at = at;
    this.left = at.nth ?? 1;
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.verdict = new Promise((resolve) => (this.#decide = resolve));
  }

  hold(passage: Passage): void {
    this.passage = passage;
    this.isReached = true;
    this.#reach();
  }
  release(): void {
    this.#decide('pass');
  }
  lose(): void {
    this.#decide('lose');
  }
  answer(bytes: Buffer): void {
    this.#decide(bytes);
  }
  async deliver(): Promise<Buffer> {
    const answer = this.passage!.nextAnswer();
    this.release();
    return await answer;
  }
}

export class TcpProxy {
  readonly wire: Wire;
  readonly server: Address;
  readonly #listener: Server;
  readonly #passages = new Set<Passage>();
  #stops: HeldRequest[] = [];
  #refusing = false;

  private constructor(server: Address, wire: Wire) {
    this.server = server;
    this.wire = wire;
    this.#listener = createServer((client) => this.#join(client));
  }

  static async before(server: Address, wire: Wire): Promise<TcpProxy> {
    const proxy = new TcpProxy(server, wire);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, server.host, resolve));
    return proxy;
  }

  get address(): Address {
    return { host: this.server.host, port: (this.#listener.address() as AddressInfo).port };
  }

  /** Once. */
  stopAt(at: StopAt): Stop {
    const stop = new HeldRequest(at);
    this.#stops.push(stop);
    return stop;
  }

  /** Breaks what is connected and takes no more, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    for (const passage of this.#passages) passage.end();
  }
  accept(): void {
    this.#refusing = false;
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop.lose();
    this.refuse();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  /** Asked by each connection for each request and each answer. */
  async pass(name: string, when: StopAt['when'], passage: Passage): Promise<Verdict> {
    const matching = this.#stops.filter(({ at }) => at.when === when && isNamed(name, at.request));
    for (const stop of matching) stop.left -= 1;
    const stop = matching.find(({ left }) => left === 0);
    if (stop === undefined) return 'pass';
    this.#stops = this.#stops.filter((other) => other !== stop);
    stop.hold(passage);
    return await stop.verdict;
  }

  #join(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const passage = new Passage(client, this, () => this.#passages.delete(passage));
    this.#passages.add(passage);
  }
}

const isNamed = (name: string, request: string | RegExp): boolean =>
  typeof request === 'string' ? name === request : request.test(name);

/** One client's connection. Each direction goes on only when its message before has passed. */
class Passage {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #proxy: TcpProxy;
  readonly #ended: () => void;
  /** Names of requests without an answer, by id. */
  readonly #asked = new Map<number, string>();
  #lastAsked = '';
  #toServer: Promise<void> = Promise.resolve();
  #toClient: Promise<void> = Promise.resolve();
  #clientGone = false;
  #holds = 0;
  #listeners: ((answer: Buffer) => void)[] = [];

  constructor(client: Socket, proxy: TcpProxy, ended: () => void) {
    this.#client = client;
    this.#proxy = proxy;
    this.#ended = ended;
    this.#server = connect(proxy.server.port, proxy.server.host);
    const { wire } = proxy;
    onMessages(
      client,
      (bytes, first) => wire.requestLength(bytes, first),
      (request, first) => {
        this.#toServer = this.#toServer.then(async () => await this.#request(request, first));
      },
    );
    onMessages(
      this.#server,
      (bytes) => wire.answerLength(bytes),
      (answer) => {
        this.#toClient = this.#toClient.then(async () => await this.#answer(answer));
      },
    );
    client.on('error', () => this.#leave()).on('close', () => this.#leave());
    this.#server.on('error', () => this.end()).on('close', () => this.end());
  }

  nextAnswer(): Promise<Buffer> {
    return new Promise((resolve) => this.#listeners.push(resolve));
  }

  end(): void {
    this.#client.destroy();
    this.#server.destroy();
    this.#ended();
  }

  /** The client is gone; what it had sent may still be on its way. */
  #leave(): void {
    this.#clientGone = true;
    if (this.#holds === 0) this.end();
  }

  async #request(request: Buffer, first: boolean): Promise<void> {
    const { wire } = this.#proxy;
    const name = wire.nameOf(request, first);
    const verdict = await this.#held(name, 'before');
    if (verdict === 'lose') return this.end();
    if (typeof verdict !== 'string') return void this.#client.write(verdict);
    const id = wire.idOf(request, 'client');
    if (name !== '') this.#lastAsked = name;
    if (id !== null) this.#asked.set(id, name);
    this.#server.write(request);
  }

  async #answer(answer: Buffer): Promise<void> {
    const { wire, server, address } = this.#proxy;
    const id = wire.idOf(answer, 'server');
    const name = id === null ? this.#lastAsked : (this.#asked.get(id) ?? '');
    if (id !== null) this.#asked.delete(id);
    else this.#lastAsked = '';
    if ((await this.#held(name, 'after')) === 'lose') return this.end();
    for (const listener of this.#listeners.splice(0)) listener(answer);
    if (this.#clientGone) this.end();
    else this.#client.write(wire.redirect(answer, name, server, address));
  }

  async #held(name: string, when: StopAt['when']): Promise<Verdict> {
    this.#holds++;
    const verdict = await this.#proxy.pass(name, when, this);
    this.#holds--;
    return verdict;
  }
}

function onMessages(
  socket: Socket,
  lengthOf: (bytes: Buffer, first: boolean) => number,
  take: (message: Buffer, first: boolean) => void,
): void {
  let held: Buffer = Buffer.alloc(0);
  let first = true;
  socket.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      const length = held.length === 0 ? 0 : lengthOf(held, first);
      if (length === 0 || length > held.length) return;
      take(Buffer.from(held.subarray(0, length)), first);
      held = held.subarray(length);
      first = false;
    }
  });
}
