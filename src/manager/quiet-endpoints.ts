/** EndpointsPort: waits until no manager can still be naming the primary of before. */
import type { ClockPort } from '../ha/index.js';
import type { AnswerRight } from './answer-right.js';

const lookAgainMs = 5;

export async function quietSince(right: AnswerRight, index: number, clock: ClockPort): Promise<void> {
  const endsAtMs = clock.nowMs() + right.msUntilQuiet(index);
  for (;;) {
    // Pulses arrive meanwhile: they may shorten the wait, and never prolong it.
    const waitMs = Math.min(endsAtMs - clock.nowMs(), right.msUntilQuiet(index));
    if (waitMs <= 0) return;
    await clock.sleep(Math.min(waitMs, lookAgainMs));
  }
}
