/** Bounds of this folder, one place. */
export const limits = {
  /** A configuration file larger than this is refused before it is parsed. */
  fileBytesMax: 1024 * 1024,
  /** What one file's aliases may expand to: a short file must not become gigabytes ("billion laughs"). */
  aliasesMax: 100,
  /** Bytes of one secret. */
  secretBytesMax: 64 * 1024,
  /** Problems listed of one file. */
  problemsMax: 50,
  /** Characters of a value that are repeated in a problem. */
  valueCharsMax: 60,
  /** The same as clustersMax and serversPerClusterMax of ha/limits.ts; this folder sees only types of ha. */
  clustersMax: 1000,
  serversPerClusterMax: 64,
  /** More voters make every commit slower and no cluster safer. */
  managersMax: 9,
  userCharsMax: 32,
} as const;
