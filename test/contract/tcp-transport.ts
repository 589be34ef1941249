/** A RaftTransport over the real TCP transport on loopback, as the manager composes it. */
import type { ManagerId } from '../../src/base/index.js';
import { createMessageTransport, type RaftTransport } from '../../src/raft/index.js';
import { createRpcNode } from '../../src/rpc/index.js';

export type TcpTransport = RaftTransport & { stop(): Promise<void> };

export async function createTcpTransport(
  clusterId: string,
  self: ManagerId,
  ports: ReadonlyMap<ManagerId, number>,
): Promise<TcpTransport> {
  const addressOf = (id: ManagerId) => ({ host: '127.0.0.1', port: ports.get(id) ?? 0 });
  const peers = [...ports.keys()].filter((id) => id !== self).map((id) => ({ id, address: addressOf(id) }));
  const rpc = createRpcNode({ clusterId, self, listen: addressOf(self), peers, log: () => undefined });
  const transport = createMessageTransport({
    send: (to, channel, payload) => rpc.send(to, channel, payload),
    listen: (channel, listener) => rpc.on(channel, listener),
    onMalformed: (from) => {
      throw new Error(`malformed message from ${from}`);
    },
  }, { own: () => 1, heard: () => undefined });
  await rpc.start();
  return { ...transport, stop: () => rpc.stop() };
}
