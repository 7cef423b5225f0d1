/** The protocols of PostgreSQL and MariaDB for `TcpProxy`: a request is named by its SQL text. Sessions ask one thing after the other. */
import type { Wire } from './tcp-proxy.ts';

const whole = (bytes: Buffer): number => bytes.length;
const asIs = (answer: Buffer): Buffer => answer;

/** INT32 length for the first message; then a type, INT32 length of the rest, text. */
export const postgresWire: Wire = {
  requestLength(bytes, first) {
    if (bytes.length < 5) return 0;
    return first ? bytes.readInt32BE(0) : 1 + bytes.readInt32BE(1);
  },
  answerLength: whole,
  nameOf(request, first) {
    if (first) return 'startup';
    const type = String.fromCharCode(request[0]!);
    if (type === 'Q') return textOf(request.subarray(5));
    // Parse: the statement's name, then its text.
    return type === 'P' ? textOf(request.subarray(request.indexOf(0, 5) + 1)) : '';
  },
  idOf: () => null,
  redirect: asIs,
};

/** A prepared statement runs: its text went with the command that prepared it. */
const STATEMENT_EXECUTE = 0x17;

/** INT24 length, a sequence number, a command, text. */
export const mysqlWire: Wire = {
  requestLength: (bytes) => (bytes.length < 4 ? 0 : 4 + bytes.readUIntLE(0, 3)),
  answerLength: whole,
  nameOf(request, first) {
    if (first) return 'startup';
    return request[4] === STATEMENT_EXECUTE ? 'EXECUTE' : textOf(request.subarray(5));
  },
  idOf: () => null,
  redirect: asIs,
};

/** Without what precedes it (parameters of the query) and the zero that ends it. */
const textOf = (bytes: Buffer): string => bytes.toString('latin1').replaceAll(/^[^\x20-\x7e]+|\0.*$/gs, '');
