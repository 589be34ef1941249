/** Bounds of this folder, one place. Times are guesses with their reason; every wait here ends by one of them. */
export const limits = {
  /** A statement of an action session that has no time of its own. */
  statementMs: 5000,
  /** STOP REPLICA waits for the event that the receiver is just writing; a slow disk makes that seconds. */
  stopReceiverMs: 10_000,
  /** How long a relay log may take to be applied before a re-point that would otherwise throw it away. */
  applyBeforeRepointMs: 10_000,
  /** How often it is looked whether the applier still runs meanwhile. */
  applySliceMs: 250,
  /** An applier that was not seen running for this long may be about to stop at an error. */
  applierSteadyMs: 300,
  /** A statement that waits on the server for `n` ms gets this much more before its silence counts as silence. */
  answerMarginMs: 1000,
  /** How long disconnecting clients is watched. A killed session ends in milliseconds or hangs in a commit for long. */
  clientsGoneMs: 500,
  clientsGonePollMs: 20,
  /** Pause between two tries for the action lock: KILL is asynchronous and takes about this long. */
  lockPollMs: 20,
  /** Least time that one more try for the action lock is worth. */
  lockTryMs: 100,
  /** Sessions killed by one round of disconnecting; the next round takes the rest. */
  killsPerRound: 2000,
  /** Sending KILLs to the sessions of one listing: about 0.1 ms each, so thousands fit. */
  killsMs: 2000,
  /** Statements waiting on one session. More is a caller that does not wait for answers. */
  queuedStatementsMax: 16,
  /** Confirming probes of one prober at once; a leader asks for one at a time. */
  confirmingProbesMax: 4,
  /** While a server is missing it is tried at least this often, where the failure itself comes fast. */
  missRetryMs: 250,
  /** A server whose sessions hang gets a new one after this pause, which doubles up to the maximum. */
  newSessionPauseMs: 250,
  newSessionPauseMaxMs: 10_000,
  /** Confirming probes that may hang within one row of hangs before the pause holds for them too. */
  confirmingHangsMax: 2,
  /** Least pause between two rounds on a server that answers, however slow its answers are. */
  roundGapMs: 25,
  /** How long a closing session may take to say goodbye before its socket is destroyed. */
  goodbyeMs: 200,
  /** TCP keep-alive: finds the dead idle peer some time; never the detector. */
  keepAliveInitialDelayMs: 5000,
  /** The server's bound on a named lock. */
  lockNameChars: 64,
} as const;
