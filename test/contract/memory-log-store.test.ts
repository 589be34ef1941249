import { logStoreContract } from './log-store.js';
import { MemoryLogStore } from '../../src/raft/index.js';

logStoreContract('the memory store', () => {
  const store = new MemoryLogStore();
  return Promise.resolve({ reopen: () => Promise.resolve(store), remove: () => Promise.resolve() });
});
