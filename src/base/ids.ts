/**
 * Branded names and numbers. A brand costs nothing at run time; it keeps a server's name out of a place that wants
 * a manager's, and a term out of a place that wants an epoch. Brands are made only here and in decoders.
 */
import { HactlError } from './errors.js';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type ManagerId = Brand<string, 'ManagerId'>;
export type ServerName = Brand<string, 'ServerName'>;
export type ClusterName = Brand<string, 'ClusterName'>;
export type OperationId = Brand<string, 'OperationId'>;
export type Term = Brand<number, 'Term'>;
export type LogIndex = Brand<number, 'LogIndex'>;
export type Epoch = Brand<number, 'Epoch'>;

/** What a name of ours may look like: it goes into URLs, lock names and file names. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$/;

function checkedName(kind: string, value: string): string {
  if (!namePattern.test(value)) {
    throw new HactlError({
      code: 'bad-name',
      what: `${JSON.stringify(value)} is not a valid ${kind}`,
      why: 'names go into URLs, lock names and file names',
      next: 'use 1 to 48 letters, digits, "_", "." or "-", beginning with a letter or digit',
    });
  }
  return value;
}

export const managerId = (value: string): ManagerId => checkedName('manager id', value) as ManagerId;
export const serverName = (value: string): ServerName => checkedName('server name', value) as ServerName;
export const clusterName = (value: string): ClusterName => checkedName('cluster name', value) as ClusterName;
export const operationId = (value: string): OperationId => checkedName('operation id', value) as OperationId;

function checkedCount(kind: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${kind} must be a safe integer >= 0: ${value}`);
  return value;
}

export const term = (value: number): Term => checkedCount('term', value) as Term;
export const logIndex = (value: number): LogIndex => checkedCount('log index', value) as LogIndex;
export const epoch = (value: number): Epoch => checkedCount('epoch', value) as Epoch;
