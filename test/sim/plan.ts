/**
 * What one seed does: sizes, which classes of faults exist (each seed draws some, so that no class hides another:
 * swarm testing, Groce et al., ISSTA 2012), and the faults with their times. Plain data: a failure is shrunk by leaving
 * faults out, and replayed from what is left. Each class draws from a stream of its own, so that a change to one leaves
 * the others as they were.
 */
import { createPrng } from '../../src/base/index.js';
import type { Prng } from '../../src/base/index.js';
import { shapes } from './fault-shapes.js';
import type { FaultKind } from './fault-shapes.js';

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
  /** Every server comes up closed; otherwise the first one comes up open, as many do in real life. */
  readonly isClosedAtBoot: boolean;
  /** Index of the server that is declared to be preferred; null: none. */
  readonly preferred: number | null;
  /** What an applier takes for a transaction, as long as no fault slows it down. */
  readonly applyMs: number;
  /** When all is well again, the primary dies once more, and nothing else does. */
  readonly endsWithDeath: boolean;
  /** Until the faults stop. */
  readonly lengthMs: number;
  readonly electionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly snapshotEntries: number;
  readonly trailingEntries: number;
  readonly snapshotChunkBytes: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly appendBytesMax: number;
  readonly faults: readonly Fault[];
}

/** Nothing happens before: a quorum has to stand, and the managers to know each other. */
export const calmMs = 5000;
/** Far between the streams of one seed and those of the next. */
const streamStep = 7919;

export const faultKinds = Object.keys(shapes) as readonly FaultKind[];

export function drawPlan(seed: number): Plan {
  const random = createPrng(seed * streamStep);
  const lengthMs = 54_000 + random.int(0, 14_000);
  const size = random.next();
  const isRegional = random.next() < 0.3;
  return {
    seed,
    managers: size < 0.04 ? 1 : size < 0.85 ? 3 : 5,
    servers: random.next() < 0.75 ? 3 : 4,
    isSemiSync: random.next() < 0.75,
    isClosedAtBoot: random.next() < 0.5,
    preferred: random.next() < 0.5 ? random.int(1, 3) : null,
    applyMs: drawApplyMs(random),
    endsWithDeath: random.next() < 0.5,
    lengthMs,
    electionTimeoutMs: isRegional ? 2000 : 1000,
    heartbeatMs: isRegional ? 200 : 100,
    snapshotEntries: random.int(12, 80),
    trailingEntries: random.int(2, 20),
    snapshotChunkBytes: random.int(700, 4000),
    inflightMessagesMax: random.int(1, 6),
    inflightBytesMax: random.int(1500, 8000),
    appendBytesMax: random.int(300, 3000),
    faults: faultKinds
      .flatMap((kind, stream) => drawFaults(seed * streamStep + stream + 1, kind, lengthMs))
      .sort((a, b) => a.atMs - b.atMs),
  };
}

/** Some keep up at once, some need their time, and some only just keep up with the clients. */
function drawApplyMs(random: Prng): number {
  const dice = random.next();
  return dice < 0.45 ? 0.5 : dice < 0.75 ? 5 + random.int(0, 90) : 120 + random.int(0, 110);
}

function drawFaults(stream: number, kind: FaultKind, lengthMs: number): readonly Fault[] {
  const random = createPrng(stream);
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
