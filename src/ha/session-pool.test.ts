import { beforeEach, describe, expect, it } from 'vitest';
import { ActionError, clusterName, createPrng, epoch, managerId, operationId, serverName } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { ActionSession, HaPorts } from './ports.js';
import { ReignEnded, SessionPool } from './session-pool.js';

const db1 = serverName('db1');
const spec = { servers: [{ name: db1, host: 'h', port: 1, zone: null, candidate: 'allow' }] } as unknown as ClusterSpec;
const fence = { cluster: clusterName('c'), epoch: epoch(3), operation: operationId('op'), manager: managerId('m1') };

let isLeader = true;
let opened: FakeSession[] = [];
let letOpen: Promise<void> = Promise.resolve();
let openingFails: ActionError | null = null;

class FakeSession {
  readonly server = db1;
  isLost = false;
  isClosed = false;
  readonly sent: string[] = [];
  answer: () => Promise<void> = () => Promise.resolve();

  close(): void {
    this.isClosed = true;
  }

  stopReceiver(): Promise<void> {
    this.sent.push('stop');
    return this.answer();
  }
}

function newPool(): SessionPool {
  const open = async (): Promise<ActionSession> => {
    await letOpen;
    if (openingFails !== null) throw openingFails;
    const session = new FakeSession();
    opened.push(session);
    return session as unknown as ActionSession;
  };
  const ports = {
    log: { proveLeadership: () => Promise.resolve(isLeader) },
    servers: { open },
    random: createPrng(1),
  } as unknown as HaPorts;
  return new SessionPool(ports, spec, fence);
}

beforeEach(() => {
  isLeader = true;
  opened = [];
  letOpen = Promise.resolve();
  openingFails = null;
});

describe('a session of the pool', () => {
  it('sends nothing that changes a server once leadership cannot be proved', async () => {
    const session = await newPool().on(db1, 100);
    isLeader = false;
    await expect(session.stopReceiver()).rejects.toBeInstanceOf(ReignEnded);
    expect(opened[0]?.sent).toEqual([]);
  });

  it('is opened once, however many wait for it, and again when its connection is gone', async () => {
    const pool = newPool();
    const [one, two] = await Promise.all([pool.on(db1, 100), pool.on(db1, 100)]);
    expect(one).toBe(two);
    expect(opened).toHaveLength(1);
    opened[0]!.isLost = true;
    expect(await pool.on(db1, 100)).not.toBe(one);
    expect(opened.map((session) => session.isClosed)).toEqual([true, false]);
  });

  it('acts no more once it was given up, and leaves the one that was opened since alone', async () => {
    const pool = newPool();
    const old = await pool.on(db1, 100);
    let fail: (error: ActionError) => void = () => undefined;
    opened[0]!.answer = () => new Promise((_, reject) => { fail = reject; });
    const underWay = old.stopReceiver();
    await Promise.resolve();
    await Promise.resolve();
    pool.dropAll();
    const fresh = await pool.on(db1, 100);
    fail(new ActionError('unknown', 'the connection was closed'));
    await expect(underWay).rejects.toThrow('the connection was closed');
    await expect(old.stopReceiver()).rejects.toThrow(/given up/);
    expect(opened[0]?.sent).toEqual(['stop']);
    expect(await pool.on(db1, 100)).toBe(fresh);
    expect(opened[1]?.isClosed).toBe(false);
  });

  it('that is still being opened when all is given up is closed when it is there', async () => {
    const pool = newPool();
    let goOn: () => void = () => undefined;
    letOpen = new Promise((resolve) => { goOn = resolve; });
    const late = pool.on(db1, 100);
    await Promise.resolve();
    pool.closeAll();
    goOn();
    await expect(late).rejects.toThrow(/given up/);
    expect(opened.map((session) => session.isClosed)).toEqual([true]);
  });

  it('that a higher epoch forbids ends the reign, and says which', async () => {
    openingFails = new ActionError('fenced', 'epoch 60 is recorded there', { higherEpoch: 60 });
    await expect(newPool().on(db1, 100)).rejects.toMatchObject({ name: 'ReignEnded', higherEpoch: 60 });
  });
});
