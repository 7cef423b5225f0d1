/** Functions of joins, class and function forms (Flink: ProcessJoinFunction). */
import type { Collector } from '../operators/collector.ts';
import type { ProcessJoinContext } from '../operators/interval-join-operator.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { WindowCollector } from '../windows/window-function.ts';
import type { Nothing } from './functions.ts';

/** Class form: called for each pair of an interval join. */
export abstract class ProcessJoinFunction<A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: RuntimeContext): void | Promise<void>;
  abstract processElement(left: A, right: B, ctx: ProcessJoinContext, out: Collector<O>): Nothing | Iterable<O>;
  close?(): void | Promise<void>;
}

/** Function form. Emits by `out.collect`, or by returning an iterable, whose element type is then inferred. */
export type ProcessJoin<A, B, O> = (
  left: A,
  right: B,
  ctx: ProcessJoinContext,
  out: Collector<O>,
) => Nothing | Iterable<O>;

/** Class form: makes one result of each pair of a window join. */
export abstract class JoinFunction<A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: RuntimeContext): void | Promise<void>;
  abstract join(first: A, second: B): O;
  close?(): void | Promise<void>;
}

/** Class form: makes any number of results of each pair of a window join. */
export abstract class FlatJoinFunction<A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: RuntimeContext): void | Promise<void>;
  abstract join(first: A, second: B, out: WindowCollector<O>): Nothing | Iterable<O>;
  close?(): void | Promise<void>;
}

/** Class form: gets all rows of a key and window, of either stream in order of arrival; one of the lists may be empty. */
export abstract class CoGroupFunction<A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: RuntimeContext): void | Promise<void>;
  abstract coGroup(first: readonly A[], second: readonly B[], out: WindowCollector<O>): Nothing | Iterable<O>;
  close?(): void | Promise<void>;
}

/** Function form. Emits by `out.collect`, or by returning an iterable, whose element type is then inferred. */
export type CoGroup<A, B, O> = (
  first: readonly A[],
  second: readonly B[],
  out: WindowCollector<O>,
) => Nothing | Iterable<O>;
