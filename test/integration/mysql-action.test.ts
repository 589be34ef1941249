/** Action sessions on a real MySQL: who may act, and what each action leaves behind. */
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ActionError, Secret, serverName } from '../../src/base/index.js';
import type { ActionSession } from '../../src/ha/ports.js';
import { createProber, openActionSession, type MysqlActionSession } from '../../src/mysql/index.js';
import { accounts, startMysqlCluster, until, type MysqlCluster } from '../support/mysql-cluster.js';
import type { MysqlServer } from '../support/mysql-server.js';

/** What the manager hands to ha must be what ha asks for. */
type Fits<T extends ActionSession> = T;
export type SessionFits = Fits<MysqlActionSession>;

let cluster: MysqlCluster;
let primary: MysqlServer;
let replica: MysqlServer;
const sessions: MysqlActionSession[] = [];
const connections: Connection[] = [];

beforeAll(async () => {
  cluster = await startMysqlCluster({ replicas: 1 });
  primary = cluster.primary;
  await primary.sql('CREATE TABLE app.kept (id BIGINT PRIMARY KEY)');
  replica = cluster.replicas[0] as MysqlServer;
}, 120_000);

afterEach(async () => {
  for (const session of sessions.splice(0)) session.close();
  for (const connection of connections.splice(0)) connection.destroy();
  for (const server of cluster.servers) {
    await until('no session of hactl is left', 5000, async () => {
      const rows = await server.sql("SELECT ID FROM information_schema.processlist WHERE USER = 'hactl'");
      return rows.length === 0;
    });
  }
});

afterAll(async () => {
  await cluster.stopAll();
});

async function open(
  server: MysqlServer,
  epoch: number,
  given: { password?: string; withinMs?: number; log?: (line: string) => void } = {},
): Promise<MysqlActionSession> {
  const session = await openActionSession({
    server: serverName(`db${server.serverId}`),
    address: { host: server.host, port: server.port },
    user: accounts.hactl.user,
    password: new Secret(given.password ?? accounts.hactl.password),
    passwordOf: () => new Secret(accounts.repl.password),
    fence: { cluster: 'shop', epoch, operation: `op-${epoch}`, manager: 'm1' },
    withinMs: given.withinMs ?? 2000,
    ...(given.log === undefined ? {} : { log: given.log }),
  });
  sessions.push(session);
  return session;
}

async function client(server: MysqlServer): Promise<Connection> {
  const { user, password } = accounts.app;
  const connection = await server.connect({ user, password });
  connections.push(connection);
  return connection;
}

interface Pool {
  /** Connections made so far. */
  connected(): number;
  written(): number;
  stop(): Promise<void>;
}

/** Connects anew at once, tries one write, holds the connection a moment: so many times side by side. */
function keepReconnecting(server: MysqlServer, size: number): Pool {
  const { user, password } = accounts.app;
  const stop = new AbortController();
  let connected = 0;
  let written = 0;
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const connection = await server.connect({ user, password }).catch(() => null);
      if (connection === null) continue;
      connected += 1;
      connection.on('error', () => undefined);
      const writing = connection.query('INSERT INTO app.kept VALUES (?)', [1_000_000 + connected]);
      await writing.then(() => { written += 1; }, () => undefined);
      await connection.query('SELECT SLEEP(0.02)').catch(() => undefined);
      connection.destroy();
    }
  };
  const loops = Array.from({ length: size }, loop);
  return {
    connected: () => connected,
    written: () => written,
    stop: async () => {
      stop.abort();
      await Promise.all(loops);
    },
  };
}

const failureOrNull = (work: Promise<unknown>): Promise<unknown> => work.then(() => null, (error: unknown) => error);

const failureOf = async (work: Promise<unknown>): Promise<ActionError> => {
  const thrown = await failureOrNull(work);
  if (!(thrown instanceof ActionError)) throw new Error(`no ActionError: ${String(thrown)}`);
  return thrown;
};

const executed = async (server: MysqlServer): Promise<unknown> =>
  (await server.sql('SELECT @@GLOBAL.gtid_executed AS gtids'))[0]?.['gtids'];

