/** Harnesses for operators of one input and of two (Flink: OneInputStreamOperatorTestHarness, TwoInputStreamOperatorTestHarness). */
import type { DataStream } from '../api/data-stream.ts';
import { HarnessInput } from './harness-input.ts';
import { OperatorTestHarness, type HarnessOptions } from './operator-test-harness.ts';

/** What the stream carries that a function makes. */
type ElementOf<S> = S extends DataStream<infer T> ? T : never;

export class OneInputStreamOperatorTestHarness<IN, OUT> extends OperatorTestHarness<OUT> {
  readonly #input: HarnessInput<IN>;

  private constructor(build: (input: DataStream<IN>) => DataStream<OUT>, options: HarnessOptions) {
    const input = new HarnessInput<IN>('input', options.from?.positions[0] ?? 0);
    super([input], (env) => build(input.stream(env)), options);
    this.#input = input;
  }

  /** `build` applies the operator to its input, as in a job: `(orders: DataStream<Order>) => orders.keyBy('customer').process(fn)`. */
  static async of<IN, S extends DataStream<unknown>>(
    build: (input: DataStream<IN>) => S,
    options: HarnessOptions = {},
  ): Promise<OneInputStreamOperatorTestHarness<IN, ElementOf<S>>> {
    const typed = build as unknown as (input: DataStream<IN>) => DataStream<ElementOf<S>>;
    return await OneInputStreamOperatorTestHarness.create(typed, options);
  }

  /** @internal */
  static async create<IN, OUT>(
    build: (input: DataStream<IN>) => DataStream<OUT>,
    options: HarnessOptions = {},
  ): Promise<OneInputStreamOperatorTestHarness<IN, OUT>> {
    return await new OneInputStreamOperatorTestHarness(build, options).opened();
  }

  /** `timestamp`: epoch milliseconds; without it the element has none. */
  async processElement(value: IN, timestamp?: number): Promise<void> {
    this.#input.element(value, timestamp);
    await this.run();
  }

  /** Event-time timers and windows up to `watermark` fire. A lower one than before changes nothing. */
  async processWatermark(watermark: number): Promise<void> {
    this.#input.watermark(watermark);
    await this.run();
  }
}

export class TwoInputStreamOperatorTestHarness<IN1, IN2, OUT> extends OperatorTestHarness<OUT> {
  readonly #first: HarnessInput<IN1>;
  readonly #second: HarnessInput<IN2>;

  private constructor(
    build: (first: DataStream<IN1>, second: DataStream<IN2>) => DataStream<OUT>,
    options: HarnessOptions,
  ) {
    const first = new HarnessInput<IN1>('first', options.from?.positions[0] ?? 0);
    const second = new HarnessInput<IN2>('second', options.from?.positions[1] ?? 0);
    super([first, second], (env) => build(first.stream(env), second.stream(env)), options);
    this.#first = first;
    this.#second = second;
  }

  /** `build` applies the operator to its inputs, as in a job. */
  static async of<IN1, IN2, S extends DataStream<unknown>>(
    build: (first: DataStream<IN1>, second: DataStream<IN2>) => S,
    options: HarnessOptions = {},
  ): Promise<TwoInputStreamOperatorTestHarness<IN1, IN2, ElementOf<S>>> {
    const typed = build as unknown as (first: DataStream<IN1>, second: DataStream<IN2>) => DataStream<ElementOf<S>>;
    return await TwoInputStreamOperatorTestHarness.create(typed, options);
  }

  /** @internal */
  static async create<IN1, IN2, OUT>(
    build: (first: DataStream<IN1>, second: DataStream<IN2>) => DataStream<OUT>,
    options: HarnessOptions = {},
  ): Promise<TwoInputStreamOperatorTestHarness<IN1, IN2, OUT>> {
    return await new TwoInputStreamOperatorTestHarness(build, options).opened();
  }

  async processElement1(value: IN1, timestamp?: number): Promise<void> {
    this.#first.element(value, timestamp);
    await this.run();
  }
  async processElement2(value: IN2, timestamp?: number): Promise<void> {
    this.#second.element(value, timestamp);
    await this.run();
  }

  /** The operator's watermark is the smaller of its inputs'. */
  async processWatermark1(watermark: number): Promise<void> {
    this.#first.watermark(watermark);
    await this.run();
  }
  async processWatermark2(watermark: number): Promise<void> {
    this.#second.watermark(watermark);
    await this.run();
  }
  async processBothWatermarks(watermark: number): Promise<void> {
    this.#first.watermark(watermark);
    this.#second.watermark(watermark);
    await this.run();
  }
}
