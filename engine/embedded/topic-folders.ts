/**
 * Topics of a disk log as folders: `<root>/topics/<name>,<partitions>,<id>/<partition>/`. The id makes a topic that was deleted
 * and created again another folder, so nothing that was known of the old one is taken for the new one. A topic appears and
 * disappears by a rename; what a crash left behind begins with a dot and is removed by the next change.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { ConfigError } from '../model/errors.ts';
import type { TopicInfo } from '../ports/log.ts';
import { diskError, fsyncFolder, makeFolder, namesIn } from './durable-files.ts';
import { segmentName } from './log-segment.ts';

export interface TopicFolder extends TopicInfo {
  /** Name of the folder below `topics`. */
  readonly folder: string;
}

const NAME = /^(?!\.)[A-Za-z0-9._-]{1,200}$/;
const MAX_PARTITIONS = 10_000;

export class TopicFolders {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** All topics, by name. */
  list(): TopicFolder[] {
    const topics: TopicFolder[] = [];
    for (const folder of namesIn(this.root)) {
      const [name, partitions, id] = folder.split(',');
      if (name && partitions && id && !name.startsWith('.'))
        topics.push({ name, partitions: Number(partitions), folder });
    }
    return topics.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  find(name: string): TopicFolder | undefined {
    return this.list().find((topic) => topic.name === name);
  }

  /** Under the lock, after `find` found none. */
  create(name: string, partitions: number): void {
    const folder = `${name},${partitions},${randomBytes(6).toString('hex')}`;
    const building = join(this.root, `.new-${folder}`);
    try {
      makeFolder(this.root);
      for (let p = 0; p < partitions; p++) {
        const partition = join(building, String(p));
        fs.mkdirSync(partition, { recursive: true });
        fs.closeSync(fs.openSync(join(partition, segmentName(0)), 'wx'));
        fsyncFolder(partition);
      }
      fsyncFolder(building);
      fs.renameSync(building, join(this.root, folder));
      fsyncFolder(this.root);
    } catch (thrown) {
      throw diskError(thrown, 'create', building);
    }
  }

  /** Under the lock. */
  delete(topic: TopicFolder): void {
    try {
      fs.renameSync(join(this.root, topic.folder), join(this.root, `.deleted-${topic.folder}`));
      fsyncFolder(this.root);
    } catch (thrown) {
      throw diskError(thrown, 'delete', join(this.root, topic.folder));
    }
    this.sweep();
  }

  /** Under the lock: what an interrupted creation or deletion left. */
  sweep(): void {
    for (const name of namesIn(this.root))
      if (name.startsWith('.new-') || name.startsWith('.deleted-'))
        fs.rmSync(join(this.root, name), { recursive: true, force: true });
  }
}

export function checkTopic(name: string, partitions: number): void {
  if (!NAME.test(name))
    throw new ConfigError(
      `"${name}" is no name for a topic: at most 200 letters, digits and . _ - are, not a dot first.`,
      { topic: name },
    );
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > MAX_PARTITIONS)
    throw new ConfigError(`topic "${name}" can have 1 to ${MAX_PARTITIONS} partitions, not ${partitions}.`, {
      topic: name,
    });
}