describe('the right to act', () => {
  it('passes to the higher epoch, and the lower one can execute nothing more', async () => {
    const lines: string[] = [];
    const lower = await open(primary, 1);
    await lower.look();
    const higher = await open(primary, 2, { log: (line) => lines.push(line) });
    expect((await failureOf(lower.openForWrites())).failure).toMatch(/^(unreachable|unknown)$/);
    expect(lines).toEqual([expect.stringContaining('of epoch 1 holds the lock: killing it')]);
    await expect(higher.look()).resolves.toMatchObject({ serverId: 1 });
  });

  it('is refused to the lower epoch while the higher one holds it', async () => {
    const higher = await open(primary, 5);
    const error = await failureOf(open(primary, 4));
    expect(error.failure).toBe('fenced');
    expect(error.message).toContain('epoch 5');
    expect(error.higherEpoch).toBe(5);
    await expect(higher.look()).resolves.toMatchObject({ serverId: 1 });
  });

  it('is taken from a session whose epoch cannot be read', async () => {
    const stranger = await primary.connect({ user: 'app', password: accounts.app.password });
    connections.push(stranger);
    await stranger.query("SELECT GET_LOCK('hactl:shop', 0)");
    await expect(open(primary, 5)).resolves.toBeDefined();
    await expect(stranger.query('SELECT 1')).rejects.toThrow();
  });

  it('is refused below the recorded epoch when the session that wrote it is long gone', async () => {
    const before = await executed(primary);
    const session = await open(primary, 7);
    await session.recordEpoch();
    await session.recordEpoch();
    session.close();
    expect(await failureOf(open(primary, 6))).toMatchObject({ failure: 'fenced', higherEpoch: 7 });
    await expect(open(primary, 7)).resolves.toBeDefined();
    expect(await executed(primary)).toBe(before);
  });

  it('is not given to a wrong password, and the error shows none', async () => {
    const error = await failureOf(open(primary, 9, { password: 'hunter2' }));
    expect(error).toMatchObject({ failure: 'rejected', serverErrno: 1045 });
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('hunter2');
  });

  it('is unreachable where nobody listens, and within its time where nobody answers', async () => {
    const gone = { ...replica, host: replica.host, port: 1, serverId: 9 } as unknown as MysqlServer;
    expect((await failureOf(open(gone, 9))).failure).toBe('unreachable');
    await replica.kill('SIGSTOP');
    try {
      const begunAt = performance.now();
      expect((await failureOf(open(replica, 9, { withinMs: 300 }))).failure).toBe('unreachable');
      expect(performance.now() - begunAt).toBeLessThan(1000);
    } finally {
      await replica.kill('SIGCONT');
    }
  });

  it('leaves it unknown whether a statement ran that got no answer', async () => {
    const session = await open(replica, 9);
    await replica.kill('SIGSTOP');
    await until('it says nothing', 5000, async () =>
      (await failureOrNull(open(replica, 9, { withinMs: 50 }))) !== null);
    try {
      expect((await failureOf(session.waitExecuted('', 50))).failure).toBe('unknown');
      expect((await failureOf(session.look())).failure).toBe('unreachable');
    } finally {
      await replica.kill('SIGCONT');
    }
  });
});

