/** What every part of the world shares. */
import { createPrng } from '../../src/base/index.js';
import type { Prng } from '../../src/base/index.js';
import { EventQueue } from './event-queue.js';
import { Network } from './network.js';
import { Trace } from './trace.js';

export interface Environment {
  readonly seed: number;
  readonly queue: EventQueue;
  readonly random: Prng;
  readonly network: Network;
  readonly trace: Trace;
}

export function createEnvironment(seed: number): Environment {
  const queue = new EventQueue();
  const random = createPrng(seed);
  return { seed, queue, random, network: new Network(random, queue), trace: new Trace(() => queue.nowMs) };
}
