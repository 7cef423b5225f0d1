/** What is wrong with a value inside a record, with the path to it. */
export class FieldError extends Error {
  readonly path: string;
  readonly reason: string;
  constructor(path: string, reason: string, cause: unknown) {
    super(`field "${path}": ${reason}`, { cause });
    this.path = path;
    this.reason = reason;
  }
}

/** `thrown`, as thrown inside the field `name`. */
export function inField(thrown: unknown, name: string): FieldError {
  if (thrown instanceof FieldError) return new FieldError(`${name}.${thrown.path}`, thrown.reason, thrown.cause);
  return new FieldError(name, thrown instanceof Error ? thrown.message : String(thrown), thrown);
}
