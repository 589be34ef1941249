/** Bounds of the command line, one place. */
export const limits = {
  connectMs: 1000,
  /** An answer to a question; managers answer from memory. */
  readMs: 3000,
  /** An answer to a change; a manager's own deadlines are shorter. */
  changeMs: 35_000,
  /** How long a change is offered to the managers while none of them can take it: three elections. */
  changeRetryMs: 10_000,
  retryPauseMs: 250,
  answerBytesMax: 16 * 1024 * 1024,
  urlsMax: 32,
  /** A configuration of this size still fits into a request when it is written as JSON. */
  applyFileBytesMax: 768 * 1024,
  pollMs: 150,
  /** Progress is followed this long without any manager answering for the operation. */
  pollSilenceMs: 30_000,
  /** Progress is followed this long in all; the operation goes on without us. */
  followMs: 10 * 60_000,
  /** A manager that was added is followed this long without coming nearer; it goes on without us. */
  memberSilenceMs: 60_000,
  /** Progress in numbers is not said more often. */
  sayEveryMs: 1000,
  historyDefault: 20,
} as const;

/** Where a manager listens when nothing else is said. */
export const urlDefault = 'http://127.0.0.1:7401';
