/** Makes an AWS client fail on purpose: the next requests of a kind meet the faults given, in order. */
export type Fault =
  /** Refused before anything happened. */
  | 'throttled'
  /** It happened, and the answer is lost. */
  | 'answer lost'
  /** It did not happen, and nobody knows. */
  | 'request lost'
  | 'none';

interface Stack {
  add(middleware: unknown, options: { step: 'finalizeRequest'; name: string; priority: 'high' }): void;
}

/** `command`: 'PutItemCommand', 'PutObjectCommand' … Answers how many requests of the kind were sent. */
export function inject(client: { readonly middlewareStack: Stack }, command: string, faults: Fault[]): () => number {
  let sent = 0;
  const middleware =
    (next: (args: unknown) => Promise<unknown>, { commandName }: { commandName?: string }) =>
    async (args: unknown): Promise<unknown> => {
      if (commandName !== command) return await next(args);
      sent += 1;
      const fault = faults.shift() ?? 'none';
      if (fault === 'throttled') throw named('ThrottlingException');
      if (fault === 'request lost') throw named('TimeoutError');
      const answer = await next(args);
      if (fault === 'answer lost') throw named('TimeoutError');
      return answer;
    };
  // Above the SDK's own retries, which are off (maxAttempts: 1), and below nothing that changes what is sent.
  client.middlewareStack.add(middleware, {
    step: 'finalizeRequest',
    name: `faults-${command}-${++injections}`,
    priority: 'high',
  });
  return () => sent;
}
let injections = 0;

const named = (name: string): Error => Object.assign(new Error('injected'), { name });
