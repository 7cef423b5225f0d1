/**
 * print(): committed rows to standard output, one line each (Flink: PrintSink). At least once: a crash between printing and the
 * record of it prints an epoch again.
 */
import { textOf } from './collection-source.ts';
import { PackingWriter, ReceivingPublisher } from './collect-sink.ts';
import type { Sink, SinkPublisher, SinkWriter } from '../ports/sink.ts';

export class PrintSink implements Sink<unknown> {
  readonly description = 'print';
  readonly guarantee = 'AT_LEAST_ONCE';
  private readonly prefix: string;
  constructor(prefix: string) {
    this.prefix = prefix === '' ? '' : `${prefix}> `;
  }
  async validate(): Promise<void> {
    // Nothing to check.
  }
  writer(): SinkWriter<unknown> {
    return new PackingWriter();
  }
  async publisher(): Promise<SinkPublisher> {
    return new ReceivingPublisher((row) => process.stdout.write(`${this.prefix}${textOf(row)}\n`));
  }
}
