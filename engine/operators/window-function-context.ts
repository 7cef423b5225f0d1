/** What a window function sees, and where its results go: with the window's max timestamp, on the channel of the key group. */
import { UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { StateAccess } from '../state/state-access.ts';
import { GlobalWindow } from '../windows/global-window.ts';
import type { Window } from '../windows/time-window.ts';
import type { SideOutput, WindowCollector, WindowContext } from '../windows/window-function.ts';
import type { KeyedOperatorContext } from './keyed-operator.ts';
import { refusePromise } from './map-operator.ts';
import type { WindowStates } from './window-states.ts';

/** The user's function, or what stands in for it, with keys and windows of any type. */
export type AnyWindowFunction = (
  key: unknown,
  context: WindowContext<Window>,
  elements: readonly unknown[],
  out: WindowCollector<unknown>,
) => void | undefined | Iterable<unknown>;

export class WindowFunctionContext implements WindowContext<Window>, WindowCollector<unknown> {
  clockMs = 0;
  window: Window = GlobalWindow.get();
  private readonly ctx: KeyedOperatorContext;
  private readonly states: WindowStates;
  /** Windows that merge have no state of their own (Flink). */
  private readonly merging: boolean;
  private keyId = -1;
  private group = 0;
  private tag = MIN_WATERMARK;
  private watermark = MIN_WATERMARK;

  constructor(ctx: KeyedOperatorContext, states: WindowStates, merging: boolean) {
    this.ctx = ctx;
    this.states = states;
    this.merging = merging;
  }

  /** `tag`: the watermark that emitted rows carry; `watermark`: the one that user code sees. */
  at(keyId: number, window: Window, tag: number, watermark: number): this {
    this.keyId = keyId;
    this.window = window;
    this.group = this.ctx.keys.keyGroups[keyId]!;
    this.tag = tag;
    this.watermark = watermark;
    return this;
  }

  run(fn: AnyWindowFunction, elements: readonly unknown[]): void {
    const returned = fn(this.ctx.keys.keys[this.keyId], this, elements, this);
    if (returned === undefined) return;
    refusePromise(returned);
    for (const value of returned) this.collect(value);
  }

  collect(value: unknown): void {
    this.ctx.output.emit(value, this.window.maxTimestamp(), this.tag, this.group);
  }

  currentWatermark(): number {
    return Math.max(MIN_WATERMARK, this.watermark);
  }

  currentProcessingTime(): number {
    return this.clockMs;
  }

  windowState(): StateAccess {
    if (this.merging)
      throw new UserCodeError(
        'windowState() is not allowed where windows merge (sessions): keep it in globalState(), by the window.',
      );
    return this.states.windowState(this.keyId, this.window);
  }

  globalState(): StateAccess {
    return this.states.globalState(this.keyId);
  }

  output<X>(tag: SideOutput<X>, value: X): void {
    this.ctx.side(tag.id)?.emit(value, this.window.maxTimestamp(), this.tag, this.group);
  }
}
