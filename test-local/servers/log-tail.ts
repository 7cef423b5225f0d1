/** The end of a server's log, for messages. */
const LINES = 30;
const LENGTH = 6000;

export function logTail(text: string, lines: number = LINES): string {
  const tail = text.trimEnd().split('\n').slice(-lines).join('\n').slice(-LENGTH);
  return tail === '' ? '(empty)' : tail;
}
