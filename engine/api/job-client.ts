/** A running job, from the outside (Flink: JobClient). */
import type { JobExecutionResult } from './executor.ts';

export class JobClient {
  readonly jobName: string;
  private readonly result: Promise<JobExecutionResult>;
  private readonly stopper: AbortController;
  private readonly canceller: AbortController;

  /** @internal */
  constructor(
    jobName: string,
    result: Promise<JobExecutionResult>,
    stopper: AbortController,
    canceller: AbortController,
  ) {
    this.jobName = jobName;
    this.result = result;
    this.stopper = stopper;
    this.canceller = canceller;
    // Whoever asks for the result sees the failure; nobody has to.
    this.result.catch(() => undefined);
  }

  /** Settles when the job has ended; rejects with what failed it. */
  getJobExecutionResult(): Promise<JobExecutionResult> {
    return this.result;
  }

  /** Brings the epoch in work to its end, publishes it, and leaves the job so that a later start goes on there. */
  async stop(): Promise<JobExecutionResult> {
    this.stopper.abort();
    return await this.result;
  }

  /**
   * Drops the epoch in work and ends the job. What stays of its state is what the checkpoint retention says: retained, it can be
   * restored as a new run; else it is deleted.
   */
  async cancel(): Promise<JobExecutionResult> {
    this.canceller.abort();
    return await this.result;
  }
}
