/**
 * Flink's WindowOperator in the plainest way: one row at a time, windows in a list, elements in arrays, timers in sets. Nothing of the
 * engine's windows, triggers and evictors is used here.
 */
export interface Row {
  readonly k: string;
  readonly t: number;
  readonly v: number;
}
export type AssignerSpec =
  | { readonly kind: 'tumbling' | 'tumbling-processing'; readonly size: number; readonly offset: number }
  | {
      readonly kind: 'sliding' | 'sliding-processing';
      readonly size: number;
      readonly slide: number;
      readonly offset: number;
    }
  | { readonly kind: 'session' | 'session-processing'; readonly gap: number; readonly dynamic: boolean }
  | { readonly kind: 'global' };
export interface TriggerSpec {
  readonly kind: 'default' | 'count' | 'continuous-event' | 'continuous-processing' | 'delta';
  /** The count, the interval or the threshold. */
  readonly n: number;
  readonly purging: boolean;
}
export interface EvictorSpec {
  readonly kind: 'count' | 'time' | 'delta';
  readonly n: number;
  readonly after: boolean;
}
export interface Spec {
  readonly assigner: AssignerSpec;
  readonly trigger: TriggerSpec;
  readonly evictor: EvictorSpec | null;
  readonly lateness: number;
}

export const isMerging = ({ assigner }: Spec): boolean => assigner.kind.startsWith('session');
export const isEventTime = ({ assigner }: Spec): boolean =>
  assigner.kind !== 'global' && !assigner.kind.endsWith('processing');
/** The gap of a row with a dynamic gap. */
export const gapOf = (row: Row, gap: number): number => gap + Math.abs(row.v % 4);

const FOREVER = 2 ** 63;

interface Win {
  readonly k: string;
  readonly start: number;
  readonly end: number;
  elements: Row[];
  count: number;
  fireTime: number | null;
  mark: Row | null;
  fires: number;
  readonly event: Set<number>;
  readonly processing: Set<number>;
}

export interface Emitted {
  readonly k: string;
  readonly start: number;
  readonly end: number;
  readonly values: readonly number[];
  /** How often this window, and this key, have fired; null where windows merge. */
  readonly ofWindow: number | null;
  readonly ofKey: number;
}

export class WindowOracle {
  fired: Emitted[] = [];
  cleared: string[] = [];
  late: Row[] = [];
  dropped = 0;
  private readonly spec: Spec;
  private windows: Win[] = [];
  private readonly firesOfKey = new Map<string, number>();
  private watermark = -FOREVER;
  private clock = 0;

  constructor(spec: Spec) {
    this.spec = spec;
  }

  /** Time of the next timer in each domain. */
  next(domain: 'event' | 'processing'): number {
    return Math.min(Infinity, ...this.windows.flatMap((w) => [...w[domain]]));
  }
  get isEmpty(): boolean {
    return this.windows.length === 0;
  }

  setClock(ms: number): void {
    this.clock = ms;
    this.fireTimers('processing', ms);
  }

  setWatermark(ms: number): void {
    if (ms <= this.watermark) return;
    this.watermark = ms;
    this.fireTimers('event', ms);
  }

  add(row: Row): void {
    const spans = this.spans(row);
    let taken = false;
    for (const [start, end] of spans) {
      const w = isMerging(this.spec) ? this.merged(row.k, start, end) : this.windowAt(row.k, start, end);
      if (isEventTime(this.spec) && this.cleanup(w) <= this.watermark) {
        this.windows = this.windows.filter((other) => other !== w);
        continue;
      }
      taken = true;
      w.elements.push(row);
      this.act(w, this.onElement(w, row));
      if (this.cleanup(w) < FOREVER) w[isEventTime(this.spec) ? 'event' : 'processing'].add(this.cleanup(w));
    }
    if (taken) return;
    if (isEventTime(this.spec) && row.t + this.spec.lateness <= this.watermark) this.late.push(row);
    else this.dropped++;
  }

  private spans(row: Row): [number, number][] {
    const { assigner } = this.spec;
    const time = assigner.kind.endsWith('processing') ? this.clock : row.t;
    if (assigner.kind === 'global') return [[-Infinity, Infinity]];
    if ('gap' in assigner) return [[time, time + (assigner.dynamic ? gapOf(row, assigner.gap) : assigner.gap)]];
    const slide = 'slide' in assigner ? assigner.slide : assigner.size;
    const spans: [number, number][] = [];
    let start = Math.floor((time - assigner.offset) / slide) * slide + assigner.offset;
    for (; start > time - assigner.size; start -= slide) spans.push([start, start + assigner.size]);
    return spans;
  }

  private make(k: string, start: number, end: number): Win {
    const empty = { elements: [], count: 0, fireTime: null, mark: null, fires: 0 };
    const w = { ...empty, k, start, end, event: new Set<number>(), processing: new Set<number>() };
    this.windows.push(w);
    return w;
  }

  private windowAt(k: string, start: number, end: number): Win {
    return this.windows.find((w) => w.k === k && w.start === start && w.end === end) ?? this.make(k, start, end);
  }

