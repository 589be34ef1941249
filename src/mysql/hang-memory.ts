/**
 * What a prober remembers of a server that hangs, for two reasons. A session that hangs inside the server keeps its
 * thread there after its socket is gone, so new ones must come ever more seldom or they fill the server up. And a
 * process that is stopped looks like a dead host as soon as its accept queue is full, so what follows a connection
 * without a greeting is the same hang. Pure: the time is given.
 */
import type { ProbeOutcome } from '../base/index.js';
import type { Phase } from './classify.js';
import { limits } from './limits.js';

export class HangMemory {
  /** 0: no session hangs. */
  #pauseMs = 0;
  #dueAtMs = 0;
  #confirmingHangs = 0;
  #isWithoutGreeting = false;

  /** How long the server is left alone before the next new session. 0: not at all. */
  waitMs(nowMs: number): number {
    return this.#pauseMs === 0 ? 0 : Math.max(0, this.#dueAtMs - nowMs);
  }

  /** A few confirming probes are made in spite of the pause: they are what a leader waits for. */
  mayConfirm(nowMs: number): boolean {
    return this.waitMs(nowMs) === 0 || this.#confirmingHangs < limits.confirmingHangsMax;
  }

  /** The session that hung is gone: what is there now has to be looked at. */
  endPause(): void {
    this.#dueAtMs = 0;
  }

  /** What a round is called that stays away from the server. */
  hungUntil(nowMs: number): ProbeOutcome {
    const inMs = Math.round(this.waitMs(nowMs));
    return { kind: 'hung', detail: `its last session got no answer; the next new one is due in ${inMs} ms` };
  }

  /** The outcome in the light of what was seen before. */
  read(outcome: ProbeOutcome, silentIn: Phase | null): ProbeOutcome {
    if (!this.#isWithoutGreeting || outcome.kind !== 'timeout' || silentIn !== 'connecting') return outcome;
    return { kind: 'hung', detail: `${outcome.detail}, after connections that were accepted and not greeted` };
  }

  /** Learns from a probe that was really made. `silentIn`: how far it had come when its time ran out. */
  learn(outcome: ProbeOutcome, silentIn: Phase | null, nowMs: number, isConfirming: boolean): void {
    switch (outcome.kind) {
      case 'ok':
      case 'alive':
      case 'refused':
      case 'reset':
        this.#pauseMs = 0;
        this.#confirmingHangs = 0;
        this.#isWithoutGreeting = false;
        return;
      case 'hung':
        if (silentIn === 'greeting') this.#isWithoutGreeting = true;
        if (silentIn === 'established' || silentIn === 'authenticating') this.#lengthen(nowMs, isConfirming);
        return;
      case 'timeout':
        // No route to the host, or a connection that stood and fell silent: no full queue does that.
        if (silentIn !== 'connecting') this.#isWithoutGreeting = false;
        return;
      case 'unknown':
        return;
    }
  }

  #lengthen(nowMs: number, isConfirming: boolean): void {
    if (isConfirming) this.#confirmingHangs += 1;
    this.#pauseMs = this.#pauseMs === 0
      ? limits.newSessionPauseMs
      : Math.min(2 * this.#pauseMs, limits.newSessionPauseMaxMs);
    this.#dueAtMs = nowMs + this.#pauseMs;
  }
}
