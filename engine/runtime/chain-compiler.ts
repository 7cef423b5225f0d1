/**
 * Compiles a tree of stateless operators into one function over a batch (HOTPATH sections 3 and 7).
 *
 * The function handles rows [from, to) and returns `to`, or the row at which user code threw. Then nothing of that row is left: what
 * the row had put into leaves, channel state and counters is rolled back, so the record can go to the dead letters and the loop
 * can go on behind it.
 */
import type { Exchange, JobNode, JobOutput } from '../graph/job-graph.ts';
import { UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK, NO_TIMESTAMP } from '../model/watermark.ts';
import type { ChainCodegen, ChannelObject, RowVars } from '../operators/fusible.ts';
import { generate } from '../operators/generated-loop.ts';
import { KeyCheck } from '../operators/key-check.ts';
import { TimestampsOperator } from '../operators/timestamps-operator.ts';
import { growSinkLeaf, type ChainLeaf, type ExchangeLeaf, type SinkLeaf } from './chain-leaf.ts';

/** What a run leaves behind besides rows. */
export interface ChainReport {
  /** What user code threw, at the row that `run` returned. */
  error: unknown;
  /** Index into `operators` of the operator that threw. */
  at: number;
}

export interface CompiledChain {
  /** `objects`: the channel's, made by `makeObjects`. */
  run(
    batch: object,
    from: number,
    to: number,
    state: Float64Array,
    clockMs: number,
    objects: readonly ChannelObject[],
  ): number;
  readonly report: ChainReport;
  /** Initial channel state; one array of this length per channel. */
  readonly initialState: readonly number[];
  /** What each new channel gets besides. */
  readonly makeObjects: readonly ((channel: string) => ChannelObject)[];
  readonly counterNames: readonly string[];
  /** Counts since they were last taken (then set to 0). */
  readonly counters: Float64Array;
  /** Operators by the numbers that `report.at` uses. */
  readonly operators: readonly JobNode[];
}

/** How the head's rows look: a source's batch (lazy rows or values), or an operator's output buffer. */
export type ChainInput =
  | { readonly kind: 'source'; readonly lazy: boolean; readonly columns: ReadonlyMap<string, boolean> }
  | { readonly kind: 'buffer' };

export interface ChainRequest {
  readonly head: JobNode;
  /** Null: the head's main output and, for a source, everything it emits. */
  readonly tag: string | null;
  readonly input: ChainInput;
  /** The leaf for an edge into a keyed operator or a sink. */
  leaf(output: JobOutput): ChainLeaf;
}

export function compileChain(request: ChainRequest): CompiledChain {
  return new ChainCompiler(request).compile();
}

class ChainCompiler implements ChainCodegen {
  taggedOutputs: readonly string[] = [];
  private readonly request: ChainRequest;
  private readonly params: Record<string, unknown> = {};
  private readonly body: string[] = [];
  private readonly prologue: string[] = [];
  private readonly rowStart: string[] = [];
  private readonly rollback: string[] = [];
  private readonly epilogue: string[] = [];
  private readonly initialState: number[] = [];
  private readonly makeObjects: ((channel: string) => ChannelObject)[] = [];
  private readonly counterNames: string[] = [];
  private readonly operators: JobNode[] = [];
  private names = 0;
  private node: JobNode;
  private atEnd: string;

  constructor(request: ChainRequest) {
    this.request = request;
    this.node = request.head;
    this.atEnd = String(MIN_WATERMARK);
  }

  compile(): CompiledChain {
    const { input, head } = this.request;
    const source = input.kind === 'source';
    this.operators.push(head);
    const rows: RowVars = source
      ? { value: input.lazy ? 'row' : 'v', ts: 'ts', wm: String(MIN_WATERMARK), lazy: input.lazy }
      : { value: 'v', ts: 'ts', wm: 'wm', lazy: false };
    if (head.operator.kind === 'source') new TimestampsOperator(head.operator.strategy).fragment(this, rows);
    else this.downstream(rows, this.request.tag ?? undefined);
    const report: ChainReport = { error: null, at: 0 };
    const counters = new Float64Array(this.counterNames.length);
    Object.assign(this.params, { report, counters });
    const run = generate<CompiledChain['run']>(this.params, this.text(source, source && input.lazy));
    return {
      run,
      report,
      initialState: this.initialState,
      makeObjects: this.makeObjects,
      counterNames: this.counterNames,
      counters,
      operators: this.operators,
    };
  }

