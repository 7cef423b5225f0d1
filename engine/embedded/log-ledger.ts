/**
 * What a journal of a disk log says, as far as it was read: markers, how far each partition reaches, and the segments whose
 * bytes may be in the page cache only. Rebuilt from the journal at any time; `snapshot` begins the next journal with it.
 *
 * 1. Markers only grow within a run, and only a stamp changes the run (E5, section 6): an append whose marker is not above the
 *    stored one, or is of another run, is refused with FencedError: a zombie cannot publish again.
 */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { FencedError } from '../model/errors.ts';
import type { AppendMarker } from '../ports/log.ts';
import { fsyncFolder } from './durable-files.ts';
import type { JournalHead, JournalPart, PartitionEnd } from './log-journal.ts';
import { segmentName } from './log-segment.ts';

export class LogLedger {
  readonly markers = new Map<string, AppendMarker>();
  /** By `<topic folder>/<partition>`. */
  readonly ends = new Map<string, PartitionEnd>();
  readonly #unsynced = new Set<string>();
  readonly #topics: string;

  /** `topics`: the folder that partitions lie below. */
  constructor(topics: string) {
    this.#topics = topics;
  }

  takeIn(marker: AppendMarker | null, parts: readonly JournalPart[]): void {
    if (marker !== null) this.markers.set(marker.producer, marker);
    for (const { partition, segment, position, bytes, next } of parts) {
      this.ends.set(partition, { segment, position: position + bytes, next });
      this.#unsynced.add(join(this.#topics, partition, segmentName(segment)));
    }
  }

  dropTopic(folder: string): void {
    for (const partition of this.ends.keys()) if (dirname(partition) === folder) this.ends.delete(partition);
  }

  /** Invariant 1. */
  refuseZombie(marker: AppendMarker): void {
    const stored = this.markers.get(marker.producer);
    if (stored === undefined || (stored.run === marker.run && stored.epoch < marker.epoch)) return;
    throw new FencedError(
      stored.run === marker.run
        ? `${marker.producer} has published epoch ${stored.epoch} already; epoch ${marker.epoch} comes too late.`
        : `${marker.producer} belongs to run ${stored.run} now; run ${marker.run} must stamp it before it appends.`,
      { marker, stored },
    );
  }

  /** Runs follow one another: the late stamp of a coordinator that has been replaced must not undo a newer one (section 6). */
  refuseOldRun(marker: AppendMarker): void {
    const stored = this.markers.get(marker.producer);
    if (stored === undefined || stored.run <= marker.run) return;
    throw new FencedError(
      `${marker.producer} belongs to the newer run ${stored.run}; run ${marker.run} comes too late.`,
      {
        marker,
        stored,
      },
    );
  }

  /** Fsyncs every segment that the journal names: it is not needed any more then. */
  syncSegments(): void {
    const folders = new Set<string>();
    for (const file of this.#unsynced) {
      if (!fs.existsSync(file)) continue;
      const fd = fs.openSync(file, 'r+');
      try {
        fs.fdatasyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
      folders.add(dirname(file));
    }
    for (const folder of folders) fsyncFolder(folder);
    this.#unsynced.clear();
  }

  snapshot(): JournalHead {
    return { kind: 'snapshot', markers: [...this.markers.values()], ends: [...this.ends] };
  }

  clear(): void {
    this.markers.clear();
    this.ends.clear();
    this.#unsynced.clear();
  }
}
