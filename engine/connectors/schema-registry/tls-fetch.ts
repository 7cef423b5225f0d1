/** Requests over TLS with certificates of one's own, which the platform's `fetch` does not take. */
import { Agent, request as httpsRequest } from 'node:https';
import type { RegistryFetch, RegistryTls } from './registry-fetch.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function tlsFetch({ ca, cert, key, verify = true }: RegistryTls): RegistryFetch {
  const agent = new Agent({
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const options = { agent, method, headers, signal: signal as AbortSignal };
      const sent = httpsRequest(url, options, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES)
            response.destroy(new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`));
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: async () => Buffer.concat(chunks).toString() }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
}
