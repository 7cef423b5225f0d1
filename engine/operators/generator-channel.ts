/**
 * A watermark generator of the user's on one channel: what it emits, kept monotone, and its state for the manifest.
 * Stored form: [watermark, idle, what `snapshotState` gave (null without one)].
 */
import { messageOf, UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import { checkStorable } from '../state/storable.ts';
import type { WatermarkGenerator, WatermarkGeneratorSupplier, WatermarkOutput } from '../time/watermark-generator.ts';
import type { ChannelObject } from './fusible.ts';
import { refusePromise } from './map-operator.ts';

type Stored = readonly [watermark: number, idle: boolean, state: unknown];

export class GeneratorChannel implements ChannelObject, WatermarkOutput {
  /** In force before the next record. */
  watermark = MIN_WATERMARK;
  idle = false;
  private readonly generator: WatermarkGenerator<never>;
  private readonly split: string;

  constructor(make: WatermarkGeneratorSupplier<never>, split: string) {
    this.split = split;
    this.generator = make({ splitId: split });
    if (typeof (this.generator as Partial<WatermarkGenerator<never>> | undefined)?.onEvent !== 'function') {
      throw new UserCodeError(
        `forGenerator's function returned ${typeof this.generator} for split ${split}; it returns a new generator with onEvent(event, timestamp, output), one for each split.`,
      );
    }
  }

  onRecord(value: unknown, timestamp: number): void {
    const { generator } = this;
    const result: unknown = generator.onEvent(value as never, timestamp, this);
    if (result !== undefined) refusePromise(result);
    if (generator.onPeriodicEmit !== undefined) {
      const periodic: unknown = generator.onPeriodicEmit(this);
      if (periodic !== undefined) refusePromise(periodic);
    }
  }

  emitWatermark(timestamp: number): void {
    if (typeof timestamp !== 'number' || Number.isNaN(timestamp)) {
      throw new UserCodeError(
        `a watermark generator emitted ${String(timestamp)}; a watermark is a number of epoch milliseconds.`,
      );
    }
    const whole = Math.floor(timestamp);
    if (whole > this.watermark) this.watermark = whole;
    this.idle = false;
  }
  markIdle(): void {
    this.idle = true;
  }
  markActive(): void {
    this.idle = false;
  }

  snapshot(): Stored {
    let state: unknown = null;
    try {
      state = this.generator.snapshotState?.() ?? null;
    } catch (thrown) {
      throw new UserCodeError(
        `snapshotState of the watermark generator of split ${this.split} threw: ${messageOf(thrown)}`,
        {},
        thrown,
      );
    }
    if (state !== null) checkStorable(state, `the state of the watermark generator of split ${this.split}`);
    return [this.watermark, this.idle, state];
  }

  restore(stored: unknown): void {
    const [watermark, idle, state] = stored as Stored;
    this.watermark = watermark;
    this.idle = idle;
    if (state !== null) this.generator.restoreState?.(state);
  }
}
