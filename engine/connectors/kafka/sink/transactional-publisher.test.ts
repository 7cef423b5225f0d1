/** Exactly once, whatever happens at any step of a publication; and what is told where nobody can know. */
import { describe, expect, test } from 'vitest';
import { ConfigError, FencedError, RetryableError, UnknownOutcomeError } from '../../../model/errors.ts';
import type { Publication } from '../../../ports/sink.ts';
import { FakeKafka } from './fake-kafka-fixture.ts';
import { contextOf, publicationOf, sinkOn, TrialClock, TrialProcess } from './sink-trial-fixture.ts';

const RUN = 'r00000000000001-a';
const NEXT_RUN = 'r00000000000002-b';

class World {
  readonly kafka = new FakeKafka();
  readonly clock = new TrialClock();
  readonly ctx = contextOf(this.clock);
  readonly expected: string[] = [];
  run = RUN;
  private epoch = 0;

  constructor() {
    this.kafka.topics.set('t', 3);
  }

  process(atStep = 0, disturb?: (process: TrialProcess) => Promise<void>): TrialProcess {
    return new TrialProcess((onStep) => sinkOn(this.kafka, onStep), this.ctx, atStep, disturb);
  }

  /** Two records; they are expected from now on. */
  next(): Publication {
    this.epoch += 1;
    const rows = [{ id: `${this.run}-${this.epoch}-a` }, { id: `${this.run}-${this.epoch}-b` }];
    this.expected.push(...rows.map(({ id }) => id));
    return publicationOf(sinkOn(this.kafka), rows, { run: this.run, epoch: this.epoch });
  }

  async begin(run: string, by = this.process()): Promise<void> {
    this.run = run;
    if (!(await by.stamp(run, this.epoch))) throw by.failure;
  }

  ids(): string[] {
    return this.kafka.visible.map(({ value }) => Buffer.from(value!).toString()).sort();
  }

  /** As the job does: until it succeeds. */
  async untilDone(process: TrialProcess, publication: Publication): Promise<void> {
    for (let tries = 0; tries < 4; tries++) if ((await process.publish(publication)) !== null) return;
    throw process.failure;
  }
}

/** At every step in turn, in a world of its own each time: the steps, and what was wrong. */
async function atEveryStep(
  scenario: (world: World, at: number) => Promise<string | null>,
): Promise<{ steps: string[]; wrong: string[] }> {
  const steps: string[] = [];
  const wrong: string[] = [];
  for (let at = 1; ; at++) {
    const world = new World();
    await world.begin(RUN);
    await world.untilDone(world.process(), world.next());
    const step = await scenario(world, at);
    const found = world.ids();
    if (found.join() !== world.expected.toSorted().join()) wrong.push(`step ${at}, ${step}: ${found.join(' ')}`);
    if (world.kafka.open().length > 0) wrong.push(`step ${at}, ${step}: a transaction is open`);
    if (step === null) return { steps, wrong };
    steps.push(step);
  }
}

describe('at every step of a publication', () => {
  test('the process dies, and the next one repeats it', async () => {
    const repeats = new Set<string | null>();
    const { steps, wrong } = await atEveryStep(async (world, at) => {
      const publication = world.next();
      const dying = world.process(at, async (process) => process.die());
      await dying.publish(publication);
      await world.untilDone(world.process(), publication);
      repeats.add(await world.process().publish(publication));
      return dying.disturbedAt;
    });
    expect(wrong).toEqual([]);
    expect([...repeats]).toEqual(['already']);
    expect(steps).toEqual(
      ['fence', 'read the marker', 'topics', 'send', 'write the marker', 'commit'].flatMap((call) => [
        `before ${call}`,
        `after ${call}`,
      ]),
    );
  });

  test('the process dies, and the one that repeats it dies as well', async () => {
    for (let first = 1; first <= 12; first++) {
      const { wrong } = await atEveryStep(async (world, at) => {
        const publication = world.next();
        await world.process(first, async (process) => process.die()).publish(publication);
        const second = world.process(at, async (process) => process.die());
        await second.publish(publication);
        await world.untilDone(world.process(), publication);
        return second.disturbedAt;
      });
      expect(wrong, `the first died at step ${first}`).toEqual([]);
    }
  });

  test.for([
    ['fails', new RetryableError('no broker')],
    ['has an unknown outcome', new UnknownOutcomeError('no answer')],
    ['is fenced', new FencedError('somebody else has the id')],
  ] as const)('the call %s, and the same process repeats it', async ([, error]) => {
    const leftOpen: (string | null)[] = [];
    const { wrong } = await atEveryStep(async (world, at) => {
      const failing = world.process(at, async () => {
        throw error;
      });
      const publication = world.next();
      await failing.publish(publication);
      if (world.kafka.open().length > 0) leftOpen.push(failing.disturbedAt);
      await world.untilDone(failing, publication);
      return failing.disturbedAt;
    });
    expect(wrong).toEqual([]);
    // Nothing can be done about a transaction whose outcome is not known, but to ask again.
    if (!(error instanceof UnknownOutcomeError)) expect(leftOpen).toEqual([]);
  });

  test('another process publishes first, and this one goes on late', async () => {
    const { wrong } = await atEveryStep(async (world, at) => {
      const publication = world.next();
      const late = world.process(at, async () => world.untilDone(world.process(), publication));
      await world.untilDone(late, publication);
      return late.disturbedAt;
    });
    expect(wrong).toEqual([]);
  });

  test('two later epochs are published first by another process', async () => {
    const { wrong } = await atEveryStep(async (world, at) => {
      const publication = world.next();
      const late = world.process(at, async () => {
        const rival = world.process();
        for (const each of [publication, world.next(), world.next()]) await world.untilDone(rival, each);
      });
      await world.untilDone(late, publication);
      return late.disturbedAt;
    });
    expect(wrong).toEqual([]);
  });

  test('a restore publishes, begins a new run and goes on; the old run is fenced', async () => {
    const failures: unknown[] = [];
    const { steps, wrong } = await atEveryStep(async (world, at) => {
      const publication = world.next();
      const old = world.process(at, async () => {
        const restored = world.process();
        await world.untilDone(restored, publication);
        await world.begin(NEXT_RUN, restored);
        await world.untilDone(restored, world.next());
      });
      if ((await old.publish(publication)) === null) failures.push(old.failure);
      return old.disturbedAt;
    });
    expect(wrong).toEqual([]);
    // After its commit the old run had only to hear the answer.
    expect(failures).toHaveLength(steps.length - 1);
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(FencedError);
      expect(String(failure)).toContain(NEXT_RUN);
    }
  });

  test('the stamp dies at every step, and is repeated', async () => {
    for (let at = 1; ; at++) {
      const world = new World();
      const dying = world.process(at, async (process) => process.die());
      await dying.stamp(RUN, 0);
      await world.begin(RUN);
      expect(await world.process().publish(world.next())).toBe('published');
      expect(world.ids()).toEqual(world.expected.toSorted());
      if (dying.disturbedAt === null) break;
    }
  });
});

