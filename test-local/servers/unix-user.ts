/** PostgreSQL refuses to run as root: root runs it as `nobody`, who must be able to reach its files. */
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export interface UnixUser {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined: the present user will do. */
export function unprivilegedUser(): UnixUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error('PostgreSQL does not run as root, and there is no user "nobody".');
  return { uid: Number(uid), gid: Number(gid) };
}

/** `folder`, or where `user` cannot reach it (a repository or cache in /root) a stand-in for it among the temporary files. */
export function reachableFolder(folder: string, user: UnixUser | undefined): string {
  const reachable = user === undefined || ancestors(dirname(resolve(folder))).every((one) => allowsOthers(one));
  return reachable ? folder : standIn(resolve(folder));
}

/** The folder, made if need be, owned by `user`. */
export function ownedFolder(folder: string, user: UnixUser | undefined): string {
  mkdirSync(folder, { recursive: true });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

function standIn(folder: string): string {
  const root = join(tmpdir(), 'millrace-of-root');
  mkdirSync(root, { recursive: true, mode: 0o755 });
  if (statSync(root).uid !== 0) throw new Error(`${root} belongs to another user; remove it.`);
  return join(root, createHash('sha256').update(folder).digest('hex').slice(0, 16));
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}

function allowsOthers(folder: string): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat === undefined || (stat.mode & 0o001) !== 0;
}
