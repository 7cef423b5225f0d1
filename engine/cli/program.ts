/** The command line: what there is to say, and what an error looks like. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../model/errors.ts';
import { cancelCommand, type CancelOptions } from './cancel-command.ts';
import type { CliIo } from './cli-io.ts';
import { errorCodeOf, EXIT, EXIT_CODES_HELP, exitCodeOf, type ExitCode } from './exit-codes.ts';
import { answerMarker, checkKafka, type CheckKafkaOptions, type MarkerOptions } from './kafka-command.ts';
import { graphCommand, type GraphOptions } from './graph-command.ts';
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
    .description('Runs Millrace jobs on this machine, and shows what they have stored.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .addHelpText('after', EXIT_CODES_HELP)
    .showHelpAfterError('(--help says how)');

  program
    .command('run')
    .description('run a job until its input ends; a job that was stopped or killed goes on where it was')
    .argument('<job>', 'a module that exports a job')
    .option('--state <dir>', 'folder of the job\'s state (default: ".millrace/<job name>")')
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
    .command('cancel')
    .description('end a job that nobody runs at the moment; its checkpoint stays, or is deleted, as the job says')
    .argument('<job>', 'a module that exports a job')
    .option('--state <dir>', 'folder of the job\'s state (default: ".millrace/<job name>")')
    .addOption(settingOption('a setting of the job'))
    .option('--json', 'as JSON')
    .action((job: string, options: CancelOptions) => cancelCommand(job, options, io));

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
    .command('state')
    .description('show what is stored of a job: epochs, watermarks, backlog, keys, sizes')
    .argument('<job>', "a module that exports a job, or a job's name")
    .option('--state <dir>', 'folder of the job\'s state (default: ".millrace/<job name>")')
    .option('--epochs <n>', 'how many epochs to list at most', positiveInteger, 10)
    .addOption(settingOption('a setting of the job'))
    .option('--json', 'as JSON')
    .action((job: string, options: StateOptions) => stateCommand(job, options, io));

  program
    .command('sim')
    .description('run a job with bounded input through deaths, stops and other packings; its output must stay the same')
    .argument('<job>', 'a module that exports a job')
    .option('--seeds <n>', 'how many runs (default: 100, with --seed 1)', positiveInteger)
    .option('--seed <s>', 'the first seed (default: 1)', wholeNumber)
    .option('--any-cut', 'compare with a run of one epoch: cuts must change nothing, either')
    .addOption(settingOption('a setting of the job'))
    .action(async (job: string, options: SimOptions) => exitWith(await simCommand(job, options, io)));

  addKafka(program, io);
  addTopics(program.command('topics').description('the topics of the embedded log (without a command: list them)'), io);
  return program;
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
