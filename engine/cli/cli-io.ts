/** What the command touches of its process, so that tests can hand in their own. */
export interface CliOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliIo {
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  /** Text, in pieces of any size. */
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For rates only. */
  nowMs(): number;
  /** Calls back at the first Ctrl-C (or SIGTERM); a second one ends the process at once. Answers how to stop listening. */
  onInterrupt(callback: () => void): () => void;
}

export function processIo(): CliIo {
  // The reader of a pipe has gone (`millrace topics read orders | head`): nobody is left to write for.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    nowMs: () => performance.now(),
    onInterrupt: (callback) => {
      let interrupted = false;
      const listen = (): void => {
        if (interrupted) process.exit(130);
        interrupted = true;
        callback();
      };
      process.on('SIGINT', listen).on('SIGTERM', listen);
      return () => process.off('SIGINT', listen).off('SIGTERM', listen);
    },
  };
}
