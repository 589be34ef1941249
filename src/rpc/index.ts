export { createRpcNode, type RpcStats, type TcpRpcNode } from './tcp-rpc-node.js';
export { frameBytesMax, reachableMs } from './limits.js';
export { channels } from './types.js';
export type { About, Channel, Claim, PeerRefusal, PeerState, RpcNode, RpcOptions, RpcPeer } from './types.js';
