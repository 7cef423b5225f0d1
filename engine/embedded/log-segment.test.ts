import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogRecord } from '../ports/log.ts';
import { encodeFrames } from './log-frame.ts';
import { LogSegment, indexFile } from './log-segment.ts';

const frame = (offset: number, size = 40): Buffer =>
  encodeFrames([{ timestamp: offset * 10, key: null, value: Buffer.alloc(size, offset) }], offset).bytes;
const FRAME = frame(0).length;

describe('LogSegment', () => {
  let folder: string;
  let segment: LogSegment;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-segment-'));
    segment = new LogSegment(folder, 0);
    writeFileSync(segment.file, Buffer.concat([0, 1, 2, 3].map((offset) => frame(offset))));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('takes in what was appended, up to the last whole frame', () => {
    expect(segment.refresh()).toBe(true);
    expect([segment.nextOffset, segment.end]).toEqual([4, 4 * FRAME]);
    const next = frame(4);
    for (let cut = 0; cut < FRAME; cut++) {
      truncateSync(segment.file, 4 * FRAME);
      appendFileSync(segment.file, next.subarray(0, cut));
      segment.refresh();
      expect(segment.nextOffset).toBe(4);
    }
    truncateSync(segment.file, 4 * FRAME);
    appendFileSync(segment.file, next);
    segment.refresh();
    expect([segment.nextOffset, segment.maxTimestamp]).toEqual([5, 40]);
  });

  it('does not take damage before good frames for the end', () => {
    const good = readFileSync(segment.file);
    for (let i = 0; i < 3 * FRAME; i++) {
      const bad = Buffer.from(good);
      bad[i]! ^= 1 << (i % 8);
      writeFileSync(segment.file, bad);
      expect(() => new LogSegment(folder, 0).refresh(), `byte ${i}`).toThrow(/damaged at byte/);
    }
  });

  it('reads a sealed segment by its index, and without one if that is damaged', () => {
    writeFileSync(segment.file, Buffer.concat(Array.from({ length: 200 }, (_, offset) => frame(offset, 5000))));
    segment.refresh();
    segment.seal(join(folder, 'tmp'));
    const check = (): void => {
      const sealed = new LogSegment(folder, 0);
      sealed.refresh();
      expect([sealed.nextOffset, sealed.end, sealed.maxTimestamp]).toEqual([200, segment.end, 1990]);
      for (const offset of [0, 1, 77, 199]) {
        const out: LogRecord[] = [];
        expect(sealed.read(offset, 200, 1, out)).toBe(true);
        expect(out.map((record) => record.offset)).toEqual([offset]);
        expect(sealed.offsetForTime(offset * 10 - 5)).toBe(offset);
      }
      expect(sealed.offsetForTime(1991)).toBeNull();
    };
    check();
    const index = readFileSync(indexFile(segment.file));
    index[60]! ^= 1;
    writeFileSync(indexFile(segment.file), index);
    check();
    rmSync(segment.file);
    expect(new LogSegment(folder, 0).refresh()).toBe(false);
  });
});
