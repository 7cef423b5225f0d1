/**
 * Sources that together release one row an epoch, in a given order over all of them, and then end one after the other, one an epoch:
 * what turns "row by row" into cuts. Give `script.epochCommitted` to the run's `onEpoch`.
 */
import { valuesBatch } from '../operators/collection-source.ts';
import type { FillResult, Source, SplitReader, SplitSpec } from '../ports/source.ts';

export class RowScript {
  readonly #streams: Readonly<Record<string, readonly unknown[]>>;
  /** Streams in the order in which they give a row, then in the order in which they end. */
  readonly #turns: readonly string[];
  /** Epochs that are over. */
  #turn = 0;

  constructor(streams: Readonly<Record<string, readonly unknown[]>>, order: readonly string[]) {
    this.#streams = streams;
    this.#turns = [...order, ...Object.keys(streams).sort()];
  }

  readonly epochCommitted = (manifest: { readonly epoch: number }): void => {
    this.#turn = manifest.epoch;
  };

  source<T>(stream: string): Source<T> {
    return new ScriptedSource<T>(stream, this.#streams[stream]!, () => this.#turns[this.#turn] === stream);
  }
}

class ScriptedSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly bounded = true;
  readonly description: string;
  readonly #rows: readonly unknown[];
  readonly #isOn: () => boolean;
  constructor(stream: string, rows: readonly unknown[], isOn: () => boolean) {
    this.description = `scripted ${stream}`;
    this.#rows = rows;
    this.#isOn = isOn;
  }
  async validate(): Promise<void> {
    // Nothing to check.
  }
  async discover(): Promise<readonly SplitSpec[]> {
    return [{ id: 'rows', startPosition: 0 }];
  }
  async open(_split: SplitSpec, from: number): Promise<SplitReader> {
    let position = from;
    const rows = this.#rows;
    return {
      fill: (_maxRows: number, to: number | null): FillResult => {
        if (to !== null && position >= to) return 'end';
        if (!this.#isOn()) return 'empty';
        if (position >= rows.length) return 'end';
        return valuesBatch([rows[position++]], position - 1);
      },
      release: () => undefined,
      endPosition: () => rows.length,
      close: async () => undefined,
    };
  }
}
