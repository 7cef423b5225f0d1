/**
 * The code map of docs/ARCHITECTURE.md as data: a folder may import itself and what stands in its row.
 * The longest row that is a prefix of a path is the path's folder. `*` stands for one folder name, kept apart from its siblings.
 */
const CORE = ['engine/model', 'engine/time', 'engine/ports', 'engine/state', 'engine/windows', 'engine/operators'];
const ALL_BUT_API = [...CORE, 'engine/checkpoint', 'engine/graph', 'engine/formats'];
const DRIVER = ['engine/model', 'engine/ports', 'engine/checkpoint', 'engine/runtime'];
const EVERYTHING = ['engine', 'functions', 'infra', 'test-local', 'bench', 'scripts'];
const SQL = ['engine/model', 'engine/time', 'engine/windows', 'engine/graph'];

/** Each stage of SQL sees the stages before it. The binder produces logical plans, so `logical` comes before it here. */
const SQL_STAGES = ['syntax', 'catalog', 'logical', 'binder', 'rules', 'physical', 'bridge'].map(
  (s) => `engine/sql/${s}`,
);

export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'engine/model': [],
  'engine/time': ['engine/model'],
  'engine/ports': ['engine/model', 'engine/time'],
  'engine/state': ['engine/model', 'engine/time', 'engine/ports'],
  'engine/windows': ['engine/model', 'engine/time', 'engine/state'],
  'engine/operators': ['engine/model', 'engine/time', 'engine/state', 'engine/windows', 'engine/ports'],
  'engine/checkpoint': ['engine/model', 'engine/time'],
  'engine/graph': ['engine/model', 'engine/time', 'engine/windows', 'engine/operators'],
  'engine/api': [...CORE, 'engine/graph'],
  ...Object.fromEntries(SQL_STAGES.map((stage, i) => [stage, [...SQL, ...SQL_STAGES.slice(0, i)]])),
  'engine/sql/bridge': [...SQL, ...SQL_STAGES.slice(0, -1), 'engine/operators', 'engine/ports', 'engine/api'],
  'engine/formats': ['engine/model', 'engine/ports'],
  'engine/connectors/*': ['engine/model', 'engine/time', 'engine/ports', 'engine/formats'],
  'engine/runtime': ALL_BUT_API,
  'engine/embedded': DRIVER,
  'engine/aws': DRIVER,
  'engine/testing': [...ALL_BUT_API, 'engine/api', 'engine/sql', 'engine/runtime', 'engine/embedded', 'engine/cli'],
  'engine/cli': EVERYTHING,
  functions: [],
  infra: ['engine/model'],
  'test-local': EVERYTHING,
  bench: EVERYTHING,
  scripts: [],
};

/** Composition roots: they may import anything in `engine`, and are the only `index.ts` there are. */
export const PUBLIC_ENTRY = /^engine\/(?:index|(?:sql|aws|sst|cdk|testing|connectors\/[^/]+)\/index)\.ts$/;

/** The row that a path belongs to, with `*` filled in; undefined where the code map has no row. */
export function folderOf(path: string): string | undefined {
  let best: string | undefined;
  for (const row of Object.keys(LAYERS)) {
    const folder = path.match(new RegExp(`^${row.replace('*', '[^/]+')}(?=/)`))?.[0];
    if (folder !== undefined && folder.length > (best?.length ?? 0)) best = folder;
  }
  return best;
}

export function mayImport(folder: string): readonly string[] {
  return LAYERS[folder] ?? LAYERS[folder.replace(/\/[^/]+$/, '/*')] ?? [];
}
