/** Names of the fields of T whose values could stand where a V is asked for. */
export type KeysOfType<T, V> = { [F in keyof T]: T[F] extends V ? F : never }[keyof T];
