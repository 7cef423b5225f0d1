/**
 * What outlives processes: head, items, objects, sinks, the input. It changes only at single instants, and it knows the laws that
 * must hold at each of them (world-laws.ts); the first one that is broken ends the run.
 */
import { decodeHead } from '../../checkpoint/head-moves.ts';
import type { Head, Manifest, Plan } from '../../checkpoint/records.ts';
import { DEFAULT_SINK_SLOTS } from '../../model/limits.ts';
import type { VersionedHead } from '../../ports/state-store.ts';
import { Decisions } from './decisions.ts';
import { EventQueue } from './event-queue.ts';
import type { Fault, Profile } from './faults.ts';
import { ALL_ON, type SinkGuards } from './guards.ts';
import { checkHeadMove, reachableFrom, type HeldThings } from './world-laws.ts';
import type { ScriptSource, ScriptSplit } from './script.ts';
import type { Inode, Marker, PreparedTransaction, SinkKind, SlotTarget, Visible } from './sink-target.ts';

export class World {
  readonly job = 'j';
  readonly d: Decisions;
  readonly queue = new EventQueue();
  readonly profile: Profile;
  readonly script: readonly ScriptSource[];
  readonly sinkGuards: SinkGuards;
  /** Names of faults that are left out (shrinking). */
  readonly without: ReadonlySet<string>;
  readonly faults: Fault[] = [];
  readonly trace: ((line: string) => void) | null;
  /** Nothing goes wrong any more. */
  calm = false;
  maxParallelism = 1;
  /** Rows that a reader hands out at once. */
  batchRows = 1024;
  /** Milliseconds by which every wall clock has jumped. */
  jumpMs = 0;
  /** Markers are lost in this world: a job may stop with a question. */
  markersExpire = false;
  broken: string | null = null;

  head: VersionedHead | null = null;
  headRecord: Head | null = null;
  readonly items = new Map<string, Uint8Array>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly visible = new Map<string, Visible>();
  readonly commits: Manifest[] = [];
  /** Plans that a head has taken. */
  readonly plans: Plan[] = [];
  /** Sinks of the job, by uid. */
  readonly sinkKinds: ReadonlyMap<string, SinkKind>;
  /** Transactions of the two-phase sinks' target, by id. */
  readonly transactions = new Map<string, PreparedTransaction>();
  readonly #targets = new Map<string, SlotTarget>();
  readonly #unflushed = new Map<object, Inode[]>();
  #held: HeldThings = { items: new Set(), blobs: new Set() };

  constructor(
    seed: number,
    options: {
      readonly d?: Decisions;
      readonly profile: Profile;
      readonly script: readonly ScriptSource[];
      readonly sinkKinds: ReadonlyMap<string, SinkKind>;
      readonly sinkGuards?: SinkGuards;
      readonly without?: ReadonlySet<string>;
      readonly trace?: ((line: string) => void) | null;
    },
  ) {
    this.d = options.d ?? new Decisions(seed);
    this.profile = options.profile;
    this.script = options.script;
    this.sinkKinds = options.sinkKinds;
    this.sinkGuards = options.sinkGuards ?? ALL_ON;
    this.without = options.without ?? new Set();
    const { trace = null } = options;
    this.trace = trace === null ? null : (line) => trace(`${String(this.queue.now).padStart(6)} ${line}`);
  }

  fail(law: string): void {
    if (this.broken !== null) return;
    this.broken = law;
    this.trace?.(`BROKEN ${law}`);
  }

  /** Much longer than anything that works takes. */
  longMs(name: string): number {
    return this.d.pick(`${name}~`, [60, 300, 1500, 5000]);
  }

