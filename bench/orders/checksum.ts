/** Number of lines and a hash that does not depend on their order. */
import { crc32 } from 'node:zlib';

export class Checksum {
  private lines = 0;
  private sum = 0;
  add(line: string): void {
    this.lines++;
    this.sum = (this.sum + crc32(line)) % 2 ** 48;
  }
  text(): string {
    return `${this.lines}:${this.sum.toString(16)}`;
  }
}
