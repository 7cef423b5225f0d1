/** ReducingState and AggregatingState: a ValueState that is changed by adding to it. */
import type { OwnerScope } from './cell.ts';
import type { AggregateFunction } from './descriptors.ts';
import type { AggregatingState, ReducingState } from './states.ts';
import { checkStorable } from './storable.ts';
import type { StateTtlConfig } from './ttl.ts';
import type { ValueCodec } from './type-serializer.ts';
import { ValueCell } from './value-cell.ts';

export class ReducingCell implements ReducingState<unknown> {
  readonly cell: ValueCell;
  private readonly reduce: (a: unknown, b: unknown) => unknown;
  constructor(cell: ValueCell, reduce: (a: unknown, b: unknown) => unknown) {
    this.cell = cell;
    this.reduce = reduce;
  }
  get(): unknown {
    return this.cell.value();
  }
  add(value: unknown): void {
    const old = this.cell.value();
    this.cell.update(old === null ? value : this.reduce(old, value));
  }
  clear(): void {
    this.cell.clear();
  }
}

export class AggregatingCell implements AggregatingState<unknown, unknown> {
  readonly cell: ValueCell;
  private readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  constructor(
    name: string,
    ttl: StateTtlConfig | null,
    scope: OwnerScope,
    aggregate: AggregateFunction<unknown, unknown, unknown>,
    codec: ValueCodec | null = null,
  ) {
    const empty = aggregate.createAccumulator();
    checkStorable(
      codec === null ? empty : codec.encode(empty),
      `the accumulator of state "${name}" of operator "${scope.operator}"`,
    );
    this.cell = new ValueCell(name, ttl, scope, null, codec);
    this.aggregate = aggregate;
  }
  get(): unknown {
    const accumulator = this.cell.value();
    return accumulator === null ? null : this.aggregate.getResult(accumulator);
  }
  add(value: unknown): void {
    this.cell.update(this.aggregate.add(value, this.cell.value() ?? this.aggregate.createAccumulator()));
  }
  clear(): void {
    this.cell.clear();
  }
}
