import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterName, epoch, logIndex, managerId, operationId, serverName, term } from '../base/index.js';
import { parseClustersConfig } from '../config/index.js';
import type { Command } from '../ha/index.js';
import { initStore, openStore } from '../raft/index.js';
import type { StoredEntry } from '../raft/index.js';
import { encodeCommand } from './command-codec.js';
import { storeTools } from './store-tools.js';

const secret = 'correct-horse-battery';
const whole = { from: null, to: null, snapshot: false };
let parent = '';
let config = '';
let directory = '';

const cluster = clusterName('app1');
const on = { cluster, operation: operationId('op-1'), epoch: epoch(3), by: managerId('m1') };

function commands(clustersYaml: string): readonly Command[] {
  const [db1, db2] = [serverName('db1'), serverName('db2')];
  const summary = 'db1 is dead';
  const clusters = parseClustersConfig(clustersYaml, 'clusters.yaml');
  const started = { operation: on.operation, by: on.by, oldPrimary: db1, requestedTarget: null, summary, cluster };
  return [
    { kind: 'config-applied', clusters, primaries: { app1: db1 }, basedOnVersion: 0 },
    { kind: 'operation-started', operationKind: 'failover', ...started },
    { kind: 'step-started', step: 'confirm', newPrimary: null, ...on },
    { kind: 'step-finished', step: 'confirm', result: {}, summary: 'two of two', newPrimary: db2, ...on },
  ];
}

function entryOf(command: Command, at: number): StoredEntry {
  const payload = { kind: 'command', session: { id: 's', serial: at }, command: encodeCommand(command) } as const;
  return { index: logIndex(at + 2), term: term(1), timeMs: Date.UTC(2026, 0, 10) + at, payload };
}

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'hactl-tools-'));
  directory = join(parent, 'data');
  config = join(parent, 'manager.yaml');
  const managers = ['m1', 'm2', 'm3'].map((id, at) => `  ${id}: { rpc: "127.0.0.1:${7400 + at}", http: "127.0.0.1:${
    7500 + at}" }`);
  await writeFile(config, ['id: m1', 'data_dir: data', 'managers:', ...managers, ''].join('\n'));
  await writeFile(join(parent, 'mysql.pw'), secret);
  const yaml = `clusters:
  app1:
    servers: { db1: { host: 10.91.0.1 }, db2: { host: 10.91.0.2 } }
    mysql: { user: hactl, password: "file:${join(parent, 'mysql.pw')}" }
    replication: { user: repl, password: env:REPL_PASSWORD }
`;
  await initStore(directory, { clusterId: 'prod', managerId: managerId('m1'), voters: ['m1', 'm2'].map(managerId) });
  const { store } = await openStore(directory, { managerId: managerId('m1') });
  await store.open();
  const noOp: StoredEntry = { index: logIndex(1), term: term(1), timeMs: 1, payload: { kind: 'no-op' } };
  const unreadable: StoredEntry = { ...entryOf(commands(yaml)[0] as Command, 4),
    payload: { kind: 'command', session: { id: 's', serial: 9 }, command: new Uint8Array([0x81, 0xa1, 0x76, 0xcd]) } };
  const hardState = { term: term(1), votedFor: managerId('m2'), commitIndex: logIndex(4) };
  const write = { hardState, snapshot: null, replacesLog: false, compactTo: null, truncateFrom: null };
  await store.write({ ...write, entries: [noOp, ...commands(yaml).map(entryOf)] });
  await store.close();
  await cp(directory, `${directory}-newer`, { recursive: true });
  const { store: newer } = await openStore(`${directory}-newer`, { managerId: managerId('m1') });
  await newer.open();
  await newer.write({ ...write, hardState: null, entries: [unreadable] });
  await newer.close();
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

describe('the tools for a stopped manager', () => {
  it('verify the store of a manager.yaml and a bare directory alike', async () => {
    const report = await storeTools.verify({ config });
    expect(report).toMatchObject({
      directory, clusterId: 'prod', manager: 'm1', lineage: null, verdict: { kind: 'sound' }, term: 1, votedFor: 'm2',
      commitIndex: 4, entries: 5, first: { index: 1 }, last: { index: 5, term: 1, time: '2026-01-10T00:00:00.003Z' },
      members: { voters: ['m1', 'm2'], learners: [], removed: [] },
    });
    expect(await storeTools.verify({ directory })).toEqual(report);
  });

  it('tell every entry in words, and what each cluster is like at the end', async () => {
    const { entries, clusters, stopsAt } = await storeTools.dump({ directory }, whole);
    expect(entries.map(({ words }) => words)).toEqual([
      'a leader opens its term',
      'config-applied: clusters app1, new with primary app1=db1',
      'operation-started: app1 op-1 by m1: failover away from db1: db1 is dead',
      'step-started: app1 op-1 at epoch 3 by m1: confirm',
      'step-finished: app1 op-1 at epoch 3 by m1: confirm (db2): two of two',
    ]);
    const content = { kind: 'operation-started' };
    expect(entries[2]).toMatchObject({ index: 3, session: { id: 's', serial: 1 }, content });
    expect(clusters).toEqual(['app1: primary db1, epoch 3, failover op-1 running, 0 operations in its history']);
    expect(stopsAt).toBeNull();
  });

  it('dump a part of the log', async () => {
    const { entries } = await storeTools.dump({ directory }, { from: 2, to: 3, snapshot: false });
    expect(entries.map(({ index }) => index)).toEqual([2, 3]);
  });

  it('say what this build cannot read, and go on', async () => {
    const { entries, clusters } = await storeTools.dump({ directory: `${directory}-newer` }, whole);
    expect(entries.at(-1)?.words).toContain('4 bytes that this build cannot read');
    expect(clusters).toEqual([expect.stringContaining('they cannot be told')]);
  });

  it('print references and never a secret, and the log holds none', async () => {
    const text = JSON.stringify(await storeTools.dump({ directory }, { ...whole, snapshot: true }));
    expect(text).toContain('mysql.pw');
    expect(text).not.toContain(secret);
    for (const name of await readdir(join(directory, 'log'))) {
      expect((await readFile(join(directory, 'log', name))).includes(secret), name).toBe(false);
    }
  });

  it('refuse the store of another manager than that of the file', async () => {
    await writeFile(config, (await readFile(config, 'utf8')).replace('id: m1', 'id: m2'));
    await expect(storeTools.verify({ config })).rejects.toMatchObject({ code: 'refused' });
    expect((await storeTools.verify({ directory })).manager).toBe('m1');
  });

  it('recover it under the address of the file, and show what is known before asking', async () => {
    const asked: unknown[] = [];
    const report = await storeTools.recover(config, 'prod', async (plan) => asked.push(plan) > 0);
    expect(asked).toEqual([expect.objectContaining({
      manager: 'm1', lastTerm: 1, lastIndex: 5, commitIndex: 4, members: ['m1', 'm2'],
      clusters: [expect.stringContaining('app1: primary db1')],
    })]);
    const { store, entries } = await storeTools.dump({ config }, whole);
    expect(store).toMatchObject({ members: { voters: ['m1'], removed: ['m2'] }, commitIndex: 6, term: 2 });
    const { lineage, storeId } = store;
    expect(report).toMatchObject({ outcome: 'recovered', lineage, storeId, lastIndex: 6 });
    expect(entries.at(-1)?.content).toMatchObject({ voters: [{ rpc: '127.0.0.1:7400', http: '127.0.0.1:7500' }] });
  });
});
