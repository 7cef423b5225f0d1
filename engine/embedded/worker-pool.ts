/**
 * Worker threads for fanned-out epochs, one per subtask index, for the life of the job, and spares for one that is slow or has died (out of
 * memory, process.exit): a new thread reads its state from the segments that the plan names.
 */
import { Worker } from 'node:worker_threads';
import {
  ConfigError,
  CorruptionError,
  FencedError,
  InvariantError,
  RetryableError,
  UserCodeError,
} from '../model/errors.ts';
import { AttemptFailure } from '../runtime/epoch-runner.ts';
import type { PeerPool, SubtaskPeer } from '../runtime/fan-out/subtask-peer.ts';
import type { Answer, Call, CallName, FailureMessage, WorkerSetup } from './worker-messages.ts';

export class WorkerPool implements PeerPool {
  private readonly setup: Omit<WorkerSetup, 'index'>;
  private readonly threads = new Map<number, WorkerThread>();
  private readonly spares = new Set<WorkerThread>();

  constructor(setup: Omit<WorkerSetup, 'index'>) {
    this.setup = setup;
  }

  /** Starts the worker, if it does not run: it loads the engine and builds the job while others work. */
  prepare(index: number): void {
    this.thread(index);
  }

  async peer(index: number): Promise<SubtaskPeer> {
    const thread = this.thread(index);
    await thread.ready;
    return thread;
  }

  async spare(index: number): Promise<SubtaskPeer> {
    const thread = new WorkerThread({ ...this.setup, index });
    this.spares.add(thread);
    await thread.ready;
    return thread;
  }

  keep(index: number, spare: SubtaskPeer): void {
    const thread = [...this.spares].find((each) => each === spare);
    if (thread === undefined) return;
    this.spares.delete(thread);
    this.threads.set(index, thread);
  }

  release(index: number, peer: SubtaskPeer): void {
    const thread = [...this.spares, ...this.threads.values()].find((each) => each === peer);
    if (thread === undefined) return;
    this.spares.delete(thread);
    if (this.threads.get(index) === thread) this.threads.delete(index);
    void thread.terminate();
  }

  async close(): Promise<void> {
    await Promise.all([...this.threads.values(), ...this.spares].map((thread) => thread.terminate()));
    this.threads.clear();
    this.spares.clear();
  }

  private thread(index: number): WorkerThread {
    let thread = this.threads.get(index);
    if (thread === undefined || thread.dead) {
      thread = new WorkerThread({ ...this.setup, index });
      this.threads.set(index, thread);
    }
    return thread;
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (thrown: unknown) => void;
}

class WorkerThread implements SubtaskPeer {
  dead = false;
  readonly ready: Promise<unknown>;
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  private readonly index: number;

  constructor(setup: WorkerSetup) {
    this.index = setup.index;
    const suffix = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    this.worker = new Worker(new URL(`./worker-main${suffix}`, import.meta.url), { workerData: setup });
    this.ready = new Promise((resolve, reject) => this.pending.set(0, { resolve, reject }));
    this.ready.catch(() => undefined);
    this.worker.on('message', (answer: Answer) => this.settle(answer));
    this.worker.on('error', (error) => this.died(error.message));
    this.worker.on('exit', (code) => this.died(`exit code ${code}`));
  }

  begin(...args: Parameters<SubtaskPeer['begin']>): ReturnType<SubtaskPeer['begin']> {
    return this.call('begin', args);
  }
  read(...args: Parameters<SubtaskPeer['read']>): ReturnType<SubtaskPeer['read']> {
    return this.call('read', args);
  }
  stage(uid: string, watermark: number, blocks: readonly Uint8Array[]): ReturnType<SubtaskPeer['stage']> {
    // Copies are given away: the blocks stay here for a worker that may have to take the subtask over.
    const given = blocks.map((bytes) => bytes.slice());
    return this.call(
      'stage',
      [uid, watermark, given],
      given.map((bytes) => bytes.buffer),
    );
  }
  finish(...args: Parameters<SubtaskPeer['finish']>): ReturnType<SubtaskPeer['finish']> {
    return this.call('finish', args);
  }
  dump(...args: Parameters<SubtaskPeer['dump']>): ReturnType<SubtaskPeer['dump']> {
    return this.call('dump', args);
  }
  committed(...args: Parameters<SubtaskPeer['committed']>): void {
    this.tell('committed', args);
  }
  stopReading(): void {
    this.tell('stopReading', []);
  }
  async discard(): Promise<void> {
    if (!this.dead) await this.call('discard', []);
  }
  async close(): Promise<void> {
    if (!this.dead) await this.call('close', []);
  }
  async terminate(): Promise<void> {
    await this.worker.terminate();
  }

  private call<R>(name: CallName, args: readonly unknown[], transfer: readonly ArrayBuffer[] = []): Promise<R> {
    if (this.dead) return Promise.reject(this.death('it is gone'));
    const id = ++this.calls;
    return new Promise<R>((resolve, reject) => {
      this.pending.set(id, { resolve: (value) => resolve(value as R), reject });
      this.worker.postMessage({ id, name, args } satisfies Call, [...transfer]);
    });
  }

  /** A call that nobody waits for; if it fails, the next one will. */
  private tell(name: CallName, args: readonly unknown[]): void {
    if (!this.dead) this.worker.postMessage({ id: ++this.calls, name, args } satisfies Call);
  }

  private settle(answer: Answer): void {
    const waiting = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (answer.ok) waiting?.resolve('value' in answer ? answer.value : undefined);
    else {
      if (answer.id === 0) this.dead = true;
      waiting?.reject(thrownAgain(answer.failure!));
    }
  }

  private died(how: string): void {
    this.dead = true;
    for (const { reject } of this.pending.values()) reject(this.death(how));
    this.pending.clear();
  }

  private death(how: string): RetryableError {
    return new RetryableError(`worker ${this.index} died (${how}); another one takes its subtask.`, {
      worker: this.index,
    });
  }
}

const KINDS = { ConfigError, CorruptionError, FencedError, InvariantError, RetryableError, UserCodeError };

/** The failure with its class back, as the coordinator expects it. */
function thrownAgain(failure: FailureMessage): AttemptFailure {
  const Kind = failure.kind in KINDS ? KINDS[failure.kind as keyof typeof KINDS] : Error;
  const cause = new Kind(failure.message);
  if (failure.stack !== undefined) cause.stack = failure.stack;
  return new AttemptFailure(cause, { ranges: null, poison: failure.poison, retryable: failure.retryable });
}
