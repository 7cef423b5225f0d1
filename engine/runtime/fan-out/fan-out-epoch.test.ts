/** Workers that hang, answer late or die in any phase, and functions that answer differently each time. */
import { describe, expect, test } from 'vitest';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import type { Ack, Plan } from '../../checkpoint/records.ts';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { RetryableError } from '../../model/errors.ts';
import { attemptId, epoch, generation, runId, wallTimeMs, type WallTimeMs } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { unpack } from '../../state/serializer.ts';
import { CommittedRows } from '../../testing/committed-rows.ts';
import { SplitSource } from '../../testing/split-source.ts';
import { ObjectIo } from '../object-io.ts';
import { runFannedOut } from './fan-out-epoch.ts';
import { SubtaskHost } from './subtask-host.ts';
import type { PeerPool, SubtaskPeer } from './subtask-peer.ts';

interface Row {
  readonly k: string;
  readonly v: number;
}

/** Time passes only when nothing else goes on. */
class QuietClock implements Clock {
  ms = 0;
  nowMs(): WallTimeMs {
    return wallTimeMs(this.ms);
  }
  monotonicMs(): number {
    return this.ms;
  }
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      if (signal?.aborted === true) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.ms += ms;
  }
}

const SPLITS = Array.from({ length: 3 }, (_, s) =>
  Array.from({ length: 50 }, (__, i): Row => ({ k: `k${(i * 7 + s) % 11}`, v: i })),
);

/** Two keyed stages, and rows that go past them. */
function graphOf(value: (row: Row) => number = (row) => row.v): JobGraph {
  const env = new StreamExecutionEnvironment('j');
  const rows = env
    .fromSource<Row>(new SplitSource<Row>(SPLITS), WatermarkStrategy.noWatermarks(), 'rows')
    .uid('rows')
    .map((row) => ({ k: row.k, v: value(row) }));
  rows
    .keyBy('k')
    .sum('v')
    .uid('sums')
    .keyBy((row) => `${row.v % 5}`)
    .sum('v')
    .uid('again')
    .sinkTo(new CommittedRows<Row>());
  rows.filter((row) => row.v % 2 === 0).sinkTo(new CommittedRows<Row>());
  return env.toJobGraph();
}

function planOf(graph: JobGraph, to: number | null): Plan {
  return {
    format: 1,
    run: runId('r1'),
    epoch: epoch(1),
    generation: generation(1),
    clock: wallTimeMs(0),
    graphHash: graph.hash,
    base: null,
    splits: SPLITS.map((_, i) => ({ id: `rows/split-00${i}`, from: 0, to, state: null })),
    skip: [],
    subtasks: { rows: 3, sums: 3, again: 2 },
    state: { base: null, log: [] },
    watermarks: {},
    replan: null,
  };
}

type Phase = 'begin' | 'read' | 'stage' | 'finish';
const PHASES: readonly Phase[] = ['begin', 'read', 'stage', 'finish'];
type Trouble = 'hangs' | 'is late' | 'dies';

class TroubledPool implements PeerPool {
  readonly blobs = new MemoryBlobStore();
  readonly graph: JobGraph;
  readonly released: SubtaskPeer[] = [];
  readonly peers = new Map<number, SubtaskPeer>();
  spares = 0;
  /** Lets what is late answer. */
  late: () => void = () => undefined;
  onRelease: () => void = () => undefined;
  private readonly clock: Clock;
  private readonly trouble: { readonly index: number; readonly phase: Phase; readonly kind: Trouble; times: number };

  constructor(graph: JobGraph, clock: Clock, trouble: TroubledPool['trouble']) {
    this.graph = graph;
    this.clock = clock;
    this.trouble = trouble;
  }

  async peer(index: number): Promise<SubtaskPeer> {
    const peer = this.peers.get(index) ?? this.newPeer(index);
    this.peers.set(index, peer);
    return peer;
  }
  async spare(index: number): Promise<SubtaskPeer> {
    this.spares++;
    return this.newPeer(index);
  }
  keep(index: number, spare: SubtaskPeer): void {
    this.peers.set(index, spare);
  }
  release(index: number, peer: SubtaskPeer): void {
    this.released.push(peer);
    this.onRelease();
    if (this.peers.get(index) === peer) this.peers.delete(index);
  }
  async close(): Promise<void> {}

  private newPeer(index: number): SubtaskPeer {
    const { graph, blobs, clock, trouble } = this;
    const host = new SubtaskHost({ job: 'j', graph, clock, blobs, log: null }, index);
    if (index !== trouble.index || trouble.times-- <= 0) return host;
    let dead = false;
    return new Proxy<SubtaskPeer>(host, {
      get: (of, name) => {
        if (name === 'dead') return dead;
        const method: unknown = Reflect.get(of, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          const call = (): unknown => (method as (...a: unknown[]) => unknown).apply(of, args);
          if (name !== trouble.phase) return call();
          if (trouble.kind === 'dies') {
            dead = true;
            throw new RetryableError('died');
          }
          await new Promise<void>((resolve) => {
            if (trouble.kind === 'is late') this.late = resolve;
          });
          return call();
        };
      },
    });
  }
}