  private text(source: boolean, lazy: boolean): string {
    const load = source
      ? lazy
        ? 'row.__i = i;'
        : 'const v = values[i];'
      : 'const v = values[i], ts = TS[i], wm = WM[i], channel = CH[i];';
    const time = source ? `const ts = TS === null ? ${NO_TIMESTAMP} : TS[i], channel = 0;` : '';
    const columns = source
      ? 'const { values, row } = batch, TS = batch.timestamps;'
      : 'const { values, ts: TS, wm: WM, channel: CH } = batch;';
    return `return function (batch, from, to, state, clockMs, objects) {
${columns}
let i = from, at = 0;
${this.prologue.join('\n')}
try {
for (; i < to; i++) {
at = 0;
${this.rowStart.join('\n')}
${load} ${time}
${this.body.join('\n')}
}
} catch (e) {
report.error = e; report.at = at;
${this.rollback.join('\n')}
}
${this.epilogue.join('\n')}
return i;
};`;
  }

  bind(value: unknown): string {
    for (const [name, known] of Object.entries(this.params)) if (known === value) return name;
    const name = this.fresh('p');
    this.params[name] = value;
    return name;
  }

  fresh(prefix: string): string {
    return `${prefix}${++this.names}`;
  }

  line(code: string): void {
    this.body.push(code);
  }

  counter(name: string): string {
    const slot = this.counterNames.length;
    this.counterNames.push(name);
    const local = this.fresh('c');
    this.prologue.push(`let ${local} = 0;`);
    this.saved(local);
    this.epilogue.push(`counters[${slot}] += ${local};`);
    return local;
  }

  channelState(initial: number): string {
    const slot = this.initialState.length;
    this.initialState.push(initial);
    const local = this.fresh('s');
    this.prologue.push(`let ${local} = state[${slot}];`);
    this.saved(local);
    this.epilogue.push(`state[${slot}] = ${local};`);
    return local;
  }

  channelObject(make: (channel: string) => ChannelObject): string {
    const local = this.fresh('g');
    this.prologue.push(`const ${local} = objects[${this.makeObjects.push(make) - 1}];`);
    return local;
  }

  resume(): void {
    this.line(`at = ${this.operators.lastIndexOf(this.node)};`);
  }

  watermarkAtEnd(atEnd: string): void {
    this.atEnd = atEnd;
  }

  materialise(value: string): string {
    return value === 'row' ? 'row.__copy()' : `(${value} === row ? row.__copy() : ${value})`;
  }

  hasConsumer(tag: string): boolean {
    return this.node.outputs.some((output) => output.tag === tag);
  }

  downstream(rows: RowVars, tag?: string): void {
    const { node, atEnd } = this;
    for (const output of node.outputs.filter((o) => o.tag === (tag ?? null))) {
      const { to } = output;
      this.node = to;
      this.atEnd = atEnd;
      if (to.operator.kind === 'stateless' && output.key === null) this.stateless(to, rows);
      else this.leaf(output, rows);
      this.node = node;
      this.atEnd = atEnd;
    }
  }

  private stateless(to: JobNode, rows: RowVars): void {
    if (to.operator.kind !== 'stateless') return;
    const number = this.operators.push(to) - 1;
    this.taggedOutputs = [...new Set(to.outputs.flatMap((output) => (output.tag === null ? [] : [output.tag])))];
    this.line(`at = ${number};`);
    this.line('{');
    to.operator.operator.fragment(this, rows);
    this.line('}');
  }

  /** Remembers a local at the start of each row and brings it back when the row fails. */
  private saved(local: string): void {
    this.rowStart.push(`${local}_0 = ${local};`);
    this.prologue.push(`let ${local}_0 = ${local};`);
    this.rollback.push(`${local} = ${local}_0;`);
  }

  private leaf(output: JobOutput, rows: RowVars): void {
    const leaf = this.request.leaf(output);
    const at = this.operators.push(output.to) - 1;
    const l = this.bind(leaf);
    const n = this.fresh('n');
    this.epilogue.push(`${l}.wmEnd = ${this.atEnd};`);
    if (leaf.kind === 'sink') this.sinkRows(leaf, l, n, rows);
    else this.exchangeRows(leaf, l, n, rows, at);
    this.saved(n);
  }

