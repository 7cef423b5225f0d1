/** A notice as a warning of the process: where nobody listens for notices. */
export function warnOf(text: string, data: Readonly<Record<string, unknown>>): void {
  const about = Object.entries(data).map(([name, value]) => `${name} ${String(value)}`);
  process.emitWarning([text, ...about].join('; '), 'MillraceNotice');
}
