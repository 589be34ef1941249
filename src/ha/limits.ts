/** Bounds of this folder, one place. */
export const limits = {
  /** Ended operations kept per cluster in the replicated state. */
  historyPerCluster: 50,
  /** How often one operation may go back to an earlier step before it is blocked. */
  rewindsMax: 8,
  /** Right of a manager to name a primary, counted from when it asked the leader. Design section 8. */
  answerRightMs: 500,
  /** Journal entries kept per operation: steps, their repetitions after takeovers and rewinds. */
  journalEntriesMax: 200,
  /** Takeovers kept per operation. */
  takeoversKept: 50,
  /** Clusters in one configuration. */
  clustersMax: 1000,
  /** Servers in one cluster. */
  serversPerClusterMax: 64,
} as const;