  private merged(k: string, start: number, end: number): Win {
    const others = this.windows.filter((w) => w.k === k && w.start <= end && w.end >= start);
    const from = Math.min(start, ...others.map((w) => w.start));
    const to = Math.max(end, ...others.map((w) => w.end));
    const [first] = others;
    if (first !== undefined && others.length === 1 && first.start === from && first.end === to) return first;
    this.windows = this.windows.filter((w) => !others.includes(w));
    const w = this.make(k, from, to);
    if (first === undefined) return w;
    w.elements = others.flatMap((other) => other.elements);
    w.count = others.reduce((sum, other) => sum + other.count, 0);
    const times = others.flatMap(({ fireTime }) => (fireTime === null ? [] : [fireTime]));
    w.fireTime = times.length === 0 ? null : Math.min(...times);
    const { kind } = this.spec.trigger;
    if (kind === 'default' && isEventTime(this.spec) && this.last(w) > this.watermark) w.event.add(this.last(w));
    if (kind === 'default' && !isEventTime(this.spec) && this.last(w) > this.clock) w.processing.add(this.last(w));
    if (kind === 'continuous-event' && w.fireTime !== null) w.event.add(w.fireTime);
    if (kind === 'continuous-processing' && w.fireTime !== null) w.processing.add(w.fireTime);
    return w;
  }

  private last(w: Win): number {
    return w.end === Infinity ? FOREVER : w.end - 1;
  }
  private cleanup(w: Win): number {
    return this.last(w) + (isEventTime(this.spec) ? this.spec.lateness : 0);
  }

  /** True: fires. */
  private onElement(w: Win, row: Row): boolean {
    const { kind, n } = this.spec.trigger;
    if (kind === 'count') {
      if (++w.count < n) return false;
      w.count = 0;
      return true;
    }
    if (kind === 'delta') {
      const fires = w.mark !== null && Math.abs(row.v - w.mark.v) > n;
      if (fires || w.mark === null) w.mark = row;
      return fires;
    }
    if (kind === 'continuous-processing') {
      if (w.fireTime === null) this.schedule(w, this.clock - (this.clock % n));
      return false;
    }
    if (kind === 'continuous-event' || isEventTime(this.spec)) {
      if (this.last(w) <= this.watermark) return true;
      w.event.add(this.last(w));
      if (kind === 'continuous-event' && w.fireTime === null) this.schedule(w, row.t - (row.t % n));
      return false;
    }
    if (this.spec.assigner.kind !== 'global') w.processing.add(this.last(w));
    return false;
  }

  private onTimer(w: Win, time: number, domain: 'event' | 'processing'): boolean {
    const { kind } = this.spec.trigger;
    if (kind === 'default') {
      if (isEventTime(this.spec)) return domain === 'event' && time === this.last(w);
      return domain === 'processing';
    }
    if (kind === 'continuous-event' && domain === 'event' && time === this.last(w)) return true;
    if (kind !== `continuous-${domain}` || w.fireTime !== time) return false;
    this.schedule(w, time);
    return true;
  }

  private schedule(w: Win, from: number): void {
    const { kind, n } = this.spec.trigger;
    const processing = kind === 'continuous-processing';
    const atEnd = !processing && w.end === Infinity && this.watermark >= FOREVER;
    const bounded = processing ? from < this.last(w) : true;
    w.fireTime = atEnd ? FOREVER : bounded ? Math.min(from + n, this.last(w)) : from + n;
    w[processing ? 'processing' : 'event'].add(w.fireTime);
  }

  private fireTimers(domain: 'event' | 'processing', upTo: number): void {
    for (;;) {
      const due = this.windows
        .flatMap((w) => [...w[domain]].map((time) => ({ w, time })))
        .filter(({ time }) => time <= upTo)
        .sort((a, b) => a.time - b.time || a.w.start - b.w.start || a.w.end - b.w.end);
      const [first] = due;
      if (first === undefined) return;
      const { w, time } = first;
      w[domain].delete(time);
      this.act(w, this.onTimer(w, time, domain));
      if (domain !== (isEventTime(this.spec) ? 'event' : 'processing') || time !== this.cleanup(w)) continue;
      this.windows = this.windows.filter((other) => other !== w);
      if (!isMerging(this.spec)) this.cleared.push(JSON.stringify([w.start, w.end, w.fires]));
      else this.cleared.push(JSON.stringify([w.start, w.end]));
    }
  }

  private act(w: Win, fires: boolean): void {
    if (!fires) return;
    if (w.elements.length > 0) this.fire(w);
    if (this.spec.trigger.purging) w.elements = [];
  }

  private fire(w: Win): void {
    const { evictor } = this.spec;
    if (evictor?.after === false) w.elements = this.evicted(w.elements, evictor);
    const ofKey = (this.firesOfKey.get(w.k) ?? 0) + 1;
    this.firesOfKey.set(w.k, ofKey);
    w.fires++;
    const values = w.elements.map(({ v }) => v);
    const ofWindow = isMerging(this.spec) ? null : w.fires;
    this.fired.push({ k: w.k, start: w.start, end: w.end, values, ofWindow, ofKey });
    if (evictor?.after === true) w.elements = this.evicted(w.elements, evictor);
  }

  private evicted(elements: Row[], { kind, n }: EvictorSpec): Row[] {
    if (kind === 'count') return n >= elements.length ? elements : elements.slice(elements.length - n);
    if (kind === 'time') {
      const latest = Math.max(...elements.map(({ t }) => t));
      return elements.filter(({ t }) => t > latest - n);
    }
    const last = elements.at(-1);
    return elements.filter(({ v }) => Math.abs(v - last!.v) < n);
  }
}
