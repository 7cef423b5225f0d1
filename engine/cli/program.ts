/** The command line: what there is to say, and what an error looks like. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../model/errors.ts';
import { cancelCommand, type CancelOptions } from './cancel-command.ts';
import type { CliIo } from './cli-io.ts';
import { costCommand, type CostOptions } from './cost-command.ts';
import { errorCodeOf, EXIT, EXIT_CODES_HELP, exitCodeOf, type ExitCode } from './exit-codes.ts';
import { answerMarker, checkKafka, type CheckKafkaOptions, type MarkerOptions } from './kafka-command.ts';
import { graphCommand, type GraphOptions } from './graph-command.ts';
import { listCommand, type ListOptions } from './list-command.ts';
import { logsCommand, type LogsOptions } from './logs-command.ts';
import { pauseCommand, resumeCommand, type SteerOptions } from './pause-commands.ts';
import { runCommand, type RunOptions } from './run-command.ts';
import { simCommand, type SimOptions } from './sim-command.ts';
import { stateCommand, type StateOptions } from './state-command.ts';
import {
  appendToTopic,
  createTopic,
  listTopics,
  readTopic,
  type AppendOptions,
  type ReadOptions,
  type TopicOptions,
} from './topics-command.ts';

/** Runs one command and answers the exit code; never throws, and never ends the process. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const program = buildProgram(io, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    printError(error, io);
    return exitCodeOf(error);
  }
}

function buildProgram(io: CliIo, exitWith: (code: ExitCode) => void): Command {
  const program = new Command('millrace')
    .description('Runs Millrace jobs on this machine, and looks after jobs here and in AWS.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .addHelpText('after', EXIT_CODES_HELP)
    .showHelpAfterError('(--help says how)');

  addRun(program, io, exitWith);
  addLooks(program, io);
  addSteering(program, io);
  addCost(program, io);
  addKafka(program, io);
  addTopics(program.command('topics').description('the topics of the embedded log (without a command: list them)'), io);
  return program;
}

function addRun(program: Command, io: CliIo, exitWith: (code: ExitCode) => void): void {
  program
    .command('run')
    .description('run a job until its input ends; a job that was stopped or killed goes on where it was')
    .argument('<job>', 'a module that exports a job')
    .addOption(stateOption())
    .option('--parallelism <n>', 'parallelism of operators that set none', positiveInteger)
    .addOption(
      new Option('--epoch-mode <mode>', 'one thread, worker threads, or whichever the backlog asks for').choices([
        'auto',
        'fused',
        'fanned-out',
      ]),
    )
    .option('--epochs-ms <ms>', 'length of an epoch in milliseconds', positiveInteger)
    .option('--restore', 'begin a new run on the state that is there')
    .addOption(settingOption('a setting of the job; also as environment variable MILLRACE_SET_<NAME>'))
    .option('--json', 'a line of JSON per epoch and one at the end on standard output')
    .action(async (job: string, options: RunOptions) => exitWith(await runCommand(job, options, io)));

  program
    .command('graph')
    .description('show the logical and the physical graph of a job')
    .argument('<job>', 'a module that exports a job')
    .option('--mermaid', 'as Markdown with Mermaid diagrams')
    .option('--parallelism <n>', 'parallelism of operators that set none', positiveInteger)
    .addOption(settingOption('a setting of the job'))
    .option('--json', 'as JSON')
    .action((job: string, options: GraphOptions) => graphCommand(job, options, io));

  program
    .command('sim')
    .description('run a job with bounded input through deaths, stops and other packings; its output must stay the same')
    .argument('<job>', 'a module that exports a job')
    .option('--seeds <n>', 'how many runs (default: 100, with --seed 1)', positiveInteger)
    .option('--seed <s>', 'the first seed (default: 1)', wholeNumber)
    .option('--any-cut', 'compare with a run of one epoch: cuts must change nothing, either')
    .addOption(settingOption('a setting of the job'))
    .action(async (job: string, options: SimOptions) => exitWith(await simCommand(job, options, io)));
}

/** What only looks, here or in AWS. */
function addLooks(program: Command, io: CliIo): void {
  program
    .command('list')
    .description('the jobs that there are, and how they are')
    .option('--state <dir>', 'folder of state folders, or one of them (default: ".millrace")')
    .addOption(awsOption())
    .option('--json', 'as lines of JSON')
    .action((options: ListOptions) => listCommand(options, io));

  program
    .command('state')
    .description('show what is stored of a job: epochs, watermarks, backlog, keys, sizes')
    .argument('<job>', JOB_OR_NAME)
    .addOption(stateOption())
    .addOption(awsOption())
    .option('--epochs <n>', 'how many epochs to list at most', positiveInteger, 10)
    .addOption(settingOption('a setting of the job'))
    .option('--json', 'as JSON')
    .action((job: string, options: StateOptions) => stateCommand(job, options, io));

  program
    .command('logs')
    .description('show what the runs of a job have said: notices, errors, a line an epoch')
    .argument('<job>', JOB_OR_NAME)
    .addOption(stateOption())
    .addOption(awsOption())
    .option('--follow', 'go on with what is said from now on, until Ctrl-C')
    .option('--limit <n>', 'of what is there, the last so many lines', positiveInteger, 100)
    .option('--since <time>', 'how long ago (90s, 10m, 2h, 1d), or a time; of a deployed job 1h when left out')
    .option('--json', 'as lines of JSON')
    .action((job: string, options: LogsOptions) => logsCommand(job, options, io));
}

