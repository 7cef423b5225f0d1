/** Where keyed state stands: in memory as a whole (Flink: HashMapStateBackend), or in a table, of which memory holds what it needs. */
export type StateBackendKind = 'heap' | 'table';
