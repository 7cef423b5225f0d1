import { describe, expect, test } from 'vitest';
import { ENTRY_POINTS, RUNS_JOB, type EntryPoint } from './functions.ts';
import type { MachineKind } from './job-machine.ts';
import type { Statement } from './roles.ts';
import type { State } from './states-language.ts';
import { functionOf, topologyOf, type JobDeployment, type Topology } from './topology.ts';

const DEPLOYMENT: JobDeployment = {
  job: 'revenue',
  stack: 'prod',
  machine: 'EXPRESS',
  jobFile: 'functions/hourly-revenue.ts',
};
const topology = (machine: MachineKind = 'EXPRESS', more: Partial<JobDeployment> = {}): Topology =>
  topologyOf({ ...DEPLOYMENT, ...more, machine });
const actionsOf = (statements: readonly Statement[]): readonly string[] => statements.flatMap(({ actions }) => actions);
const statementsOf = (entry: EntryPoint): readonly Statement[] =>
  functionOf(topology().functions, entry).role.statements;

/** A Map's own states included. */
function tasksOf(states: Readonly<Record<string, State>>): readonly Extract<State, { Type: 'Task' }>[] {
  return Object.values(states).flatMap((state) => {
    if (state.Type === 'Map') return tasksOf(state.ItemProcessor.States);
    return state.Type === 'Task' ? [state] : [];
  });
}

describe.each<MachineKind>(['STANDARD', 'EXPRESS'])('where the %s machine runs the job', (kind) => {
  test('it comes first, and the other one is there too', () => {
    const names = topology(kind).machines.map((machine) => `${machine.kind} ${machine.name}`);
    const all = ['STANDARD prod-revenue', 'EXPRESS prod-revenue-epochs'];
    expect(names).toEqual(kind === 'STANDARD' ? all : all.toReversed());
  });

  test('a machine may invoke just what it invokes, and start itself', () => {
    const { functions, machines } = topology(kind);
    for (const { name, definition, role } of machines) {
      const text = JSON.stringify(definition);
      const invoked = [...new Set([...text.matchAll(/\$\{([^}]+)\}/g)].map(([, of]) => of!))];
      expect(invoked.length).toBe(5);
      expect(functions.map((spec) => spec.name)).toEqual(expect.arrayContaining(invoked));
      const may = role.statements.flatMap(({ on }) => (on.kind === 'function' ? [on.name] : []));
      expect(may.toSorted()).toEqual(invoked.toSorted());
      expect(role.statements).toContainEqual({ actions: ['states:StartExecution'], on: { kind: 'machine', name } });
    }
  });

  test('a task waits longer than its function runs, a dispatcher longer than its subtasks', () => {
    const { functions, machines } = topology(kind);
    for (const { definition } of machines)
      for (const { Parameters, TimeoutSeconds } of tasksOf(definition.States)) {
        const invoked = functions.find(({ name }) => Parameters['FunctionName'] === `\${${name}}`);
        if (invoked !== undefined) expect(TimeoutSeconds).toBeGreaterThan(invoked.timeoutSeconds);
      }
    const seconds = (entry: EntryPoint): number => functionOf(functions, entry).timeoutSeconds;
    expect(seconds('dispatcher')).toBeGreaterThan(seconds('subtask'));
  });

  test('start starts it, with the input of the deployment', () => {
    const input = { settingsObject: 'prod/settings.json' };
    const { functions, machines } = topology(kind, { input });
    for (const entry of ['control', 'doorbell'] as const) {
      const { environment, role } = functionOf(functions, entry);
      const { name } = machines[0]!;
      expect(environment).toMatchObject({ MILLRACE_MACHINE: name, MILLRACE_INPUT: JSON.stringify(input) });
      expect(role.statements).toContainEqual({ actions: ['states:StartExecution'], on: { kind: 'machine', name } });
    }
  });
});

