/** What a manager sees of a real MySQL: facts, and every way in which a server can be away or only seem to be. */
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Secret, type ProbeOutcome } from '../../src/base/index.js';
import { createProber, look, type Prober } from '../../src/mysql/index.js';
import { accounts, startMysqlCluster, until, type MysqlCluster } from '../support/mysql-cluster.js';
import type { MysqlServer } from '../support/mysql-server.js';

let cluster: MysqlCluster;
let primary: MysqlServer;
let replica: MysqlServer;
const probers: Prober[] = [];

beforeAll(async () => {
  cluster = await startMysqlCluster({ replicas: 1, generalLog: true });
  primary = cluster.primary;
  replica = cluster.replicas[0] as MysqlServer;
}, 120_000);

afterEach(() => {
  for (const prober of probers.splice(0)) prober.stop();
});

afterAll(async () => {
  await cluster.stopAll();
});

interface Report {
  readonly outcome: ProbeOutcome;
  readonly misses: number;
  readonly missingForMs: number;
  readonly atMs: number;
}

function watch(server: MysqlServer, given: { password?: string; user?: string; intervalMs?: number } = {}): {
  prober: Prober;
  reports: Report[];
  seen: (kind: ProbeOutcome['kind']) => Promise<Report>;
} {
  const reports: Report[] = [];
  const prober = createProber({
    address: { host: server.host, port: server.port },
    user: given.user ?? accounts.hactl.user,
    password: () => new Secret(given.password ?? accounts.hactl.password),
    intervalMs: given.intervalMs ?? 200,
    timeoutMs: 500,
    onOutcome: (outcome, misses, missingForMs) => {
      reports.push({ outcome, misses, missingForMs, atMs: performance.now() });
    },
  });
  probers.push(prober);
  const seen = async (kind: ProbeOutcome['kind']): Promise<Report> => {
    await until(`a probe that ends ${kind}`, 10_000, () => reports.some(({ outcome }) => outcome.kind === kind));
    return reports.find(({ outcome }) => outcome.kind === kind) as Report;
  };
  return { prober, reports, seen };
}

const lookAt = (server: MysqlServer): ReturnType<typeof look> =>
  look(
    { host: server.host, port: server.port }, accounts.hactl.user, new Secret(accounts.hactl.password), 2000,
  );

describe('facts', () => {
  it('tell a primary with its replicas', async () => {
    const facts = await lookAt(primary);
    const [row] = await primary.sql('SELECT @@server_uuid AS uuid');
    expect(facts).toMatchObject({
      serverUuid: row?.['uuid'], serverId: 1, readOnly: false, superReadOnly: false, offline: false, logBin: true,
      logReplicaUpdates: true, gtidMode: 'ON', replica: null, semiSync: null,
    });
    expect(facts.executed).toMatch(/^[0-9a-f-]{36}:1-\d+$/);
    expect(Math.abs(facts.startedAtS - Date.now() / 1000)).toBeLessThan(120);
    expect(facts.replicaUuids).toEqual([(await lookAt(replica)).serverUuid]);
  });

  it('tell a replica with its source, and heartbeats that move', async () => {
    const facts = await lookAt(replica);
    expect(facts).toMatchObject({ readOnly: true, superReadOnly: true, replicaUuids: [] });
    expect(facts.replica).toMatchObject({
      sourceHost: '127.0.0.1', sourcePort: primary.port, sourceUser: accounts.repl.user, receiver: 'on',
      applier: 'on', receiverError: '', applierError: '', autoPosition: true, delayS: 0, heartbeatPeriodMs: 1000,
    });
    expect(facts.replica?.sourceUuid).toBe((await lookAt(primary)).serverUuid);
    expect(facts.replica?.received).not.toBe('');
    await until('a heartbeat more', 5000, async () => {
      const now = await lookAt(replica);
      return (now.replica?.heartbeats ?? 0) > (facts.replica?.heartbeats ?? 0);
    });
  });

  it('keep the start time while the server lives and change it at a restart', async () => {
    const before = (await lookAt(replica)).startedAtS;
    await until('two seconds of uptime', 10_000, async () => {
      const [row] = await replica.sql("SHOW GLOBAL STATUS LIKE 'Uptime'");
      return Number(row?.['Value']) >= 3;
    });
    expect(Math.abs((await lookAt(replica)).startedAtS - before)).toBeLessThanOrEqual(1);
    await replica.restart();
    expect((await lookAt(replica)).startedAtS - before).toBeGreaterThan(1);
  }, 60_000);
});

