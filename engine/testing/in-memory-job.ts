/**
 * A job over ports in memory: what outlives its processes (stores, sinks, the record of its epochs), and how one of them is run.
 * The job is a function that builds it, or a job module; a module's sinks are replaced by ones in memory, its sources where asked.
 */
import type { JobModule } from '../api/define-job.ts';
import { StreamExecutionEnvironment } from '../api/environment.ts';
import type { JobSettings } from '../api/job-settings.ts';
import type { Manifest } from '../checkpoint/records.ts';
import { runEmbedded, type EmbeddedOptions, type EmbeddedResult, type Ports } from '../embedded/executor.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../embedded/memory-state-store.ts';
import { MemoryStateTable } from '../embedded/memory-state-table.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { ConfigError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Sink } from '../ports/sink.ts';
import type { Source } from '../ports/source.ts';
import type { StateTable } from '../ports/state-table.ts';
import { CommittedRows, type CommittedRow } from './committed-rows.ts';
import { substituteEndpoints } from './substitute-endpoints.ts';

export interface JobScope {
  readonly env: StreamExecutionEnvironment;
  /** The sink of this name: the same one in every execution. */
  readonly sink: <T>(name: string) => Sink<T>;
}

/** Called again for each process: build the whole job in it. */
export type BuildJob = (scope: JobScope) => void;

export interface InMemoryJobOptions {
  /** A job module's settings, as `--set` gives them. */
  readonly config?: Readonly<Record<string, string>>;
  /** Instead of a job module's own, by the source's name or uid. */
  readonly sources?: Readonly<Record<string, Source<unknown>>>;
  readonly settings?: Partial<JobSettings>;
  readonly maxParallelism?: number;
  /** For the state backend `table`. Default: one in memory. */
  readonly table?: StateTable;
}

export class InMemoryJob {
  readonly ports: Ports;
  readonly manifests: Manifest[] = [];
  readonly #job: BuildJob | JobModule;
  readonly #options: InMemoryJobOptions;
  readonly #sinks = new Map<string, CommittedRows<unknown>>();
  /** Names of a module's sinks that are no uids. */
  readonly #sinkNames = new Map<string, string>();
  #executions = 0;

  constructor(job: BuildJob | JobModule, clock: Clock, options: InMemoryJobOptions = {}) {
    this.#job = job;
    this.#options = options;
    const table = options.table ?? new MemoryStateTable();
    this.ports = { store: new MemoryStateStore(), blobs: new MemoryBlobStore(), table, log: null, clock };
  }

  get name(): string {
    return typeof this.#job === 'function' ? 'job' : this.#job.name;
  }

  /** Names of the sinks in memory. */
  get sinks(): readonly string[] {
    return [...this.#sinks.keys()].sort();
  }

  /** A sink by name; a module's by uid or by its name, if that is no other's. */
  rows(sink: string): readonly CommittedRow[] {
    return this.#sinks.get(this.#sinkNames.get(sink) ?? sink)?.rows ?? [];
  }

  /** The job as a new process would build it. */
  build(): { readonly graph: JobGraph; readonly settings: JobSettings } {
    const env = this.#environment();
    if (this.#options.maxParallelism !== undefined) env.setMaxParallelism(this.#options.maxParallelism);
    const settings = { ...env.settings(), ...this.#options.settings, stateDir: null };
    const graph = env.toJobGraph();
    return { graph: typeof this.#job === 'function' ? graph : this.#withTestEndpoints(graph), settings };
  }

  /** Runs a process of the job: until its input ends, it is stopped, or something is thrown. The one before is dead. */
  async execute(options: EmbeddedOptions): Promise<EmbeddedResult> {
    const { graph, settings } = this.build();
    return await runEmbedded(graph, settings, {
      ...options,
      ports: this.ports,
      lease: { owner: `execution-${this.#executions++}`, isAlive: () => 'dead' },
      onEpoch: (manifest) => {
        this.manifests.push(manifest);
        options.onEpoch?.(manifest);
      },
    });
  }

  #environment(): StreamExecutionEnvironment {
    const job = this.#job;
    if (typeof job !== 'function') return job.instantiate(this.#options.config ?? {});
    const env = new StreamExecutionEnvironment(this.name).enableCheckpointing(1000);
    job({ env, sink: <T>(name: string): Sink<T> => this.#sink(name) });
    return env;
  }

  #sink(name: string): CommittedRows<unknown> {
    let sink = this.#sinks.get(name);
    if (sink === undefined) this.#sinks.set(name, (sink = new CommittedRows<unknown>()));
    return sink;
  }

  #withTestEndpoints(graph: JobGraph): JobGraph {
    const { sources = {} } = this.#options;
    const used = new Set<string>();
    for (const { operator, name, uid } of graph.nodes)
      if (operator.kind === 'sink') this.#sinkNames.set(name, this.#sinkNames.has(name) ? name : uid);
    const copy = substituteEndpoints(graph, {
      sink: ({ uid }) => this.#sink(uid),
      source: ({ uid, name }) => {
        const given = Object.hasOwn(sources, uid) ? uid : name;
        used.add(given);
        return sources[given] ?? null;
      },
    });
    const unknown = Object.keys(sources).find((name) => !used.has(name));
    if (unknown !== undefined) {
      throw new ConfigError(
        `job "${this.name}" has no source "${unknown}" to be replaced. It has: ${[...used].join(', ')}.`,
      );
    }
    return copy;
  }
}
