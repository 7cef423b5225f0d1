/**
 * BlobStore on S3: create-if-absent by `If-None-Match: *`, ranged reads, multipart above 16 MB. S3 reads and lists are strongly consistent
 * (AWS: "Amazon S3 data consistency model"). Objects are named `<prefix><name>`.
 *
 * After an answer that was lost, the next attempt's refusal may be about this very object: its metadata holds a nonce that tells.
 */
import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type AbortMultipartUploadCommandInput,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { invariant, messageOf } from '../model/errors.ts';
import { checkKey } from '../model/item-names.ts';
import type { BlobInfo, BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { OnNotice } from './on-notice.ts';
import { callAws, nameOf, type Attempt } from './aws-call.ts';

/** Larger objects are sent in parts of this size; S3 wants 5 MB at least and 10,000 parts at most. */
const PART_BYTES = 16 * 1024 * 1024;
const NONCE = 'millrace-nonce';

export class S3BlobStore implements BlobStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #onNotice: OnNotice | undefined;

  /** The client has `maxAttempts: 1`: see aws-call.ts. The prefix is empty or ends with '/'. */
  constructor(client: S3Client, bucket: string, prefix: string, clock: Pick<Clock, 'sleep'>, onNotice?: OnNotice) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#clock = clock;
    this.#onNotice = onNotice;
  }

  async create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    checkKey(name);
    const body = Buffer.concat(chunks);
    const nonce = randomBytes(9).toString('base64url');
    return body.length <= PART_BYTES ? await this.#put(name, body, nonce) : await this.#putParts(name, body, nonce);
  }

  async read(name: string, from = 0, to?: number): Promise<Uint8Array | null> {
    checkKey(name);
    invariant(
      from >= 0 && (to === undefined || to >= from),
      `a range [from, to) has 0 <= from <= to: ${name} ${from} ${to}`,
    );
    if (from === to) return (await this.#exists(name)) ? new Uint8Array() : null;
    const range = from === 0 && to === undefined ? {} : { Range: `bytes=${from}-${to === undefined ? '' : to - 1}` };
    return await this.#call('GetObject', async () => {
      try {
        const { Body } = await this.#client.send(new GetObjectCommand({ ...this.#at(name), ...range }));
        // Reading the body is part of the attempt: a connection lost in the middle is tried again.
        return Body === undefined ? new Uint8Array() : await Body.transformToByteArray();
      } catch (error) {
        if (isMissing(error)) return null;
        // The object ends before `from`.
        if (nameOf(error) === 'InvalidRange') return new Uint8Array();
        throw error;
      }
    });
  }

  async list(prefix: string): Promise<readonly BlobInfo[]> {
    const found: BlobInfo[] = [];
    let token: string | undefined;
    do {
      const from = token;
      const page = await this.#call('ListObjectsV2', () =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + prefix,
            ...(from === undefined ? {} : { ContinuationToken: from }),
          }),
        ),
      );
      for (const { Key, Size } of page.Contents ?? [])
        found.push({ name: Key!.slice(this.#prefix.length), size: Size ?? 0 });
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
    return found;
  }

  async delete(name: string): Promise<void> {
    checkKey(name);
    await this.#call('DeleteObject', () => this.#client.send(new DeleteObjectCommand(this.#at(name))));
  }

  async #put(name: string, body: Uint8Array, nonce: string): Promise<'created' | 'exists'> {
    const input = { ...this.#at(name), Body: body, IfNoneMatch: '*', Metadata: { [NONCE]: nonce } };
    return await this.#call('PutObject', (attempt) =>
      this.#ifAbsent(name, nonce, attempt, () => this.#client.send(new PutObjectCommand(input))),
    );
  }

  async #putParts(name: string, body: Uint8Array, nonce: string): Promise<'created' | 'exists'> {
    const at = this.#at(name);
    if (await this.#exists(name)) return 'exists';
    const { UploadId } = await this.#call('CreateMultipartUpload', () =>
      this.#client.send(new CreateMultipartUploadCommand({ ...at, Metadata: { [NONCE]: nonce } })),
    );
    const upload = { ...at, UploadId: UploadId! };
    const parts: { PartNumber: number; ETag: string | undefined }[] = [];
    let outcome: 'created' | 'exists' = 'exists';
    try {
      for (let from = 0; from < body.length; from += PART_BYTES) {
        const part = { ...upload, PartNumber: parts.length + 1, Body: body.subarray(from, from + PART_BYTES) };
        const { ETag } = await this.#call('UploadPart', () => this.#client.send(new UploadPartCommand(part)));
        parts.push({ PartNumber: part.PartNumber, ETag });
      }
      outcome = await this.#call('CompleteMultipartUpload', (attempt) =>
        this.#ifAbsent(name, nonce, attempt, () =>
          this.#client.send(
            new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts }, IfNoneMatch: '*' }),
          ),
        ),
      );
      return outcome;
    } finally {
      if (outcome === 'exists') await this.#abort(name, upload);
    }
  }

  /** Parts of an upload that came to nothing cost money until the bucket's lifecycle rule finds them. The object itself is as it should be. */
  async #abort(name: string, upload: AbortMultipartUploadCommandInput): Promise<void> {
    try {
      await this.#call('AbortMultipartUpload', async () => {
        try {
          await this.#client.send(new AbortMultipartUploadCommand(upload));
        } catch (error) {
          // Completed, or aborted by an attempt whose answer was lost.
          if (nameOf(error) !== 'NoSuchUpload') throw error;
        }
      });
    } catch (error) {
      this.#onNotice?.('parts of an upload could not be removed; the bucket removes them after some days', {
        object: name,
        why: messageOf(error),
      });
    }
  }

  async #ifAbsent(
    name: string,
    nonce: string,
    { unsure }: Attempt,
    write: () => Promise<unknown>,
  ): Promise<'created' | 'exists'> {
    try {
      await write();
      return 'created';
    } catch (error) {
      const refused = nameOf(error) === 'PreconditionFailed';
      // An upload that is complete is gone: whether by this call's lost attempt, the object tells.
      const gone = unsure && nameOf(error) === 'NoSuchUpload';
      if (!refused && !gone) throw error;
      if (!unsure) return 'exists';
      const { Metadata } = await this.#client.send(new HeadObjectCommand(this.#at(name)));
      return Metadata?.[NONCE] === nonce ? 'created' : 'exists';
    }
  }

  async #exists(name: string): Promise<boolean> {
    return await this.#call('HeadObject', async () => {
      try {
        await this.#client.send(new HeadObjectCommand(this.#at(name)));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    });
  }

  #at(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }

  async #call<T>(what: string, call: (attempt: Attempt) => Promise<T>): Promise<T> {
    return await callAws(`${what} in bucket ${this.#bucket}`, this.#clock, call);
  }
}

const isMissing = (error: unknown): boolean => ['NoSuchKey', 'NotFound'].includes(nameOf(error));
