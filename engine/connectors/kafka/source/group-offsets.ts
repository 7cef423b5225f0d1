/**
 * Offsets committed to the source's group after each epoch, so that lag tools see how far the job is. Nothing reads them back: positions are the
 * job's own state. One commit at a time, always of the latest epoch; a failure is told once, until a commit succeeds again.
 */
import { messageOf } from '../../../model/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { SourceContext } from '../../../ports/source.ts';
import type { CommittedOffset } from '../client/kafka-client.ts';
import type { SharedClient } from './shared-client.ts';

/** At the job's end the last commit is waited for so long. */
const LAST_COMMIT_MS = 5000;

export class GroupOffsets {
  readonly #group: string;
  readonly #client: SharedClient;
  #next: readonly CommittedOffset[] | null = null;
  #committing: Promise<void> | null = null;
  #clock: Clock | null = null;
  #held = false;
  #failed = false;

  constructor(group: string, client: SharedClient) {
    this.#group = group;
    this.#client = client;
  }

  commit(offsets: readonly CommittedOffset[], ctx: SourceContext): void {
    this.#next = offsets;
    this.#clock = ctx.clock;
    this.#committing ??= this.#run(ctx);
  }

  async close(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock?.after(LAST_COMMIT_MS, resolve);
    await Promise.race([this.#committing ?? Promise.resolve(), late]);
    cancel?.();
    if (!this.#held) return;
    this.#held = false;
    await this.#client.release();
  }

  async #run(ctx: SourceContext): Promise<void> {
    try {
      while (this.#next !== null) {
        const offsets = this.#next;
        this.#next = null;
        await this.#commit(offsets);
      }
      this.#failed = false;
    } catch (thrown) {
      if (!this.#failed)
        ctx.notice?.(
          `source ${ctx.operator} could not commit its offsets to group "${this.#group}"; the job is not affected, lag tools see old offsets`,
          { why: messageOf(thrown) },
        );
      this.#failed = true;
    } finally {
      this.#committing = null;
    }
  }

  async #commit(offsets: readonly CommittedOffset[]): Promise<void> {
    if (this.#held) return await this.#client.use((client) => client.commitOffsets(this.#group, offsets));
    const client = await this.#client.acquire();
    this.#held = true;
    await client.commitOffsets(this.#group, offsets);
  }
}
