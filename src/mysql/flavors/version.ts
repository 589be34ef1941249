/** Server versions as numbers that compare. */

export interface ServerVersion {
  readonly isMariaDb: boolean;
  /** 8.0.26 is 80026. */
  readonly number: number;
}

export function parseVersion(given: string): ServerVersion | null {
  const isMariaDb = /mariadb/i.test(given);
  // MariaDB hides its version behind 5.5.5- for old replicas.
  const match = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(given);
  if (match === null) return null;
  const [, major, minor, patch] = match;
  return { isMariaDb, number: Number(major) * 10_000 + Number(minor) * 100 + Number(patch) };
}
