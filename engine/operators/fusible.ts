/**
 * Stateless operators give a fragment of JavaScript; the stage compiler joins the fragments between two stateful operators into
 * one function (HOTPATH sections 3 and 7: 9–12 ns a row for a whole chain, against 70–104 for shared operator objects).
 * Closures of the user are parameters of the generated function; source text holds no user data.
 */
export interface RowVars {
  /** JavaScript expressions, cheap to repeat: the value, its timestamp, and the watermark in force before it. */
  readonly value: string;
  readonly ts: string;
  readonly wm: string;
  /** The value is the flyweight row of a declared schema: it must not be kept (`materialise` makes a copy to keep). */
  readonly lazy: boolean;
}

/** Something kept per channel that is more than a number. Its state is in the manifest. */
export interface ChannelObject {
  /** Plain values, as in keyed state. */
  snapshot(): unknown;
  restore(stored: unknown): void;
  /** It says that the channel holds nobody back for now. */
  readonly idle: boolean;
}

export interface ChainCodegen {
  /** Binds a run-time value and returns the identifier that stands for it. */
  bind(value: unknown): string;
  /** A fresh identifier. */
  fresh(prefix: string): string;
  line(code: string): void;
  /** Declares a counter that is reported under `name` with the epoch's counts; returns the identifier to increment. */
  counter(name: string): string;
  /**
   * A number kept per channel from batch to batch, e.g. the highest timestamp seen. It is rolled back with its row when a later
   * operator of the chain throws. Returns the identifier of the local copy. `initial`: value on a new channel.
   */
  channelState(initial: number): string;
  /** An object kept per channel from batch to batch; returns the identifier. What happens to it is not rolled back. */
  channelObject(make: (channel: string) => ChannelObject): string;
  /** Errors of the lines that follow are this operator's: needed after `downstream` only. */
  resume(): void;
  /** From here on rows carry a watermark of their own; `atEnd` is the expression of the watermark after the last row. */
  watermarkAtEnd(atEnd: string): void;
  /** `value` as something that may be kept: the expression itself, or a copy where it is (or may be) the flyweight row. */
  materialise(value: string): string;
  /** Code of everything that consumes this operator's main output, or its side output `tag`. */
  downstream(rows: RowVars, tag?: string): void;
  /** True if somebody consumes the side output. */
  hasConsumer(tag: string): boolean;
  readonly taggedOutputs: readonly string[];
}

export interface Fusible {
  fragment(cg: ChainCodegen, rows: RowVars): void;
}

/** A returned promise where none is awaited is an error at run time as well as in the types (ARCHITECTURE section 9). */
export function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
