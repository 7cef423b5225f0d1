/** Java and Maven: found, installed where this process may do that, or asked for. */
import { ServerUnavailableError } from '../server.ts';
import type { Tell } from '../recipe.ts';
import { aptInstall, hasApt } from './apt.ts';
import { findTool, runTool } from './run-tool.ts';

const MINIMUM = 17;

export async function requireJava(tell: Tell): Promise<void> {
  if (findTool('java') === null) await provide('java', 'default-jre-headless', tell);
  // Java 8 does not know `--version`.
  const said = await runTool('java', ['--version']).catch(() => '');
  const version = Number(/^\S+ (\d+)/.exec(said)?.[1] ?? 0);
  if (version >= MINIMUM) return;
  const found = version === 0 ? 'older than 9, or broken' : String(version);
  throw new ServerUnavailableError(
    `Java ${MINIMUM} or later is needed; the \`java\` on the PATH is ${found}. Put a later one first: ${advice('openjdk-17-jre-headless')}`,
  );
}

export async function requireMaven(tell: Tell): Promise<void> {
  if (findTool('mvn') === null) await provide('mvn', 'maven', tell);
}

async function provide(program: string, debianPackage: string, tell: Tell): Promise<void> {
  if (process.getuid?.() === 0 && hasApt()) {
    await aptInstall([debianPackage], tell);
    if (findTool(program) !== null) return;
  }
  throw new ServerUnavailableError(
    `\`${program}\` is missing: it is not on the PATH, and this process cannot install it. ${advice(debianPackage)}`,
  );
}

const advice = (debianPackage: string): string =>
  `Debian and Ubuntu: \`sudo apt-get install ${debianPackage}\`; macOS: \`brew install ${debianPackage === 'maven' ? 'maven' : 'openjdk@17'}\`; ` +
  'or use Docker, where an engine runs.';
