/**
 * A manager that starts while others already dial it. What it says of its store must be what is in there: a peer that
 * is told of an older store takes it for one that was set back, and turns the manager away for good.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePorts } from './free-ports.js';
import { managerId } from '../../src/base/index.js';
import { loadManagerConfig, nodeSecretSource } from '../../src/config/index.js';
import { createManager } from '../../src/manager/create-manager.js';
import { createLogger } from '../../src/manager/log.js';
import type { Manager } from '../../src/manager/manager.js';
import { initStore } from '../../src/raft/index.js';
import { createRpcNode, type Claim, type TcpRpcNode } from '../../src/rpc/index.js';
import { encodeControlFrame, frameKinds } from '../../src/rpc/frames.js';

const [m1, m2] = [managerId('m1'), managerId('m2')];
const clusterId = 'test';
let dir = '';
let ports: readonly number[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hactl-start-'));
  ports = await freePorts(3);
  const [rpc, http] = ports;
  const yaml = `id: m1\ndata_dir: data\nlog: { level: error }\n`
    + `managers: { m1: { rpc: "127.0.0.1:${rpc}", http: "127.0.0.1:${http}" } }\n`;
  await writeFile(join(dir, 'manager.yaml'), yaml);
  await initStore(join(dir, 'data'), { clusterId, managerId: m1, voters: [m1] });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function startManager(): Promise<Manager> {
  const loaded = loadManagerConfig(join(dir, 'manager.yaml'), nodeSecretSource());
  return createManager(loaded, createLogger('fatal', 'm1'), { passed: () => undefined });
}

/** Dials m1 as m2 again and again, from the first moment on, and says where m2 is. */
function dialAgainAndAgain(): () => void {
  const [port = 0, , own = 0] = ports;
  let isOver = false;
  const dial = (): void => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => socket.write(encodeControlFrame(frameKinds.hello, {
      magic: 'hactl', protocolMin: 1, protocolMax: 1, clusterId, from: 'm2', to: 'm1', electionTimeoutMs: 1000,
      storeId: 's2', storeGeneration: 1, rpc: { host: '127.0.0.1', port: own }, http: null, reducerMax: 1,
    })));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!isOver) setTimeout(dial, 1);
    });
  };
  dial();
  return () => {
    isOver = true;
  };
}

describe('a manager that starts', () => {
  it('says nothing of its store to others before it has opened it', async () => {
    const claims: Claim[] = [];
    const other: TcpRpcNode = createRpcNode({
      clusterId, self: m2, listen: { host: '127.0.0.1', port: ports[2] ?? 0 }, peers: [], electionTimeoutMs: 1000,
      about: () => ({ storeId: 's2', storeGeneration: 1, rpc: null, http: null, reducerMax: 1 }),
      judge: (claim) => {
        claims.push(claim);
        return null;
      },
      log: () => undefined,
    });
    await other.start();
    const first = await startManager();
    await first.start();
    await vi.waitFor(async () => {
      const { status } = await fetch(`http://127.0.0.1:${ports[1]}/leader`);
      expect(status).toBe(200);
    }, { timeout: 20_000 });
    await first.stop();

    const stopDialling = dialAgainAndAgain();
    const second = await startManager();
    await second.start();
    await vi.waitFor(() => expect(claims.length).toBeGreaterThan(0), { timeout: 20_000 });
    stopDialling();
    await second.stop();
    await other.stop();
    // It has led alone, so it has written.
    const generations = claims.map(({ storeGeneration }) => storeGeneration ?? 0);
    expect(generations.filter((generation) => generation < 1)).toEqual([]);
  });
});
