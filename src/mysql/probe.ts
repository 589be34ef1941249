/**
 * Watches one server from this manager: a persistent session, a look each interval, and news at once when the
 * connection closes. Sends nothing that changes anything. A round never lasts longer than its deadline, and one round
 * runs at a time. What this process itself is to blame for (a stalled event loop, a missing secret) is `unknown` and
 * never a miss. A session that hangs is held until it is answered or closed, and new ones come ever more seldom.
 */
import { isMiss, type ProbeOutcome, type Secret, type ServerAddress } from '../base/index.js';
import { endsSession, SqlFailure } from './classify.js';
import { readFacts } from './facts.js';
import { HangMemory } from './hang-memory.js';
import { limits } from './limits.js';
import { BadRow } from './row.js';
import { Session } from './session.js';
import { after, nowMs, type Timeout } from './timers.js';

export interface ProberOptions {
  readonly address: ServerAddress;
  readonly user: string;
  /** Asked for at each connection, so that a changed secret is found. May throw: that is `unknown`. */
  readonly password: () => Secret;
  readonly intervalMs: number;
  /** Deadline of one round: connecting, if need be, and looking. */
  readonly timeoutMs: number;
  /** Shows whose session this is in the server's tables. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Every round ends here. `misses` and `missingForMs` as in an observation. */
  readonly onOutcome: (outcome: ProbeOutcome, misses: number, missingForMs: number) => void;
  readonly clock?: { nowMs(): number };
}

export interface Prober {
  /** A fresh attempt on a connection of its own, for a confirming round. Never throws, ends by `timeoutMs`. */
  probeNow(): Promise<ProbeOutcome>;
  stop(): void;
}

/** The first round begins at once. */
export function createProber(options: ProberOptions): Prober {
  return new SessionProber(options);
}

