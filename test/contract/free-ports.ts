import { freePort } from '../support/ports.js';

/** Distinct free ports: one after the other, because a port counts as taken only once it was given out. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}
