/** An input of a harness: elements and watermarks as the test pushes them, each an element of a source behind the scenes. */
import type { DataStream } from '../api/data-stream.ts';
import type { StreamExecutionEnvironment } from '../api/environment.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { TestSource } from './test-source.ts';

/** What a harness does with all its inputs. */
export type AnyHarnessInput = Pick<HarnessInput<unknown>, 'position' | 'currentWatermark' | 'end'>;

type Pushed<T> = { readonly element: T } | { readonly watermark: number };

export class HarnessInput<T> {
  readonly #name: string;
  readonly #source: TestSource<Pushed<T>>;
  currentWatermark = MIN_WATERMARK;

  /** `startPosition`: how much was pushed into the harness that this one goes on from. */
  constructor(name: string, startPosition: number) {
    this.#name = name;
    this.#source = new TestSource({ startPositions: [startPosition] });
  }

  get position(): number {
    return this.#source.positions[0]!;
  }

  stream(env: StreamExecutionEnvironment): DataStream<T> {
    const strategy = WatermarkStrategy.forGenerator<Pushed<T>>(() => ({
      onEvent: (pushed, _timestamp, output) => {
        if ('watermark' in pushed) output.emitWatermark(pushed.watermark);
      },
    }));
    return env
      .fromSource(this.#source, strategy, this.#name)
      .uid(this.#name)
      .flatMap((pushed) => ('element' in pushed ? [pushed.element] : []));
  }

  element(element: T, timestamp: number | undefined): void {
    this.#source.push({ element }, timestamp);
  }
  watermark(watermark: number): void {
    this.#source.push({ watermark });
    this.currentWatermark = Math.max(this.currentWatermark, watermark);
  }
  end(): void {
    this.#source.end();
    this.currentWatermark = MAX_WATERMARK;
  }
}