describe('where nobody can tell', () => {
  const asks = async (spoil: (world: World) => void): Promise<string> => {
    const world = new World();
    await world.begin(RUN);
    const process = world.process();
    await world.untilDone(process, world.next());
    spoil(world);
    expect(await process.publish(world.next())).toBe(null);
    expect(process.failure).toBeInstanceOf(ConfigError);
    expect(world.kafka.open()).toEqual([]);
    return String(process.failure);
  };

  test('an absent marker stops with a question and its two answers', async () => {
    const question = await asks(({ kafka }) => kafka.offsets.clear());
    expect(question).toContain('the marker in Kafka (group "pre-0", topic "t", partition 0) is not there');
    expect(question).toContain(`--published yes --group pre-0 --topic t --job job --sink out --run ${RUN} --epoch 2`);
    expect(question).toContain('--published no');
  });

  test('so does one that has gone back', async () => {
    const world = new World();
    await world.begin(RUN);
    const process = world.process();
    await world.untilDone(process, world.next());
    const old = world.kafka.offsets.get('pre-0/t/0');
    await world.untilDone(process, world.next());
    world.kafka.offsets.set('pre-0/t/0', old!);
    expect(await process.publish(world.next())).toBe(null);
    expect(String(process.failure)).toContain('says epoch 1, but said epoch 2 before');
  });

  test('and one of an older run', async () => {
    const world = new World();
    await world.begin(RUN);
    world.run = NEXT_RUN;
    const process = world.process();
    expect(await process.publish(world.next())).toBe(null);
    expect(String(process.failure)).toContain(`belongs to the older run ${RUN}`);
  });
});

test('two jobs with one prefix: the second is refused at start, and cannot stamp', async () => {
  const world = new World();
  await world.begin(RUN);
  const other = contextOf(world.clock, 'other');
  await expect(sinkOn(world.kafka).validate(other)).rejects.toThrow(
    /in use by job "job", sink "out".*setTransactionalIdPrefix/s,
  );
  const process = new TrialProcess((onStep) => sinkOn(world.kafka, onStep), other);
  expect(await process.stamp(NEXT_RUN, 0)).toBe(false);
  expect(process.failure).toBeInstanceOf(ConfigError);
  // The first one goes on, although the other has fenced it.
  await world.untilDone(world.process(), world.next());
  expect(world.ids()).toEqual(world.expected.toSorted());
});

test('a producer is its own fence for the next epoch, unless it has been idle', async () => {
  const world = new World();
  await world.begin(RUN);
  const process = world.process();
  await world.untilDone(process, world.next());
  const before = world.kafka.fences('pre-0');
  await world.untilDone(process, world.next());
  expect(world.kafka.fences('pre-0') - before).toBe(1); // the commit's own
  world.clock.ms += 3_600_000;
  await world.untilDone(process, world.next());
  expect(world.kafka.fences('pre-0') - before).toBe(3);
});

test('markers of idle slots are written anew, and say the same', async () => {
  const world = new World();
  await world.begin(RUN);
  const publisher = await sinkOn(world.kafka).publisher(world.ctx);
  const metadata = () => JSON.parse(world.kafka.offsets.get('pre-0/t/0')!.metadata) as Record<string, unknown>;
  await publisher.refresh!();
  expect(metadata()['writtenMs']).toBe(0);
  world.clock.ms += 7 * 3_600_000;
  await publisher.refresh!();
  expect(metadata()).toEqual({
    format: 1,
    job: 'job',
    sink: 'out',
    run: RUN,
    epoch: 0,
    writtenMs: world.clock.ms,
  });
  expect(world.kafka.open()).toEqual([]);
});

test('and oftener where the brokers forget sooner', async () => {
  const world = new World();
  world.kafka.settings.set('offsets.retention.minutes', '20');
  await world.begin(RUN);
  const publisher = await sinkOn(world.kafka).publisher(world.ctx);
  const ageMs = (): number =>
    world.clock.ms - Number(JSON.parse(world.kafka.offsets.get('pre-0/t/0')!.metadata)['writtenMs']);
  for (let minute = 0; minute < 60; minute++) {
    world.clock.ms += 60_000;
    await publisher.refresh!();
    expect(ageMs()).toBeLessThanOrEqual(10 * 60_000);
  }
});