test('only a job without an end is started by ticks, and woken by its topics', () => {
  const wakeBy = { topics: ['orders'], cluster: { kind: 'msk', arn: 'arn:cluster' } } as const;
  const input = { settings: { topic: 'orders' } };
  const { schedules, eventSources } = topology('EXPRESS', { wakeBy, input });
  expect(schedules).toMatchObject([{ machine: 'prod-revenue-epochs', everySeconds: 60, input }]);
  expect(eventSources).toMatchObject([{ ...wakeBy, function: 'prod-revenue-doorbell', startingPosition: 'LATEST' }]);
  expect(topology('STANDARD', { wakeBy })).toMatchObject({ schedules: [], eventSources: [] });
  expect(topology('EXPRESS').eventSources).toEqual([]);
});

describe('roles', () => {
  test("functions see their job's items only, and the list of names", () => {
    for (const entry of ENTRY_POINTS) {
      const keys = statementsOf(entry).flatMap(({ on }) => (on.kind === 'table' ? on.leadingKeys : []));
      for (const key of keys) expect(['revenue#*', '#jobs']).toContain(key);
      expect(actionsOf(statementsOf(entry)).filter((action) => action.includes('*'))).toEqual([]);
    }
  });

  test('as little as the work takes', () => {
    const may = (entry: EntryPoint, action: string): boolean => actionsOf(statementsOf(entry)).includes(action);
    const those = (action: string): readonly EntryPoint[] => ENTRY_POINTS.filter((entry) => may(entry, action));
    expect(those('dynamodb:PutItem')).toEqual(['coordinator', 'subtask', 'publisher', 'folder', 'control']);
    expect(those('dynamodb:GetItem')).not.toContain('dispatcher');
    expect(those('s3:PutObject')).toEqual(['coordinator', 'subtask', 'folder']);
    expect(those('s3:DeleteObject')).toEqual(['coordinator']);
    expect(those('states:StartExecution')).toEqual(['doorbell', 'control']);
    expect(those('lambda:InvokeFunction')).toEqual(['coordinator', 'dispatcher']);
    expect(those('logs:PutLogEvents')).toEqual([...ENTRY_POINTS]);
  });

  test('those that run the job read the secrets that it names, and no others', () => {
    const input = {
      settings: { password: 'secretsmanager:db#password', user: 'secretsmanager:db#user', topic: 'orders' },
    };
    const { functions } = topology('EXPRESS', { input, secrets: ['ssm:/kafka/password'] });
    for (const entry of ENTRY_POINTS) {
      const may = functionOf(functions, entry).role.statements.filter(
        ({ on }) => on.kind === 'parameter' || on.kind === 'secret',
      );
      const all = [
        { actions: ['ssm:GetParameter'], on: { kind: 'parameter', name: '/kafka/password' } },
        { actions: ['secretsmanager:GetSecretValue'], on: { kind: 'secret', id: 'db' } },
      ];
      expect(may, entry).toEqual(RUNS_JOB[entry] ? all : []);
    }
  });

  test('no function can invoke itself, however far round', () => {
    const { functions } = topology();
    const invokes = new Map(
      functions.map(({ name, role }) => [
        name,
        role.statements.flatMap(({ on }) => (on.kind === 'function' ? [on.name] : [])),
      ]),
    );
    for (const start of invokes.keys()) {
      const reached = new Set(invokes.get(start));
      for (const name of reached) for (const next of invokes.get(name)!) reached.add(next);
      expect(reached).not.toContain(start);
    }
  });
});

test('every function and every express machine has a log group that forgets', () => {
  const { functions, machines, logGroups } = topology();
  const used = [...functions, ...machines].flatMap(({ logGroup }) => (logGroup === null ? [] : [logGroup]));
  expect(logGroups.map(({ name }) => name)).toEqual(used);
  for (const { retentionDays } of logGroups) expect(retentionDays).toBeGreaterThan(0);
});

test('two deployments share no name', () => {
  const names = (stack: string): string[] => {
    const { table, bucket, functions, machines, schedules, logGroups } = topologyOf({ ...DEPLOYMENT, stack });
    const withRoles = [...functions, ...machines, ...schedules].flatMap(({ name, role }) => [name, role.name]);
    return [table.name, bucket.name, ...withRoles, ...logGroups.map(({ name }) => name)];
  };
  const other = new Set(names('test'));
  expect(names('prod').filter((name) => other.has(name))).toEqual([]);
});

test('a name that AWS would refuse is refused here', () => {
  expect(() => topology('EXPRESS', { stack: 'a'.repeat(50) })).toThrow('has over 64 characters');
});
