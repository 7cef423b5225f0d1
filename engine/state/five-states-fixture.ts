/** All five kinds of state of one operator, with restarts: memory is lost, and what was written is read again. */
import type { KeyScope } from './cell.ts';
import {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from './descriptors.ts';
import { KeyIndex } from './key-index.ts';
import { KeyedStateStore } from './keyed-state-store.ts';
import { readSegment, SegmentWriter } from './segment.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './states.ts';
import type { StateTtlConfig } from './ttl.ts';

export class FiveStates {
  readonly scope: { -readonly [P in keyof KeyScope]: KeyScope[P] };
  readonly segments: Uint8Array[] = [];
  store!: KeyedStateStore;
  value!: ValueState<number>;
  list!: ListState<unknown>;
  map!: MapState<unknown, number>;
  max!: ReducingState<number>;
  sum!: AggregatingState<number, string>;
  private readonly ttl: StateTtlConfig | null;

  constructor(ttl: StateTtlConfig | null = null) {
    this.ttl = ttl;
    this.scope = { id: -1, clockMs: 0, keys: new KeyIndex(128), operator: 'test' };
    this.open();
  }
  private open(): void {
    const states = new KeyedStateStore(this.scope);
    const kept = <D extends { enableTimeToLive(config: StateTtlConfig): D }>(d: D): D =>
      this.ttl === null ? d : d.enableTimeToLive(this.ttl);
    this.store = states;
    this.value = states.value(kept(new ValueStateDescriptor<number>('v')));
    this.list = states.list(kept(new ListStateDescriptor<unknown>('l')));
    this.map = states.map(kept(new MapStateDescriptor<unknown, number>('m')));
    this.max = states.reducing(kept(new ReducingStateDescriptor<number>('r', (a, b) => Math.max(a, b))));
    const add = {
      createAccumulator: () => ({ n: 0 }),
      add: (v: number, a: { n: number }) => {
        a.n += v;
        return a;
      },
      getResult: (a: { n: number }) => `sum ${a.n}`,
    };
    this.sum = states.aggregating(kept(new AggregatingStateDescriptor('a', add)));
    states.seal();
  }
  at(key: string): this {
    this.scope.id = this.scope.keys.idOf(key);
    return this;
  }
  snapshot(): number {
    const writer = new SegmentWriter();
    this.store.snapshot(writer);
    const bytes = writer.finish();
    if (bytes !== null) this.segments.push(bytes);
    return writer.entries;
  }
  /** Memory is lost; what was written is read again. */
  restart(): void {
    this.scope.keys = new KeyIndex(128);
    this.scope.id = -1;
    this.open();
    for (const bytes of this.segments) readSegment(bytes, 0, 128, 'segment', this.store);
  }
  shown(key: string): unknown {
    this.at(key);
    return {
      value: this.value.value(),
      list: this.list.get(),
      map: [...this.map.entries()],
      max: this.max.get(),
      sum: this.sum.get(),
    };
  }
  isLive(key: string): boolean {
    return this.store.isLive(this.scope.keys.idOf(key));
  }
}
