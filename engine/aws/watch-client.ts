/** Looks at every request of an AWS client, each attempt at it included, and at what came back. */
export interface RequestWatch {
  /** May add to what is asked. */
  ask?(command: string, input: Fields): Fields;
  /** `command` without the class's ending: 'GetItem'. */
  answered(command: string, input: Fields, output: Fields): void;
  failed?(command: string, input: Fields, error: unknown): void;
}
type Fields = Readonly<Record<string, unknown>>;

interface Call {
  readonly input: Fields;
}
type Next = (call: Call) => Promise<{ readonly output: object }>;

/** A client of the AWS SDK, as far as it is used here. */
interface WatchedClient {
  readonly middlewareStack: {
    add(
      middleware: (next: Next, context: { readonly commandName?: string }) => Next,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

export function watchClient(client: object, name: string, watch: RequestWatch): void {
  // The SDK's types name every command's input; here they are all alike.
  (client as WatchedClient).middlewareStack.add(
    (next, { commandName = '' }) => {
      const command = commandName.replace(/Command$/, '');
      return async (call) => {
        const asked = { ...call, input: watch.ask?.(command, call.input) ?? call.input };
        let answer: Awaited<ReturnType<Next>>;
        try {
          answer = await next(asked);
        } catch (error) {
          watch.failed?.(command, asked.input, error);
          throw error;
        }
        watch.answered(command, asked.input, answer.output as Fields);
        return answer;
      };
    },
    { step: 'initialize', name },
  );
}
