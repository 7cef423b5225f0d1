/**
 * Items and objects on disk: the first word of a name is a folder and the rest one flat file name with ',' for '/': a list of "ack/…"
 * reads one folder and no other, and a new item needs no new folder (a mkdir and two fsyncs each). Names that differ only in case
 * need a file system that tells them apart; where it does not, the checksum, which covers the name, refuses the wrong one.
 */
import { ConfigError } from '../model/errors.ts';
import { checkKey } from '../model/item-names.ts';

/** Most file systems take 255 bytes. */
const MAX_NAME_BYTES = 250;

/** Folder ('' for none) and file name of a key. */
export function fileOfKey(key: string): { readonly folder: string; readonly name: string } {
  checkKey(key);
  const slash = key.indexOf('/');
  const name = slash < 0 ? `,${key}` : key.slice(slash + 1).replaceAll('/', ',');
  if (name.length > MAX_NAME_BYTES || slash > MAX_NAME_BYTES)
    throw new ConfigError(`the name "${key}" is longer than a file name may be (${MAX_NAME_BYTES}).`, { key });
  return { folder: slash < 0 ? '' : key.slice(0, slash), name };
}

/** The key of a file; null if the file is not an item (a folder of keys, something foreign). */
export function keyOfFile(folder: string, name: string): string | null {
  if (folder === '') return name.startsWith(',') ? name.slice(1) : null;
  return `${folder}/${name.replaceAll(',', '/')}`;
}