async function run(pool: TroubledPool, clock: QuietClock, to: number | null, reissued?: number[]): Promise<Ack> {
  const { ack, reissues } = await runFannedOut({
    graph: pool.graph,
    pool,
    clock,
    plan: planOf(pool.graph, to),
    attempt: attemptId('a'),
    budget: { intervalMs: 10_000, timeoutMs: 60_000, maxRows: Infinity },
    signal: new AbortController().signal,
    owners: new Map(),
    limits: { factor: 4, floorMs: 1000 },
    notice: () => undefined,
  });
  reissued?.push(reissues);
  return ack;
}

/** What an ack says, its objects read. */
async function meaningOf(pool: TroubledPool, ack: Ack): Promise<unknown> {
  const io = new ObjectIo(pool.blobs, null);
  const rows: string[] = [];
  for (const { sink, objects } of ack.staged)
    for (const object of objects)
      for (const row of unpack(await io.read(object)) as unknown[]) rows.push(`${sink} ${JSON.stringify(row)}`);
  const { ranges, counts, watermarks, keys } = ack;
  return { rows: rows.sort(), ranges, counts, watermarks, keys, segments: ack.segments.length };
}

const never = { index: -1, phase: 'read', kind: 'hangs', times: 0 } as const;

async function undisturbed(to: number | null): Promise<unknown> {
  const clock = new QuietClock();
  const pool = new TroubledPool(graphOf(), clock, { ...never });
  return await meaningOf(pool, await run(pool, clock, to));
}

describe.each([
  ['of an open epoch', null],
  ['planned ahead', 40],
] as const)('a worker %s', (_, to) => {
  for (const phase of PHASES) {
    for (const kind of ['hangs', 'dies'] as const) {
      test(`${kind} in ${phase}: another one takes its subtask over`, async () => {
        const clock = new QuietClock();
        const pool = new TroubledPool(graphOf(), clock, { index: 1, phase, kind, times: 1 });
        const first = await pool.peer(1);
        const reissued: number[] = [];
        expect(await meaningOf(pool, await run(pool, clock, to, reissued))).toEqual(await undisturbed(to));
        expect([pool.spares, reissued]).toEqual([1, [1]]);
        expect(pool.released).toEqual([first]);
        expect(await pool.peer(1)).not.toBe(first);
        if (kind === 'hangs') expect(clock.ms).toBeGreaterThan(1000);
      });
    }

    test(`answers late in ${phase}: the answer changes nothing`, async () => {
      const clock = new QuietClock();
      const pool = new TroubledPool(graphOf(), clock, { index: 1, phase, kind: 'is late', times: 1 });
      const ack = await run(pool, clock, to);
      const said = JSON.stringify(ack);
      pool.late();
      for (let turn = 0; turn < 50; turn++) await clock.sleep(0);
      expect(JSON.stringify(ack)).toBe(said);
      expect(await meaningOf(pool, ack)).toEqual(await undisturbed(to));
    });
  }
});

test('a copy writes objects under an attempt of its own (E2)', async () => {
  const clock = new QuietClock();
  const pool = new TroubledPool(graphOf(), clock, { index: 1, phase: 'finish', kind: 'is late', times: 1 });
  const ack = await run(pool, clock, null);
  pool.late();
  for (let turn = 0; turn < 50; turn++) await clock.sleep(0);
  const names = ack.segments.map(({ object }) => ('blob' in object ? object.blob : ''));
  expect(names.filter((name) => name.includes('fanned-out-1-a-c1'))).not.toEqual([]);
  expect(names.filter((name) => name.includes('fanned-out-1-a/'))).toEqual([]);
  const all = (await pool.blobs.list('')).map(({ name }) => name);
  expect(all.filter((name) => name.includes('fanned-out-1-a/'))).not.toEqual([]);
});

test('a subtask whose workers keep dying fails the attempt, and nobody is left at work', async () => {
  const clock = new QuietClock();
  const pool = new TroubledPool(graphOf(), clock, { index: 1, phase: 'stage', kind: 'dies', times: 99 });
  await expect(run(pool, clock, null)).rejects.toThrow('died');
  expect(pool.spares).toBe(2);
});

test('workers that hang, all of them, fail the attempt at the checkpoint timeout, and are released', async () => {
  const clock = new QuietClock();
  const pool = new TroubledPool(graphOf(), clock, { index: 1, phase: 'stage', kind: 'hangs', times: 99 });
  await expect(run(pool, clock, null)).rejects.toThrow('not done within the checkpoint timeout');
  expect(clock.ms).toBeGreaterThanOrEqual(60_000);
  expect(pool.peers.has(1)).toBe(false);
  expect(pool.released.length).toBeGreaterThan(0);
});

test('a copy that does not repeat what others have built on is given up', async () => {
  const clock = new QuietClock();
  let calls = 0;
  // Not a function of its row.
  const graph = graphOf((row) => row.v + (calls++ % 3));
  const pool = new TroubledPool(graph, clock, { index: 1, phase: 'stage', kind: 'is late', times: 1 });
  pool.onRelease = () => pool.late();
  const ack = await run(pool, clock, null);
  expect(pool.spares).toBeGreaterThan(0);
  expect(pool.released).toHaveLength(pool.spares);
  expect(pool.released).not.toContain(await pool.peer(1));
  expect(ack.segments.every(({ object }) => !('blob' in object && object.blob.includes('-c1')))).toBe(true);
});
