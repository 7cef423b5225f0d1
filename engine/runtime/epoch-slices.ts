/**
 * The key groups of a stage in one epoch: all at once, or, where they need more keys than memory may have, some at a time: loaded, worked off, written,
 * left before the next ones come. A key group is a logical subtask (E7a), so this changes nothing but the order among groups.
 */
import type { KeyTimeDomain } from '../ports/state-table.ts';
import { SegmentWriter } from '../state/segment.ts';
import type { KeyedSubtask } from './keyed-subtask.ts';
import type { PagedKeys } from './table/paged-keys.ts';

export class EpochSlices {
  private readonly subtasks: readonly KeyedSubtask[];
  /** Null: everything is in memory. */
  private readonly paged: PagedKeys | null;
  private readonly keyGroups: readonly [from: number, to: number];
  private readonly maxParallelism: number;
  /** Written in this epoch before its end. */
  private early: (readonly [KeyedSubtask, Uint8Array])[] = [];

  constructor(
    subtasks: readonly KeyedSubtask[],
    paged: PagedKeys | null,
    keyGroups: readonly [from: number, to: number],
    maxParallelism: number,
  ) {
    this.subtasks = subtasks;
    this.paged = paged;
    this.keyGroups = keyGroups;
    this.maxParallelism = maxParallelism;
  }

  beginEpoch(): void {
    this.paged?.beginEpoch();
    this.early = [];
  }

  /** Are these all key groups that are here? */
  isAll(start: number, end: number): boolean {
    return start === this.keyGroups[0] && end === this.keyGroups[1];
  }

  /** Does the work of all key groups, [start, end) at a time, with the keys there that rows wait for or that are due by `until`. */
  async each(
    domain: KeyTimeDomain,
    until: number,
    work: (start: number, end: number) => void | Promise<void>,
  ): Promise<void> {
    const [first, last] = this.keyGroups;
    for (let start = first, end = last; start < last; start = end) {
      if (this.paged !== null) end = await this.paged.load(domain, until, start);
      await work(start, end);
      if (!this.isAll(start, end)) this.leave(start, end);
    }
  }

  private leave(start: number, end: number): void {
    for (const subtask of this.subtasks) {
      const groups = subtask.groupsIn(start, end);
      const bytes = groups.length === 0 ? null : this.write(subtask, [groups[0]!, groups.at(-1)! + 1]);
      if (bytes !== null) this.early.push([subtask, bytes]);
    }
    this.paged!.leave(start, end);
  }

  /** What changed in a subtask in this epoch, in pieces if there was much. `epoch`: its number. */
  snapshot(subtask: KeyedSubtask, epoch: number): readonly Uint8Array[] {
    const rest = this.write(subtask, subtask.keyGroups);
    this.paged?.nameEpoch(epoch);
    const early = this.early.filter(([of]) => of === subtask).map(([, bytes]) => bytes);
    return rest === null ? early : [...early, rest];
  }

  /** What changed since the last time; null: nothing. Keys of groups [from, to) say when they are due. */
  private write(subtask: KeyedSubtask, keyGroups: readonly [from: number, to: number]): Uint8Array | null {
    const writer = new SegmentWriter(this.maxParallelism);
    subtask.snapshot(writer);
    this.paged?.writeDues(writer, keyGroups);
    const bytes = writer.finish();
    if (bytes !== null) this.paged?.noteStaged(bytes, writer.packedBytes);
    return bytes;
  }
}