class SessionProber implements Prober {
  readonly #options: ProberOptions;
  readonly #nowMs: () => number;
  #session: Session | null = null;
  #timer: Timeout | null = null;
  #isStopped = false;
  #isInRound = false;
  /** The held session closed or was answered while a round ran that no longer looks at it. */
  #hasNews = false;
  #lastNewsAtMs = -Infinity;
  readonly #hangs = new HangMemory();
  #misses = 0;
  #missingSinceMs = 0;
  #confirming = 0;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { clock } = options;
    this.#nowMs = clock === undefined ? nowMs : () => clock.nowMs();
    this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#dropSession();
  }

  async probeNow(): Promise<ProbeOutcome> {
    if (this.#confirming >= limits.confirmingProbesMax) {
      return { kind: 'unknown', detail: 'more confirming probes at once than this manager runs' };
    }
    const begunAtMs = this.#nowMs();
    if (!this.#hangs.mayConfirm(begunAtMs)) return this.#hangs.hungUntil(begunAtMs);
    this.#confirming += 1;
    try {
      const session = await this.#logIn(begunAtMs);
      try {
        await session.begin({ withinMs: this.#leftMs(begunAtMs) });
        return await this.#look(session, begunAtMs, true);
      } finally {
        session.close();
      }
    } catch (thrown) {
      return this.#outcomeOf(thrown, begunAtMs, { lateByMs: 0, isConfirming: true });
    } finally {
      this.#confirming -= 1;
    }
  }

  #schedule(inMs: number): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    const dueAtMs = this.#nowMs() + inMs;
    this.#timer = after(inMs, () => {
      this.#timer = null;
      void this.#round(this.#nowMs() - dueAtMs);
    });
  }

  async #round(lateByMs: number): Promise<void> {
    if (this.#isInRound || this.#isStopped) return;
    this.#isInRound = true;
    this.#hasNews = false;
    const begunAtMs = this.#nowMs();
    const outcome = await this.#attempt(begunAtMs, lateByMs);
    this.#isInRound = false;
    if (this.#isStopped) return;
    this.#report(outcome, begunAtMs);
    this.#schedule(this.#pauseAfter(outcome, begunAtMs));
  }

  /**
   * The held session may have been lost for reasons of its own (killed, idle): one new connection tells. One that hangs
   * is held while the server is left alone, and until a new one is logged in: its end or its answer is news.
   */
  async #attempt(begunAtMs: number, lateByMs: number): Promise<ProbeOutcome> {
    const held = this.#session;
    try {
      if (held !== null && !held.isLost && !held.isHanging) {
        try {
          return await this.#look(held, begunAtMs, false);
        } catch (thrown) {
          if (!isLoss(thrown)) throw thrown;
        }
      }
      if (this.#hangs.waitMs(this.#nowMs()) > 0) return this.#hangs.hungUntil(this.#nowMs());
      const session = await this.#logIn(begunAtMs);
      if (this.#isStopped) {
        session.close();
        return { kind: 'unknown', detail: 'the prober was stopped' };
      }
      this.#hold(session);
      await session.begin({ withinMs: this.#leftMs(begunAtMs), isPatient: true });
      return await this.#look(session, begunAtMs, false);
    } catch (thrown) {
      if (this.#session?.isHanging !== true) this.#dropSession();
      return this.#outcomeOf(thrown, begunAtMs, { lateByMs, isConfirming: false });
    }
  }

  #logIn(begunAtMs: number): Promise<Session> {
    const { address, user, attributes } = this.#options;
    const password = this.#secret();
    return Session.logIn({
      address,
      user,
      password,
      withinMs: this.#leftMs(begunAtMs),
      attributes: { hactl_role: 'probe', ...attributes },
    });
  }

  #secret(): Secret {
    try {
      return this.#options.password();
    } catch (thrown) {
      const detail = `no password: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw new SqlFailure({ kind: 'unknown', reason: 'no password', detail, errno: null, isSent: false });
    }
  }

  async #look(session: Session, begunAtMs: number, isConfirming: boolean): Promise<ProbeOutcome> {
    const facts = await readFacts(session, this.#leftMs(begunAtMs), !isConfirming);
    const endedAtMs = this.#nowMs();
    const outcome: ProbeOutcome = { kind: 'ok', facts, latencyMs: Math.max(0, endedAtMs - begunAtMs) };
    this.#hangs.learn(outcome, null, endedAtMs, isConfirming);
    return outcome;
  }

  #leftMs(begunAtMs: number): number {
    return this.#options.timeoutMs - (this.#nowMs() - begunAtMs);
  }

  #outcomeOf(
    thrown: unknown,
    begunAtMs: number,
    { lateByMs, isConfirming }: { readonly lateByMs: number; readonly isConfirming: boolean },
  ): ProbeOutcome {
    const silentIn = thrown instanceof SqlFailure ? thrown.silentIn : null;
    const outcome = this.#named(thrown, begunAtMs, lateByMs);
    this.#hangs.learn(outcome, silentIn, this.#nowMs(), isConfirming);
    return this.#hangs.read(outcome, silentIn);
  }

  /**
   * Silence counts only if this process was awake to hear: a deadline that fired late by more than half its length
   * (or a round that began so late) says more about us than about the server.
   */
  #named(thrown: unknown, begunAtMs: number, lateByMs: number): ProbeOutcome {
    // What it said may be right, and this version of hactl cannot read it: whoever says something is alive.
    if (thrown instanceof BadRow) return { kind: 'alive', reason: 'unreadable answer', detail: thrown.message };
    if (!(thrown instanceof SqlFailure)) throw thrown;
    const { kind, reason, message: detail } = thrown;
    if (kind === 'alive') return { kind, reason, detail };
    const stalledMs = Math.max(lateByMs, -this.#leftMs(begunAtMs));
    if ((kind === 'timeout' || kind === 'hung') && stalledMs > this.#options.timeoutMs / 2) {
      return { kind: 'unknown', detail: `this manager stalled for ${Math.round(stalledMs)} ms (${detail})` };
    }
    return { kind, detail };
  }

  #hold(session: Session): void {
    this.#dropSession();
    this.#session = session;
    session.onNews(() => {
      if (this.#session !== session) return;
      this.#hangs.endPause();
      // In a round the failing statement tells; between rounds this is the news.
      if (this.#isInRound) this.#hasNews = true;
      else if (this.#takesNews()) this.#schedule(0);
    });
  }

  /**
   * At most one round out of turn per interval: something that closes our session after each answer would otherwise
   * get a new login with every one.
   */
  #takesNews(): boolean {
    const atMs = this.#nowMs();
    if (atMs - this.#lastNewsAtMs < this.#options.intervalMs) return false;
    this.#lastNewsAtMs = atMs;
    return true;
  }

  #dropSession(): void {
    const session = this.#session;
    this.#session = null;
    this.#hasNews = false;
    session?.close();
  }

  #report(outcome: ProbeOutcome, begunAtMs: number): void {
    if (isMiss(outcome.kind)) {
      if (this.#misses === 0) this.#missingSinceMs = begunAtMs;
      this.#misses += 1;
    } else if (outcome.kind !== 'unknown') {
      this.#misses = 0;
    }
    // `unknown` neither ends nor lengthens a row of misses.
    const missingForMs = this.#misses === 0 ? 0 : Math.max(0, this.#nowMs() - this.#missingSinceMs);
    this.#options.onOutcome(outcome, this.#misses, missingForMs);
  }

  #pauseAfter(outcome: ProbeOutcome, begunAtMs: number): number {
    const { intervalMs } = this.#options;
    if (this.#hasNews && this.#session?.isHanging !== true && this.#takesNews()) return 0;
    const endedAtMs = this.#nowMs();
    const waitMs = this.#hangs.waitMs(endedAtMs);
    if (isMiss(outcome.kind)) return Math.min(intervalMs, Math.max(waitMs, limits.missRetryMs));
    const tookMs = endedAtMs - begunAtMs;
    return Math.max(intervalMs - tookMs, limits.roundGapMs);
  }
}

/** The connection went away under the statement, or the server ends this session and perhaps nothing else. */
function isLoss(thrown: unknown): boolean {
  if (!(thrown instanceof SqlFailure)) return false;
  return thrown.kind === 'reset' || (thrown.errno !== null && endsSession(thrown.errno));
}