describe('clients', () => {
  it('are counted without us, replication and the server itself', async () => {
    const session = await open(primary, 20);
    expect(await session.countClients()).toBe(0);
    await client(primary);
    await client(primary);
    expect(await session.countClients()).toBe(2);
    expect(await session.killClients()).toBe(0);
    await expect(client(primary)).resolves.toBeDefined();
    await cluster.waitUntilLevel();
  });

  it('of an application that uses our account are counted and killed, and probers of any manager are not', async () => {
    const session = await open(primary, 24);
    let heard: (kind: string) => void = () => undefined;
    const first = new Promise<string>((resolve) => { heard = resolve; });
    const prober = createProber({
      address: { host: primary.host, port: primary.port }, user: accounts.hactl.user,
      password: () => new Secret(accounts.hactl.password), intervalMs: 60_000, timeoutMs: 1000,
      attributes: { hactl_manager: 'm2' }, onOutcome: (outcome) => heard(outcome.kind),
    });
    try {
      expect(await first).toBe('ok');
      expect(await session.countClients()).toBe(0);
      const { user, password } = accounts.hactl;
      const sharing = await primary.connect({ user, password });
      connections.push(sharing);
      expect(await session.countClients()).toBe(1);
      expect(await session.killClients()).toBe(0);
      await expect(sharing.query('SELECT 1')).rejects.toThrow();
      const rows = await primary.sql("SELECT ID FROM information_schema.processlist WHERE USER = 'hactl'");
      expect(rows).toHaveLength(2);
    } finally {
      prober.stop();
    }
  });

  it('are told by the account where the server keeps no attributes', async () => {
    await replica.restart({ performance_schema_session_connect_attrs_size: '0' });
    const session = await open(replica, 25);
    const { user, password } = accounts.hactl;
    connections.push(await replica.connect({ user, password }));
    expect(await session.countClients()).toBe(0);
    await client(replica);
    expect(await session.countClients()).toBe(1);
    expect(await session.killClients()).toBe(0);
    await replica.restart({ performance_schema_session_connect_attrs_size: '512' });
  }, 60_000);

  it('that were there are gone after a kill, however fast a pool of short connections comes back', async () => {
    const session = await open(primary, 22);
    await session.closeForWrites(1000);
    const pool = keepReconnecting(primary, 8);
    try {
      // From here on there is hardly a moment without any client.
      await until('the pool is connected', 5000, async () => (await session.countClients()) >= 4);
      const idle = await client(primary);
      const countBefore = pool.connected();
      const begunAt = performance.now();
      expect(await session.killClients()).toBe(0);
      expect(performance.now() - begunAt).toBeLessThan(400);
      await expect(idle.query('SELECT 1')).rejects.toThrow();
      await until('the pool is back', 5000, () => pool.connected() > countBefore + 20);
      expect(pool.written()).toBe(0);
    } finally {
      await pool.stop();
    }
    await session.openForWrites();
  });

  it('that may not be killed are counted as left', async () => {
    const session = await open(primary, 23);
    const mighty = await primary.connect();
    connections.push(mighty);
    expect(await session.killClients()).toBe(1);
    await expect(mighty.query('SELECT 1')).resolves.toBeDefined();
  });

  it('are disconnected and kept out until the server is online again', async () => {
    const session = await open(primary, 21);
    const one = await client(primary);
    expect(await session.disconnectClients()).toBe(0);
    await expect(one.query('SELECT 1')).rejects.toThrow();
    await expect(client(primary)).rejects.toThrow(/offline/);
    expect((await session.look()).offline).toBe(true);
    await session.setOffline(false);
    await expect(client(primary)).resolves.toBeDefined();
    await cluster.waitUntilLevel();
  });
});

describe('closing for writes', () => {
  it('waits no longer than told for a lock that a client holds', async () => {
    const session = await open(primary, 30);
    const writer = await primary.connect();
    connections.push(writer);
    await writer.query('LOCK TABLES app.kept WRITE');
    const begunAt = performance.now();
    const error = await failureOf(session.closeForWrites(900));
    expect(error).toMatchObject({ failure: 'rejected', serverErrno: 1205 });
    expect(performance.now() - begunAt).toBeLessThan(2500);
    await writer.query('UNLOCK TABLES');
    await session.closeForWrites(900);
    expect(await session.look()).toMatchObject({ readOnly: true, superReadOnly: true });
    await session.closeForWrites(900);
    await session.openForWrites();
  });
});

describe('the promotion of a replica', () => {
  it('goes from following to writable, with the last statement opening it', async () => {
    const session = await open(replica, 40);
    await session.setAcknowledging(false);
    await session.stopReceiver();
    await session.stopReceiver();
    const gtids = String(await executed(primary)).replace(/\s/g, '');
    expect(await session.waitExecuted(gtids, 2000)).toBe(true);
    expect(await session.waitExecuted('11111111-1111-1111-1111-111111111111:1', 50)).toBe(false);
    await session.forgetSource();
    await session.forgetSource();
    await session.openForUs();
    expect(await session.look()).toMatchObject({ readOnly: true, superReadOnly: false, replica: null });
    const other = await client(replica);
    await expect(other.query('INSERT INTO app.kept VALUES (1)')).rejects.toThrow(/read-only/);
    await session.recordEpoch();
    await session.setWaitingForAcks(true);
    await session.openForWrites();
    await session.openForWrites();
    await other.query('INSERT INTO app.kept VALUES (1)');
    expect(await session.look()).toMatchObject({ readOnly: false, superReadOnly: false });
  });

  it('lets the old primary follow as a server that never replicated', async () => {
    const session = await open(primary, 41);
    await session.closeForWrites(1000);
    const source = { host: replica.host, port: replica.port, user: accounts.repl.user, passwordRef: 'env:REPL' };
    await session.pointAt(source);
    await session.pointAt(source);
    await session.startReceiver();
    await session.startApplier();
    const gtids = String(await executed(replica)).replace(/\s/g, '');
    expect(await session.waitExecuted(gtids, 10_000)).toBe(true);
    expect((await session.look()).replica).toMatchObject({
      sourcePort: replica.port, receiver: 'on', applier: 'on', autoPosition: true, heartbeatPeriodMs: 1000,
    });
    expect(await primary.sql('SELECT id FROM app.kept')).toHaveLength(1);
  });
});
