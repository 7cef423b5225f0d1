/** A schema registry in memory, behind the `fetch` option; requests are recorded, and failures can be asked for. */
import type { RegistryFetch, RegistryRequest, RegistryResponse } from './registry-fetch.ts';

export interface FakeRegistry {
  readonly fetch: RegistryFetch;
  /** `METHOD path` of each request, those for the subjects of an id aside. */
  readonly requests: string[];
  readonly headers: Readonly<Record<string, string>>[];
  /** Answers of the next requests: a status with a body, or a thrown error. */
  readonly next: (Error | { readonly status: number; readonly body: string })[];
  put(id: number, schema: unknown, more?: object): void;
  subject(path: string, body: object): void;
}

export const FAKE_URL = 'http://registry:8081';

export function fakeRegistry(): FakeRegistry {
  const answers = new Map<string, object>();
  const requests: string[] = [];
  const headers: Readonly<Record<string, string>>[] = [];
  const next: (Error | { readonly status: number; readonly body: string })[] = [];
  let lastId = 100;
  const answer = (path: string, request: RegistryRequest): { status: number; body: string } => {
    const known = answers.get(path);
    if (known !== undefined) return { status: 200, body: JSON.stringify(known) };
    if (request.method === 'POST' && path.endsWith('/versions'))
      return { status: 200, body: JSON.stringify({ id: ++lastId }) };
    return { status: 404, body: JSON.stringify({ error_code: 40403, message: 'Schema not found' }) };
  };
  const subjectsOf = (path: string): RegistryResponse => {
    const known = answers.get(path);
    const body = known === undefined ? 'not allowed' : JSON.stringify(known);
    return { status: known === undefined ? 403 : 200, text: async () => body };
  };
  return {
    requests,
    headers,
    next,
    put: (id, schema, more = {}) => answers.set(`/schemas/ids/${id}`, { schema: JSON.stringify(schema), ...more }),
    subject: (path, body) => answers.set(path, body),
    fetch: async (url, request) => {
      const path = url.replace(FAKE_URL, '');
      if (path.endsWith('/versions') && request.method === 'GET') return subjectsOf(path);
      requests.push(`${request.method} ${path}`);
      headers.push(request.headers);
      const planned = next.shift();
      if (planned instanceof Error) throw planned;
      const { status, body } = planned ?? answer(url.replace(/^https?:\/\/[^/]+/, ''), request);
      return { status, text: async () => body };
    },
  };
}
