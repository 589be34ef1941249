/** Proposes the reducer version that all voters understand by now, and tells what became of it. */
import type { CommandResult } from '../ha/index.js';
import { isStaleSerial } from '../raft/index.js';
import type { ProposalSession, ProposeOutcome, RaftNode } from '../raft/index.js';
import { encodeCommand } from './command-codec.js';

const withinMs = 5000;

export interface VersionRaiserOptions {
  readonly raft: Pick<RaftNode, 'propose'>;
  /**
   * Of this life of the process, random: serials begin anew with each life, and a session that outlived it would answer
   * them with what came of the proposals of before.
   */
  readonly life: string;
  readonly log: (event: string, facts: Record<string, unknown>) => void;
}

export class VersionRaiser {
  readonly #options: VersionRaiserOptions;
  #raises = 0;

  constructor(options: VersionRaiserOptions) {
    this.#options = options;
  }

  async raise(to: number): Promise<void> {
    const { raft, life, log } = this.#options;
    this.#raises += 1;
    const session: ProposalSession = { id: `reducer-version-${life}`, serial: this.#raises };
    const outcome = await raft.propose(encodeCommand({ kind: 'reducer-version-raised', to }), session, withinMs);
    log('reducer-version-raised', { to, ...wordsOf(outcome) });
  }
}

/** Committed is not done: the state machine may have said no. */
function wordsOf(outcome: ProposeOutcome): { readonly outcome: string; readonly reason?: string } {
  if (outcome.kind !== 'applied') return { outcome: outcome.kind };
  if (isStaleSerial(outcome.result)) return { outcome: 'stale' };
  const result = outcome.result as CommandResult;
  return result.ok ? { outcome: 'applied' } : { outcome: 'rejected', reason: result.reason };
}
