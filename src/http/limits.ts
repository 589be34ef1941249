/** Bounds of this folder, one place. */
export const limits = {
  /** A whole clusters.yaml fits; nothing else comes near. */
  bodyBytesMax: 1024 * 1024,
  answerBytesMax: 16 * 1024 * 1024,
  connectionsMax: 1024,
  /** A client that needs longer to send its request is cut off. */
  requestTimeoutMs: 30_000,
  /** Longer than the check intervals of usual load balancers, so that their connections live on. */
  keepAliveTimeoutMs: 65_000,
  /** The leader is on the same network: a connection that takes longer will not come. */
  forwardConnectMs: 1000,
  /** A change ends by itself well before: an apply looks at every server once, a switchover only starts. */
  forwardTotalMs: 30_000,
  forwardConnectionsMax: 4,
  operationsMax: 1000,
  requestIdCharsMin: 8,
  requestIdCharsMax: 40,
  /** An own observation older than this many probe intervals says nothing about now. */
  staleIntervals: 3,
} as const;
