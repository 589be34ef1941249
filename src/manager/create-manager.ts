/** Puts one manager together from its store, Raft, the transport and the rest. Decides nothing. */
import { randomInt } from 'node:crypto';
import { createPrng } from '../base/index.js';
import type { LoadedManagerConfig } from '../config/index.js';
import { reducerMax } from '../ha/index.js';
import { bootstrapMembership, createMessageTransport, createRaftNode, openStore } from '../raft/index.js';
import { wireClusterId } from '../raft/index.js';
import type { RaftNode } from '../raft/index.js';
import { createRpcNode } from '../rpc/index.js';
import { Addresses } from './addresses.js';
import type { Failpoint } from './failpoint.js';
import { HaMachine } from './ha-machine.js';
import type { Logger } from './log.js';
import { RunningManager } from './manager.js';
import type { Manager } from './manager.js';
import { PeerMemory } from './peer-memory.js';
import { Quorum } from './quorum.js';

export async function createManager(
  loaded: LoadedManagerConfig,
  log: Logger,
  failpoint: Failpoint,
): Promise<Manager> {
  const { config } = loaded;
  const { meta, store } = await openStore(config.dataDir, {
    managerId: config.id,
    ...(config.clusterId === null ? {} : { clusterId: config.clusterId }),
  });
  const say = (event: string, facts: Record<string, unknown>): void => log.info({ event, ...facts });
  const bootstrap = bootstrapMembership(meta.voters);
  const memory = new PeerMemory(() => raft.status());
  const addresses = new Addresses(config, () => raft.status().membership);
  const machine = new HaMachine();
  const { rpc: ownRpc = null, http: ownHttp = null } = config.managers.get(config.id) ?? {};
  const about = { rpc: ownRpc, http: ownHttp, reducerMax };
  const rpc = createRpcNode({
    clusterId: wireClusterId(meta),
    self: config.id,
    listen: config.listen.rpc,
    peers: [],
    about: () => ({ ...about, storeId: meta.storeId, storeGeneration: store.generation }),
    electionTimeoutMs: config.raft.electionTimeoutMs,
    judge: (claim) => memory.judge(claim),
    onAccepted: (claim) => memory.accepted(claim),
    onRefused: (peer, reason, detail) => quorum.refused(peer, reason, detail),
    log: say,
  });
  const raft: RaftNode = createRaftNode({
    id: config.id,
    bootstrap,
    store,
    transport: createMessageTransport(
      {
        send: (to, channel, payload) => rpc.send(to, channel, payload),
        listen: (channel, listener) => rpc.on(channel, listener),
        onMalformed: (from) => log.warn({ event: 'malformed-message', from }),
      },
      { own: () => store.generation, heard: (from, generation) => memory.heard(from, generation) },
    ),
    stateMachine: machine,
    electionTimeoutMs: config.raft.electionTimeoutMs,
    heartbeatMs: config.raft.heartbeatMs,
    prng: createPrng(randomInt(2 ** 47)),
    clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    log: say,
  });
  const quorum: Quorum = new Quorum({
    config,
    raft,
    rpc,
    addresses,
    machine,
    own: { ...about, storeId: meta.storeId, storeGeneration: null },
    log,
  });
  return new RunningManager({
    loaded, clusterId: meta.clusterId, lineage: meta.lineage, log, failpoint, rpc, raft, machine, quorum, addresses,
  });
}
