/** Which flavor a server speaks, by the version in its greeting. */
import type { Flavor } from './flavor.js';
import { mysql8 } from './mysql8.js';
import { parseVersion } from './version.js';

export type { Flavor, LookRows, ReceiverTarget } from './flavor.js';

/** SHOW REPLICA STATUS and performance_schema.processlist begin here. */
const oldestMysql8 = 80_022;

/** null: hactl does not speak with this version. */
export function flavorOf(greetingVersion: string): Flavor | null {
  const version = parseVersion(greetingVersion);
  if (version === null || version.isMariaDb || version.number < oldestMysql8) return null;
  return mysql8(version.number);
}