  crashed(process: object): void {
    // Half of what was not flushed may be there.
    for (const inode of this.#unflushed.get(process) ?? [])
      if (!inode.durable) inode.rows = inode.rows.slice(0, inode.rows.length >> 1);
    this.#unflushed.delete(process);
  }

  /** Splits that somebody has opened: a source whose splits appear over time ends when it has shown all of them. */
  readonly opened = new Set<ScriptSplit>();

  everySplitIsKnown(): boolean {
    return this.script.every((source) =>
      source.splits.every((split) => split.appearsMs === 0 || this.opened.has(split)),
    );
  }

  casHead(by: string, expected: number, bytes: Uint8Array): 'won' | 'lost' {
    if ((this.head?.version ?? 0) !== expected) return 'lost';
    this.setHead(by, bytes);
    return 'won';
  }

  setHead(by: string, bytes: Uint8Array): void {
    const before = this.headRecord;
    const after = decodeHead(this.job, bytes);
    this.head = { version: (this.head?.version ?? 0) + 1, bytes };
    this.headRecord = after;
    this.trace?.(
      `${by} HEAD v${this.head.version} ${after.phase.kind} e${after.epoch} g${after.generation} ${after.run}${after.folded === null ? '' : ' folded'}${after.lease === null ? ' no lease' : ''}`,
    );
    checkHeadMove(this, before, after);
    this.#held = reachableFrom(this, after);
  }

  deleteItem(key: string): void {
    if (this.#held.items.has(key)) this.fail(`E6: ${key} was deleted, but the head refers to it`);
    this.items.delete(key);
  }

  deleteBlob(name: string): void {
    if (this.#held.blobs.has(name)) this.fail(`E6: ${name} was deleted, but the head refers to it`);
    this.blobs.delete(name);
  }

  get held(): HeldThings {
    return this.#held;
  }

  target(sink: string, slot: number): SlotTarget {
    const key = `${sink}/${slot}`;
    let target = this.#targets.get(key);
    if (target === undefined) this.#targets.set(key, (target = { fence: 0, marker: null }));
    return target;
  }

  /** Markers expire. */
  loseMarker(sink: string): void {
    for (let slot = 0; slot < DEFAULT_SINK_SLOTS; slot++) this.target(sink, slot).marker = null;
  }

  publish(sink: string, slot: number, at: Marker, rows: readonly unknown[]): void {
    const key = visibleKey(sink, slot, at);
    if (this.visible.has(key)) this.fail(`E5: epoch ${at.epoch} is in ${sink}/${slot} twice`);
    if (!this.commits.some((m) => m.run === at.run && m.epoch === at.epoch))
      this.fail(`E2: epoch ${at.epoch} of ${sink} is visible, but was not committed`);
    const run = this.headRecord?.run ?? at.run;
    if (at.run !== run && this.headRecord?.phase.kind !== 'restoring')
      this.fail(`section 6: run ${at.run} wrote to ${sink}/${slot}, but run ${run} has stamped it`);
    this.visible.set(key, { sink, slot, at, inode: { rows, durable: true } });
  }

  unflushed(caller: object, inode: Inode): void {
    const list = this.#unflushed.get(caller);
    if (list === undefined) this.#unflushed.set(caller, [inode]);
    else list.push(inode);
  }

  link(sink: string, slot: number, at: Marker, inode: Inode, name: string): 'published' | 'already' {
    const key = `${visibleKey(sink, slot, at)}${name}`;
    if (this.visible.has(key)) return 'already';
    if (
      name !== '' &&
      this.visible.size > 0 &&
      [...this.visible.keys()].some((other) => other.startsWith(visibleKey(sink, slot, at)))
    )
      this.fail(`E5: epoch ${at.epoch} is in ${sink}/${slot} twice`);
    if (!this.commits.some((m) => m.run === at.run && m.epoch === at.epoch))
      this.fail(`E2: epoch ${at.epoch} of ${sink} is visible, but was not committed`);
    this.visible.set(key, { sink, slot, at, inode });
    return 'published';
  }
}

const visibleKey = (sink: string, slot: number, at: Marker): string => `${sink}|${slot}|${at.run}|${at.epoch}`;
