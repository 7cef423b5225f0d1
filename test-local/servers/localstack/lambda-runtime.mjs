/**
 * A Lambda runtime client in plain Node: takes invocations from the Runtime API one at a time and answers them. What AWS's own client
 * does with a handler (module path and name, context, errors) is done here; streaming and callbacks are not.
 */
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const API = '2018-06-01/runtime';
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path: `/${API}/${path}`, headers, timeout: 0 }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const errorOf = (thrown) => ({
  errorType: thrown instanceof Error ? thrown.name : typeof thrown,
  errorMessage: thrown instanceof Error ? thrown.message : String(thrown),
  trace: thrown instanceof Error ? (thrown.stack ?? '').split('\n') : [],
});

const post = async (path, value, headers) => {
  const body = Buffer.from(JSON.stringify(value) ?? 'null');
  await call('POST', path, body, { 'content-type': 'application/json', 'content-length': body.length, ...headers });
};

async function loadHandler() {
  const [file, name] = process.env._HANDLER.split(/\.(?=[^.]*$)/);
  const base = join(process.env.LAMBDA_TASK_ROOT, file);
  const path = ['.mjs', '.js', '.cjs'].map((extension) => base + extension).find((candidate) => existsSync(candidate));
  if (path === undefined)
    throw Object.assign(new Error(`Cannot find module '${file}'`), { name: 'Runtime.ImportModuleError' });
  const handler = (await import(pathToFileURL(path).href))[name];
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    });
  return handler;
}

const contextOf = (headers) => {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
};

let handler;
try {
  handler = await loadHandler();
} catch (thrown) {
  console.error(thrown);
  await post('init/error', errorOf(thrown), { 'lambda-runtime-function-error-type': errorOf(thrown).errorType });
  process.exit(1);
}
for (;;) {
  const { headers, body } = await call('GET', 'invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  try {
    await post(`invocation/${id}/response`, await handler(JSON.parse(body.toString()), contextOf(headers)));
  } catch (thrown) {
    console.error(thrown);
    await post(`invocation/${id}/error`, errorOf(thrown), { 'lambda-runtime-function-error-type': 'Unhandled' });
  }
}
