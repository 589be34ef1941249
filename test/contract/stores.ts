/** Stores on disk for the tests of what people do with them: written, damaged, held by another process. */
import { spawn } from 'node:child_process';
import { copyFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Level } from 'level';
import { commandEntry, hardStateOf, noOpEntry, writeOf } from './log-store.js';
import { logIndex, managerId } from '../../src/base/index.js';
import { bootstrapMembership, initStore, openStore, unknownMember } from '../../src/raft/index.js';
import type { Membership, Snapshot, StoredEntry } from '../../src/raft/index.js';
import { encodeRecord } from '../../src/raft/codec.js';

export const clusterId = 'prod';
export const survivor = managerId('m1');
export const trio = ['m1', 'm2', 'm3'].map(managerId);

/** As it is in a running cluster: every store is known by its id. */
export const describedTrio: Membership = {
  ...bootstrapMembership([]),
  voters: trio.map((id) => ({ ...unknownMember(id), rpc: `${id}.example:7400`, storeId: `store-of-${id}` })),
};

function membershipEntry(index: number, inTerm: number): StoredEntry {
  const { timeMs } = commandEntry(index, inTerm);
  return { ...noOpEntry(index, inTerm), timeMs, payload: { kind: 'membership', membership: describedTrio } };
}

/** State of a machine that keeps the texts of its commands. */
export function textsSnapshot(index: number, inTerm: number, texts: readonly string[]): Snapshot {
  const data = encodeRecord({ sessions: [], state: texts });
  const { timeMs } = commandEntry(index, inTerm);
  return { index: logIndex(index), term: commandEntry(index, inTerm).term, timeMs, membership: describedTrio, data };
}

/** Term 3: entries 1 to 6, the log from 2 on, a snapshot of 3, committed up to 5. Entries 4 is a membership. */
export async function writeStore(directory: string): Promise<void> {
  await initStore(directory, { clusterId, managerId: survivor, voters: trio });
  const { store } = await openStore(directory, { managerId: survivor });
  await store.open();
  await store.write(writeOf({ hardState: hardStateOf(1, 'm1'), entries: [1, 2, 3].map((at) => commandEntry(at, 1)) }));
  const snapshot = textsSnapshot(3, 1, ['command 1', 'command 2', 'command 3']);
  await store.write(writeOf({ snapshot, compactTo: logIndex(1) }));
  await store.write(writeOf({ hardState: hardStateOf(3, 'm2', 4), entries: [membershipEntry(4, 3)] }));
  await store.write(writeOf({ hardState: hardStateOf(3, 'm2', 5), entries: [commandEntry(5, 3), commandEntry(6, 3)] }));
  await store.close();
}

/** One more write, with 7 and 8, that was never acknowledged: `damaged` is rotten. */
export async function addUnacknowledged(directory: string, damaged: number): Promise<void> {
  const marker = join(directory, 'marker');
  await copyFile(marker, `${directory}.marker`);
  const { store } = await openStore(directory, { managerId: survivor });
  await store.open();
  await store.write(writeOf({ entries: [commandEntry(7, 3), commandEntry(8, 3)] }));
  await store.close();
  await copyFile(`${directory}.marker`, marker);
  await damageEntry(directory, damaged);
}

export async function damageEntry(directory: string, index: number): Promise<void> {
  const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const;
  const database = new Level<Uint8Array, Uint8Array>(join(directory, 'log'), encodings);
  await database.open();
  const key = new Uint8Array([0x65, 0, 0, 0, 0, 0, 0, 0, index]);
  const value = Uint8Array.from((await database.get(key)) ?? []);
  value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
  await database.put(key, value);
  await database.close();
}

export interface FileFacts {
  readonly bytes: string;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
}

/** Every file and folder, with what must not change when somebody only looks. */
export async function factsOf(directory: string): Promise<ReadonlyMap<string, FileFacts>> {
  const names = ['.', ...(await readdir(directory, { recursive: true }))].sort();
  const facts = new Map<string, FileFacts>();
  for (const name of names) {
    const path = join(directory, name);
    const { mtimeNs, ino, ...stats } = await stat(path, { bigint: true });
    const bytes = (Number(stats.mode) & 0o170000) === 0o100000 ? (await readFile(path)).toString('hex') : 'a folder';
    facts.set(name, { bytes, mtimeNs, ino });
  }
  return facts;
}

const holder = fileURLToPath(new URL('./fixtures/store-holder.ts', import.meta.url));

/** Another process that has the store open, as a running manager does; ended by the function that is returned. */
export async function holdOpen(directory: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ['--import', 'tsx', holder, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', () => reject(new Error(errors)));
  });
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
}