/** What tells a job, here or in AWS, how to be. */
function addSteering(program: Command, io: CliIo): void {
  const add = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument('<job>', JOB_OR_NAME)
      .addOption(stateOption())
      .addOption(awsOption())
      .option('--timeout <seconds>', 'how long to wait until it is so', positiveInteger, 60)
      .option('--json', 'as JSON');

  add('pause', 'bring the epoch in work to its end, and let nobody run the job until it is resumed').action(
    (job: string, options: SteerOptions) => pauseCommand(job, options, io),
  );
  add('resume', 'let a paused job be run again; a deployed one is started').action(
    (job: string, options: SteerOptions) => resumeCommand(job, options, io),
  );
  add('cancel', 'end a job; its checkpoint stays, or is deleted, as the job says')
    .addOption(settingOption('a setting of the job'))
    .action((job: string, options: CancelOptions) => cancelCommand(job, options, io));
}

function addCost(program: Command, io: CliIo): void {
  program
    .command('cost')
    .description(
      'what a deployed job costs, by what its last epochs used: per hour, per million records, a month, and idle',
    )
    .argument('<job>', JOB_OR_NAME)
    .addOption(stateOption())
    .addOption(awsOption())
    .option('--prices <file>', 'other prices than those of us-east-1 (JSON)')
    .option('--json', 'as JSON')
    .action((job: string, options: CostOptions) => costCommand(job, options, io));
}

function addKafka(program: Command, io: CliIo): void {
  const add = (group: string, groupDescription: string, description: string): Command =>
    program
      .command(group)
      .description(groupDescription)
      .command('kafka')
      .description(description)
      .option('--bootstrap-server <host:port>', 'brokers, several with commas')
      .option('--command-config <file>', "client properties, as Kafka's own tools take them")
      .addOption(new Option('--property <name=value>', 'a client property').argParser(collect).default([], 'none'))
      .addOption(new Option('--client <library>', 'the client library').choices(['platformatic', 'kafkajs']));

  add('check', 'try what a job will need', 'run transactions as an EXACTLY_ONCE sink does: write, commit, abort, fence')
    .option('--topic <name>', 'an existing topic, in which only aborted records are written (default: one of its own)')
    .option('--prefix <prefix>', "the sink's transactional id prefix, where rights depend on it", 'millrace')
    .action((options: CheckKafkaOptions) => checkKafka(options, io));

  add('marker', "answer a sink's question", "say whether a committed epoch is in Kafka, where a sink's marker is gone")
    .addOption(
      new Option('--published <answer>', 'are its records there?').choices(['yes', 'no']).makeOptionMandatory(),
    )
    .requiredOption('--group <group>', 'as the question names it, like the rest')
    .requiredOption('--topic <name>')
    .requiredOption('--job <name>')
    .requiredOption('--sink <uid>')
    .requiredOption('--run <id>')
    .requiredOption('--epoch <n>', 'the epoch in question', wholeNumber)
    .action((options: MarkerOptions) => answerMarker(options, io));
}

function addTopics(topics: Command, io: CliIo): void {
  const add = (name: string, description: string, isDefault = false): Command =>
    topics
      .command(name, { isDefault })
      .description(description)
      .option('--state <dir>', 'folder that holds the log, in its folder "log"', '.millrace')
      .option('--json', 'as lines of JSON');

  add('list', 'topics, their partitions and offsets', true).action((options: TopicOptions) => listTopics(options, io));
  add('create', 'create a topic')
    .argument('<name>')
    .option('--partitions <n>', 'number of partitions, fixed for ever', positiveInteger, 1)
    .action((name: string, options: TopicOptions & { partitions: number }) => createTopic(name, options, io));
  add('append', 'append the lines of standard input as records')
    .argument('<name>')
    .option('--partition <p>', 'append all to this partition (default: by key, or in turn)', wholeNumber)
    .option('--key <field>', "field of the JSON lines that becomes the record's key")
    .action((name: string, options: AppendOptions) => appendToTopic(name, options, io));
  add('read', "print the values of a topic's records, a line each")
    .argument('<name>')
    .option('--partition <p>', 'only this partition', wholeNumber)
    .option('--from <offset>', 'begin at this offset', wholeNumber)
    .option('--limit <n>', 'print at most so many records', positiveInteger)
    .action((name: string, options: ReadOptions) => readTopic(name, options, io));
}

/** Says what happened and what to do; the stack only where it is asked for, or where nobody foresaw the error. */
function printError(error: unknown, io: CliIo): void {
  const foreseen = errorCodeOf(error) !== null && errorCodeOf(error) !== 'invariant';
  const name = error instanceof Error ? error.name : 'Error';
  io.stderr.write(`${name}: ${messageOf(error)}\n`);
  if (!(error instanceof Error)) return;
  if (!foreseen || (io.env['MILLRACE_DEBUG'] ?? '') !== '') {
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      io.stderr.write(`${at === error ? '' : 'caused by '}${at.stack ?? at.message}\n`);
  }
}

const JOB_OR_NAME = "a module that exports a job, or a job's name";

function stateOption(): Option {
  return new Option('--state <dir>', 'folder of the job\'s state (default: ".millrace/<job name>")');
}

function awsOption(): Option {
  return new Option('--aws <stack>', 'the stack of an AWS account that has the job; also as MILLRACE_AWS_STACK');
}

function settingOption(description: string): Option {
  return new Option('--set <name=value>', description).argParser(collect).default([], 'none');
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

function positiveInteger(text: string): number {
  const n = wholeNumber(text);
  if (n < 1) throw new InvalidArgumentError('It must be 1 or more.');
  return n;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
