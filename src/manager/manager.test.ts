import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { managerId } from '../base/index.js';
import { loadManagerConfig, nodeSecretSource } from '../config/index.js';
import { initStore, openStore } from '../raft/index.js';
import { createManager } from './create-manager.js';
import { createFailpoint } from './failpoint.js';
import { createLogger } from './log.js';

describe('a manager that starts', () => {
  let parent = '';
  let taken: Server;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'hactl-start-'));
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await new Promise((resolve) => taken.close(resolve));
    await rm(parent, { recursive: true, force: true });
  });

  it('opens its store before it listens: who speaks too early says that it has written nothing', async () => {
    const { port } = taken.address() as AddressInfo;
    const configPath = join(parent, 'manager.yaml');
    const managers = `{ m1: { rpc: "127.0.0.1:${port}", http: "127.0.0.1:1" } }`;
    await writeFile(configPath, `id: m1\ndata_dir: ${join(parent, 'data')}\nmanagers: ${managers}\n`);
    const id = managerId('m1');
    await initStore(join(parent, 'data'), { clusterId: 'c', managerId: id, voters: [id] });
    // Both are in the way: whichever is tried first is what the error tells of.
    const { store } = await openStore(join(parent, 'data'), { managerId: id });
    await store.open();
    const start = async (): Promise<void> => {
      const loaded = loadManagerConfig(configPath, nodeSecretSource());
      const manager = await createManager(loaded, createLogger('error', 'm1'), createFailpoint('', () => undefined));
      await manager.start().finally(() => manager.stop());
    };
    await expect(start()).rejects.toMatchObject({ code: 'refused', what: expect.stringContaining('store') as string });
    await store.close();
    const cannotListen = { code: 'bad-config', what: expect.stringContaining('listen') as string };
    await expect(start()).rejects.toMatchObject(cannotListen);
  });

  it('is told how far its store has come only once that is open', async () => {
    const id = managerId('m1');
    await initStore(join(parent, 'data'), { clusterId: 'c', managerId: id, voters: [id] });
    const { store } = await openStore(join(parent, 'data'), { managerId: id });
    expect(() => store.generation).toThrow('once it is open');
    await store.open();
    expect(store.generation).toBe(0);
    await store.close();
  });
});
