/**
 * `npm run bench -- sizes`: bytes of head, plan and manifest, for 128 and 1,024 key groups × 5 keyed operators × 2,000 splits, with a
 * full log and every sink slot in use. The head must stay within MAX_HEAD_BYTES.
 */
import { encodeHead } from '../../engine/checkpoint/head-moves.ts';
import { manifestKey, planKey } from '../../engine/checkpoint/item-keys.ts';
import { attemptObjectName } from '../../engine/checkpoint/object-names.ts';
import type { Head, Manifest, Plan, SegmentRef } from '../../engine/checkpoint/records.ts';
import { attemptId, epoch, generation, runId, wallTimeMs } from '../../engine/model/ids.ts';
import { MAX_HEAD_BYTES } from '../../engine/model/limits.ts';
import { packRecord } from '../../engine/runtime/packed-record.ts';

const OPERATORS = 5;
const SPLITS = 2000;
const SUBTASKS = 8;
const LOG_EPOCHS = 64;

const run = runId('r01234567890123-abcdefabcdef');
const job = 'a-job-with-a-name-of-some-length';

export function benchSizes(): void {
  for (const keyGroups of [128, 1024]) {
    const { plan, manifest } = records(keyGroups);
    const headBytes = encodeHead(head).length;
    const line = {
      bench: 'sizes',
      keyGroups,
      keyedOperators: OPERATORS,
      splits: SPLITS,
      logSegments: manifest.state.log.length,
      headBytes,
      planBytes: packRecord(plan).length,
      planJsonBytes: JSON.stringify(plan).length,
      manifestBytes: packRecord(manifest).length,
      manifestJsonBytes: JSON.stringify(manifest).length,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    if (headBytes > MAX_HEAD_BYTES) process.exitCode = 1;
  }
}

const at = { epoch: epoch(1_234_567), generation: generation(7_654_321) };
const head: Head = {
  format: 1,
  job,
  run,
  generation: at.generation,
  epoch: at.epoch,
  manifest: manifestKey(at.epoch, at.generation),
  folded: `fold/${'0'.repeat(60)}`,
  clock: wallTimeMs(1_795_000_000_000),
  phase: { kind: 'running', plan: planKey(at.epoch, at.generation, 'abcdefabcdef') },
  lease: {
    owner: `${'0123456789abcdef'.repeat(4)}/4026531836/4194304/123456789`,
    session: 'abcdefabcdef',
    ttlMs: 631_000,
  },
};

/** As an epoch writes them: every generation and attempt another, sizes that differ. `back`: epochs ago. */
function blob(what: string, subtask: number, back = 0): { blob: string; bytes: number } {
  const of = { epoch: epoch(at.epoch - back), generation: generation(at.generation - back) };
  const attempt = attemptId(`abcdefabcdef.${12_345 - back}`);
  const name = attemptObjectName({ job, run, ...of, stage: 'fanned-out', subtask, attempt }, what);
  return { blob: name, bytes: 100_000 + ((name.length * 7919 + subtask * 104_729 + back * 1_299_709) % 50_000) };
}

const ranges = Array.from({ length: SPLITS }, (_, i) => ({
  id: `orders/orders-topic-${i}`,
  from: 12_345_678_901 + i * 7_919,
  to: 12_345_679_901 + i * 7_927,
  state: {
    generators: { orders: [1_795_000_000_000 + ((i * 7_919) % 1000)] },
    watermark: 1_794_999_994_999 + ((i * 7_919) % 1000),
    idleSince: null,
    ended: false,
  },
}));

function records(keyGroups: number): { plan: Plan; manifest: Manifest } {
  const stages = Array.from({ length: OPERATORS }, (_, i) => `keyed-operator-${i}`);
  const log: SegmentRef[] = [];
  const groupsOf = (i: number): [number, number] => [(i * keyGroups) / SUBTASKS, ((i + 1) * keyGroups) / SUBTASKS];
  for (let e = 0; e < LOG_EPOCHS; e++) {
    for (const stage of stages) {
      for (let i = 0; i < SUBTASKS; i++)
        log.push({
          object: blob(`state-${stage}-0`, i, LOG_EPOCHS - e),
          epoch: epoch(at.epoch - LOG_EPOCHS + e),
          stage,
          keyGroups: groupsOf(i),
        });
    }
  }
  const base = {
    epoch: at.epoch,
    snapshots: stages.flatMap((stage) =>
      Array.from({ length: SUBTASKS }, (_, i) => ({ object: blob(`${stage}-${i}`, i), stage, keyGroups: groupsOf(i) })),
    ),
  };
  const watermarks = Object.fromEntries(stages.map((stage) => [stage, 1_794_999_994_999]));
  const common = {
    format: 1,
    run,
    ...at,
    clock: wallTimeMs(1_795_000_000_000),
    graphHash: '0123456789abcdef',
    base: manifestKey(at.epoch, at.generation),
  } as const;
  const plan: Plan = {
    ...common,
    splits: ranges.map(({ id, from, state }) => ({ id, from, to: null, state })),
    skip: [],
    subtasks: Object.fromEntries(stages.map((stage) => [stage, SUBTASKS])),
    state: { base, log },
    watermarks,
    replan: null,
  };
  const manifest: Manifest = {
    ...common,
    job,
    ranges,
    watermarks,
    state: { base, log },
    staged: Array.from({ length: SUBTASKS }, (_, slot) => ({
      sink: 'a-sink',
      slot,
      records: 12_345,
      objects: [blob(`out-a-sink-${slot}`, slot)],
    })),
    skipped: [],
    counts: { recordsIn: 1, filtered: 1, late: 1, recordsOut: 1 },
    totals: { recordsIn: 1, filtered: 1, late: 1, recordsOut: 1 },
    nextTimers: { eventTime: 1_795_000_000_000, processingTime: null },
    keys: Object.fromEntries(stages.map((stage) => [stage, 1_000_000])),
    attempts: 1,
    committedAt: wallTimeMs(1_795_000_000_000),
    ended: false,
  };
  return { plan, manifest };
}
