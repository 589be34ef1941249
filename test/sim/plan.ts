/**
 * What one seed does: sizes, which classes of faults exist (each seed draws some, so that no class hides another:
 * swarm testing, Groce et al., ISSTA 2012), and the faults with their times. Plain data: a failure is shrunk by leaving
 * faults out, and replayed from what is left.
 */
import { createPrng } from '../../src/base/index.js';
import type { Prng } from '../../src/base/index.js';

export const faultKinds = [
  'loss', 'delay', 'replay', 'partition', 'one-way', 'clog',
  'disk-slow', 'disk-hang', 'disk-fail', 'disk-full',
  'manager-crash', 'manager-pause', 'clock-step', 'wiped-disk', 'restored-backup',
  'primary-crash', 'primary-hang', 'primary-cut', 'replica-crash', 'relay-log-lost', 'lag', 'server-return',
  'switchover', 'transfer', 'grow', 'shrink',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** In [0, 1): which one, how strong. */
  readonly dice: number;
}

export interface Plan {
  readonly seed: number;
  readonly managers: number;
  readonly servers: number;
  readonly isSemiSync: boolean;
  /** Until the faults stop. */
  readonly lengthMs: number;
  readonly snapshotEntries: number;
  readonly trailingEntries: number;
  readonly faults: readonly Fault[];
}

interface Shape {
  /** Of the seeds that have this class. */
  readonly share: number;
  readonly perMinute: number;
  readonly forMs: number;
}

const shapes: Readonly<Record<FaultKind, Shape>> = {
  'loss': { share: 0.3, perMinute: 3, forMs: 6000 },
  'delay': { share: 0.3, perMinute: 3, forMs: 5000 },
  'replay': { share: 0.3, perMinute: 3, forMs: 6000 },
  'partition': { share: 0.3, perMinute: 2, forMs: 5000 },
  'one-way': { share: 0.25, perMinute: 2, forMs: 5000 },
  'clog': { share: 0.25, perMinute: 2, forMs: 4000 },
  'disk-slow': { share: 0.3, perMinute: 2, forMs: 6000 },
  'disk-hang': { share: 0.2, perMinute: 2, forMs: 3000 },
  'disk-fail': { share: 0.2, perMinute: 2, forMs: 0 },
  'disk-full': { share: 0.2, perMinute: 2, forMs: 5000 },
  'manager-crash': { share: 0.5, perMinute: 4, forMs: 4000 },
  'manager-pause': { share: 0.4, perMinute: 3, forMs: 4000 },
  'clock-step': { share: 0.25, perMinute: 3, forMs: 0 },
  'wiped-disk': { share: 0.2, perMinute: 1.5, forMs: 0 },
  'restored-backup': { share: 0.15, perMinute: 1.5, forMs: 0 },
  'primary-crash': { share: 0.85, perMinute: 1.6, forMs: 15_000 },
  'primary-hang': { share: 0.15, perMinute: 1, forMs: 8000 },
  'primary-cut': { share: 0.2, perMinute: 1, forMs: 12_000 },
  'replica-crash': { share: 0.3, perMinute: 1.5, forMs: 5000 },
  'relay-log-lost': { share: 0.15, perMinute: 1, forMs: 1000 },
  'lag': { share: 0.25, perMinute: 2, forMs: 8000 },
  'server-return': { share: 0.3, perMinute: 2, forMs: 0 },
  'switchover': { share: 0.4, perMinute: 2, forMs: 0 },
  'transfer': { share: 0.3, perMinute: 3, forMs: 0 },
  'grow': { share: 0.25, perMinute: 2, forMs: 0 },
  'shrink': { share: 0.25, perMinute: 1.5, forMs: 0 },
};

/** Nothing happens before: a quorum has to stand, and the managers to know each other. */
export const calmMs = 6000;

export function drawPlan(seed: number): Plan {
  const random = createPrng(seed);
  for (let round = 0; round < 4; round += 1) random.next();
  const lengthMs = 52_000 + random.int(0, 20_000);
  const size = random.next();
  const faults = faultKinds.flatMap((kind) => drawFaults(random, kind, lengthMs));
  return {
    seed,
    managers: size < 0.04 ? 1 : size < 0.8 ? 3 : 5,
    servers: random.next() < 0.75 ? 3 : 4,
    isSemiSync: random.next() < 0.8,
    lengthMs,
    snapshotEntries: random.int(12, 80),
    trailingEntries: random.int(2, 20),
    faults: faults.sort((a, b) => a.atMs - b.atMs),
  };
}

function drawFaults(random: Prng, kind: FaultKind, lengthMs: number): readonly Fault[] {
  const { share, perMinute, forMs } = shapes[kind];
  if (random.next() >= share) return [];
  const count = Math.max(1, Math.round(perMinute * (lengthMs / 60_000) * (0.5 + random.next())));
  return Array.from({ length: count }, () => ({
    kind,
    atMs: calmMs + Math.floor(random.next() * (lengthMs - calmMs)),
    forMs: Math.floor(forMs * (0.2 + random.next() * 1.3)),
    dice: random.next(),
  }));
}
