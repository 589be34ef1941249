/** Waits of the operation engine, one place. Each is a bound, never a schedule that correctness leans on. */
export const timing = {
  /** Connecting to a server that answered lately, lock included: a deposed leader's session may have to be killed. */
  openMs: 3000,
  /** Connecting to a server that is being missed. */
  openMissingMs: 500,
  /** One attempt at closing a server for writes. */
  closeMs: 2000,
  /** One slice of waiting for an applier; progress is looked at in between. */
  applySliceMs: 1000,
  /** An applier without any progress for this long is given up. */
  applyStallMs: 30_000,
  /** A re-pointed receiver has this long to connect. */
  receiverConnectMs: 5000,
  /** Between two looks at something that is about to change. */
  pollMs: 20,
  /** Between two attempts at a step that failed. */
  retryMs: 200,
  /** A blocked operation is judged anew after this pause, which doubles up to the maximum. */
  blockedRetryMs: 1000,
  blockedRetryMaxMs: 10_000,
  /** Attempts at a step before the operation is shown as blocked; it is tried on after that. */
  attemptsBeforeBlocked: 3,
  /** Servers that cannot be re-pointed or restored within this time are named and left out. */
  perServerMs: 8000,
  /** Tolerance in comparing start times: the server counts its uptime in whole seconds. */
  startedAtToleranceS: 2,
} as const;