  private sinkRows(leaf: SinkLeaf, l: string, n: string, rows: RowVars): void {
    this.prologue.push(`let ${n} = ${l}.n;`);
    this.line(`if (${n} === ${l}.capacity) ${this.bind(growSinkLeaf)}(${l});`);
    this.line(
      `${l}.values[${n}] = ${rows.lazy ? this.materialise(rows.value) : rows.value}; ${l}.ts[${n}++] = ${rows.ts};`,
    );
    this.epilogue.push(`${l}.n = ${n};`);
  }

  private exchangeRows(leaf: ExchangeLeaf, l: string, n: string, rows: RowVars, at: number): void {
    const { input } = this.request;
    const keepLazy = rows.lazy && !leaf.buffered;
    const b = this.fresh('b');
    this.prologue.push(`const ${b} = ${l}.batch; let ${n} = ${b}.n; ${b}.lazy = ${keepLazy};`);
    const inColumn =
      keepLazy && leaf.key.kind === 'field' && input.kind === 'source' && input.columns.get(leaf.key.field) === true;
    leaf.keyColumn = inColumn ? 0 : -1;
    const key = inColumn || leaf.key.kind === 'broadcast' ? null : this.key(leaf, l, rows, at);
    const copies = leaf.key.kind === 'partition' && leaf.key.scheme.kind === 'copies';
    if (copies) this.line(`for (const k of ${this.bind(leaf.partitionKeys)}) {`);
    this.line(`if (${n} === ${b}.capacity) ${b}.grow();`);
    if (key !== null) this.line(`${b}.keys[${n}] = ${key};`);
    if (!keepLazy) this.line(`${b}.values[${n}] = ${rows.lazy ? this.materialise(rows.value) : rows.value};`);
    this.line(
      `${b}.index[${n}] = i; ${b}.channel[${n}] = channel; ${b}.ts[${n}] = ${rows.ts}; ${b}.wm[${n}++] = ${rows.wm};`,
    );
    if (copies) this.line('}');
    this.epilogue.push(`${b}.n = ${n};`);
  }

  /** Code that finds the row's key; the expression for it. */
  private key(leaf: ExchangeLeaf, l: string, rows: RowVars, at: number): string {
    const { key } = leaf;
    this.line(`at = ${at};`);
    if (key.kind === 'partition') return this.partitionKey(key, leaf.partitionKeys, l, rows);
    const found = this.fresh('k');
    if (key.kind === 'field') this.line(`const ${found} = ${rows.value}[${JSON.stringify(key.field)}];`);
    else if (key.kind === 'function') {
      const select = this.bind(key.select);
      const check = this.bind(new KeyCheck());
      this.line(`const ${found} = ${select}(${rows.value});`);
      this.line(`if (${check}.looks > 0) ${check}.look(${select}, ${rows.value}, ${found});`);
    }
    this.line(`if (${found} === null || ${found} === undefined) ${this.bind(nullKey)}(${found});`);
    return found;
  }

  /** Behind a source rows are dealt out split by split, behind a keyed operator key group by key group: both are logical (E7a). */
  private partitionKey(
    { scheme }: Exchange & { kind: 'partition' },
    keys: readonly number[],
    l: string,
    rows: RowVars,
  ): string {
    const k = this.bind(keys);
    const count = keys.length;
    const fromSource = this.request.input.kind === 'source';
    const dealt = (): string => {
      if (!fromSource) return 'channel';
      const next = this.channelState(0);
      this.line(`${next} = ${next} === 0x7fffffff ? 1 : ${next} + 1;`);
      return `(${next} - 1)`;
    };
    switch (scheme.kind) {
      case 'global':
        return `${k}[0]`;
      case 'copies':
        return 'k';
      case 'forward':
        return fromSource ? `${k}[${l}.partition]` : `${k}[channel % ${count}]`;
      case 'rebalance':
        return `${k}[${dealt()} % ${count}]`;
      case 'shuffle':
        return `${k}[(Math.imul(${dealt()} + 1, 0x9e3779b1) >>> 8) % ${count}]`;
      case 'custom':
        return `${k}[${this.bind(checkedPartition)}(${this.bind(scheme.partitionOf)}(${rows.value}, ${count}), ${count})]`;
    }
  }
}

function checkedPartition(partition: number, count: number): number {
  if (Number.isInteger(partition) && partition >= 0 && partition < count) return partition;
  throw new UserCodeError(
    `the partitioner returned ${String(partition)}; return a whole number from 0 to ${count - 1} (the operator behind it has parallelism ${count}).`,
  );
}

function nullKey(key: unknown): never {
  throw new UserCodeError(
    `the key is ${String(key)}. Filter out records without a key, or give them a key of their own, before keyBy.`,
  );
}