describe('a prober', () => {
  it('sends nothing that changes anything', async () => {
    // Connection ids begin anew at a restart: only what is logged from here on tells.
    const before = (await readFile(replica.generalLogPath, 'utf8')).length;
    const { prober, seen } = watch(replica);
    await seen('ok');
    await prober.probeNow();
    const entries = (await readFile(replica.generalLogPath, 'utf8')).slice(before).split('\n')
      .flatMap((line) => /^\S+Z\t\s*(\d+) (\w+)(?:\t(.*))?$/.exec(line) ?? [])
      .reduce<string[][]>((rows, _word, at, all) => (at % 4 === 0 ? [...rows, all.slice(at, at + 4)] : rows), []);
    const ours = new Set(entries.filter((entry) => entry[3]?.startsWith('hactl@')).map((entry) => entry[1]));
    const sent = entries.filter(([, id, word]) => ours.has(id) && word === 'Query').map((entry) => entry[3] ?? '');
    expect(sent.length).toBeGreaterThan(5);
    expect(sent.filter((sql) => !/^(SELECT |SHOW REPLICA|SET NAMES )/.test(sql))).toEqual([]);
  });

  it('reports a killed server as refused at once, and its return', async () => {
    const { reports, seen } = watch(replica, { intervalMs: 5000 });
    await seen('ok');
    await replica.kill('SIGKILL');
    const goneAt = performance.now();
    const report = await seen('refused');
    // The interval is 5 s: a second still proves that it was the closed connection that told.
    expect(report.atMs - goneAt).toBeLessThan(1000);
    expect(reports.find(({ misses }) => misses > 0)?.misses).toBe(1);
    await replica.restart();
    await until('it answers again', 5000, () => reports.at(-1)?.outcome.kind === 'ok');
    expect(reports.at(-1)).toMatchObject({ misses: 0, missingForMs: 0 });
  }, 60_000);

  it('reports a stopped process as hung or timeout, never as refused', async () => {
    const { prober, reports, seen } = watch(replica);
    await seen('ok');
    await replica.kill('SIGSTOP');
    try {
      await until('three misses', 10_000, () => (reports.at(-1)?.misses ?? 0) >= 3);
      expect(['hung', 'timeout']).toContain((await prober.probeNow()).kind);
      const missed = reports.filter(({ misses }) => misses > 0).map(({ outcome }) => outcome.kind);
      expect(missed.every((kind) => kind === 'hung' || kind === 'timeout')).toBe(true);
      expect(reports.at(-1)?.missingForMs).toBeGreaterThan(1000);
    } finally {
      await replica.kill('SIGCONT');
    }
    await until('it answers again', 5000, () => reports.at(-1)?.outcome.kind === 'ok');
  }, 60_000);

  it('keeps calling a stopped process hung when its accept queue is full', async () => {
    const { prober, reports, seen } = watch(replica);
    await seen('ok');
    await replica.kill('SIGSTOP');
    const queue: net.Socket[] = [];
    try {
      await until('a connection without a greeting', 10_000, () => reports.some(({ outcome }) =>
        outcome.kind === 'hung' && outcome.detail.includes('no greeting')));
      // The kernel accepts a bounded number; then connecting takes for ever.
      await until('the queue is full', 20_000, () => {
        const connect = (): net.Socket => net.connect(replica.port, replica.host).on('error', () => null);
        if (queue.length < 5000) queue.push(...Array.from({ length: 50 }, connect));
        return reports.some(({ outcome }) => outcome.kind !== 'ok' && outcome.detail.includes('no TCP connection'));
      });
      expect(await prober.probeNow()).toMatchObject({
        kind: 'hung', detail: expect.stringContaining('no TCP connection'),
      });
      expect([...new Set(reports.map(({ outcome }) => outcome.kind))]).toEqual(['ok', 'hung']);
    } finally {
      for (const socket of queue) socket.destroy();
      await replica.kill('SIGCONT');
    }
    await until('it answers again', 10_000, () => reports.at(-1)?.outcome.kind === 'ok');
  }, 60_000);

  it('reports only the new connection when somebody kills its session', async () => {
    const { reports, seen } = watch(primary, { intervalMs: 5000 });
    await seen('ok');
    const rows = await primary.sql("SELECT ID FROM information_schema.processlist WHERE USER = 'hactl'");
    for (const row of rows) await primary.sql(`KILL ${String(row['ID'])}`);
    await until('a second report', 2000, () => reports.length >= 2);
    expect(reports.map(({ outcome }) => outcome.kind)).toEqual(['ok', 'ok']);
  });

  it('takes a wrong password for life', async () => {
    const { prober, seen } = watch(primary, { password: 'wrong' });
    const { outcome, misses } = await seen('alive');
    expect(outcome).toMatchObject({ kind: 'alive', reason: 'denied' });
    expect(misses).toBe(0);
    expect(JSON.stringify(await prober.probeNow())).not.toContain('wrong');
  });

  it('takes too many connections for life', async () => {
    await primary.sql('SET GLOBAL max_connections = 10');
    const open = await Promise.allSettled(Array.from({ length: 14 }, () => primary.connect()));
    try {
      const { outcome, misses } = await watch(primary, { user: 'app', password: accounts.app.password }).seen('alive');
      expect(outcome).toMatchObject({ kind: 'alive', reason: 'too many connections' });
      expect(misses).toBe(0);
    } finally {
      const connections = open.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      await connections[0]?.query('SET GLOBAL max_connections = 100');
      for (const connection of connections) connection.destroy();
    }
  });
});
