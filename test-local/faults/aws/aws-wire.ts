/**
 * The AWS APIs over HTTP/1.1 for `TcpProxy`. A request is named by its operation and what it is about, so that a step of the epoch protocol has a name:
 * "UpdateItem head committed", "PutItem plan", "PutObject state", "PutItem state.small", "Invoke <function>". A connection carries one request at a time.
 */
import type { Wire } from '../tcp-proxy.ts';

export const awsWire: Wire = {
  requestLength(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = bytes.toString('latin1', 0, end);
    if (/^transfer-encoding:.*chunked/im.test(head)) {
      const last = bytes.indexOf('\r\n0\r\n\r\n', end);
      return last < 0 ? 0 : last + 7;
    }
    return end + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  },
  /** Whole or not: what comes after the first piece is no answer of its own (`idOf`). */
  answerLength: (bytes) => bytes.length,
  nameOf(request) {
    const end = request.indexOf('\r\n\r\n');
    const head = request.toString('latin1', 0, end);
    const operation = /^x-amz-target: *\w+\.(\w+)/im.exec(head)?.[1];
    if (operation !== undefined) return itemName(operation, request.subarray(end + 4));
    const [method = '', path = ''] = head.split(' ', 2);
    return pathName(method, path);
  },
  idOf: () => null,
  redirect: (answer) => answer,
};

interface ItemRequest {
  readonly Key?: ItemKey;
  readonly Item?: ItemKey;
  readonly ExpressionAttributeValues?: { readonly ':bytes'?: { readonly B?: string } };
}

interface ItemKey {
  readonly p?: { readonly S?: string };
  readonly s?: { readonly S?: string };
}

/** By the sort key's first word; a head also by the phase that it is to have; a small object by its last word. */
function itemName(operation: string, body: Buffer): string {
  const { Key, Item, ExpressionAttributeValues: values } = JSON.parse(body.toString()) as ItemRequest;
  const { p, s } = Key ?? Item ?? {};
  const words = s?.S?.split('/');
  const what = p?.S?.includes('#L#') === true ? words?.at(-1) : words?.[0];
  const head = values?.[':bytes']?.B;
  const phase =
    head === undefined
      ? undefined
      : (JSON.parse(Buffer.from(head, 'base64').toString()) as { readonly phase: { readonly kind: string } }).phase
          .kind;
  return [operation, what, phase].filter((word) => word !== undefined).join(' ');
}

/** S3 by the last word of the object's name, Lambda by the function. */
function pathName(method: string, path: string): string {
  const { pathname, searchParams } = new URL(path, 'http://aws');
  const invoked = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(pathname);
  if (invoked !== null) return `Invoke ${decodeURIComponent(invoked[1]!)}`;
  const operation = searchParams.get('x-id') ?? (searchParams.has('list-type') ? 'ListObjectsV2' : method);
  return `${operation} ${decodeURIComponent(pathname.split('/').at(-1)!)}`;
}

/** What AWS says instead of doing it. */
export const REFUSALS = {
  throttled: answer(400, 'application/x-amz-json-1.0', {
    __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
    message: 'injected',
  }),
  tableDown: answer(500, 'application/x-amz-json-1.0', {
    __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
    message: 'injected',
  }),
  slowDown: answer(503, 'application/xml', '<Error><Code>SlowDown</Code><Message>injected</Message></Error>'),
  bucketDown: answer(500, 'application/xml', '<Error><Code>InternalError</Code><Message>injected</Message></Error>'),
  tooManyInvocations: answer(
    429,
    'application/json',
    { Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded', message: 'Rate Exceeded.' },
    'x-amzn-errortype: TooManyRequestsException\r\n',
  ),
} as const satisfies Record<string, Buffer>;

function answer(status: number, type: string, body: object | string, more = ''): Buffer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return Buffer.from(
    `HTTP/1.1 ${status} Injected\r\ncontent-type: ${type}\r\n${more}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
