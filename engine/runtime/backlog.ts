/** What an epoch has left to read, by source: how many splits had more when it was cut, and how far they were read and are known to reach. */
import type { SplitReader } from '../ports/source.ts';

export interface SourceBacklog {
  readonly source: string;
  /** Splits that were still being read. */
  readonly splits: number;
  /** In the source's positions. */
  readonly read: number;
  /** In positions; null: some split's end is not known. */
  readonly left: number | null;
}

/** Of a source task, what matters here. */
interface Readers {
  readonly uid: string;
  readonly splits: readonly {
    readonly status: string;
    readonly position: number;
    readonly plan: { readonly from: number };
    readonly reader: Pick<SplitReader, 'endPosition'>;
  }[];
}

export function backlogOf(sources: readonly Readers[]): SourceBacklog[] {
  return sources.map(({ uid, splits }) => {
    let left: number | null = 0;
    let read = 0;
    let open = 0;
    for (const split of splits) {
      read += split.position - split.plan.from;
      if (split.status !== 'reading') continue;
      open++;
      const end = split.reader.endPosition();
      left = left === null || end === null ? null : left + Math.max(0, end - split.position);
    }
    return { source: uid, splits: open, read, left };
  });
}

/** The parts of several workers, by source. */
export function joinBacklogs(parts: readonly SourceBacklog[]): SourceBacklog[] {
  const joined = new Map<string, SourceBacklog>();
  for (const part of parts) {
    const known = joined.get(part.source);
    joined.set(
      part.source,
      known === undefined
        ? part
        : {
            source: part.source,
            splits: known.splits + part.splits,
            read: known.read + part.read,
            left: known.left === null || part.left === null ? null : known.left + part.left,
          },
    );
  }
  return [...joined.values()];
}

/** How many further epochs like this one the rest takes; null: not known. */
export function epochsLeft(backlog: readonly SourceBacklog[]): number | null {
  let most = 0;
  for (const { splits, read, left } of backlog) {
    if (splits === 0) continue;
    if (left === null || read === 0) return null;
    most = Math.max(most, left / read);
  }
  return most;
}
