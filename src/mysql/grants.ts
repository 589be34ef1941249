/**
 * What hactl's account needs on a MySQL 8.0.22+ server, each with its reason. Documentation and checks read it from
 * here. It includes no right to read users' data.
 */

export interface RequiredGrant {
  readonly privileges: readonly string[];
  readonly on: '*.*' | 'performance_schema.*' | 'hactl.*';
  readonly reason: string;
}

export const requiredGrants: readonly RequiredGrant[] = [
  {
    privileges: ['SYSTEM_VARIABLES_ADMIN', 'SESSION_VARIABLES_ADMIN'],
    on: '*.*',
    reason: 'set read_only, super_read_only, offline_mode and semi-sync; keep its own writes out of the binary log',
  },
  {
    privileges: ['CONNECTION_ADMIN'],
    on: '*.*',
    reason: 'get in when the server is offline or full, write its epoch under read_only, disconnect clients',
  },
  {
    privileges: ['REPLICATION_SLAVE_ADMIN'],
    on: '*.*',
    reason: 'start, stop and re-point replication',
  },
  {
    privileges: ['REPLICATION CLIENT', 'REPLICATION SLAVE', 'RELOAD', 'PROCESS'],
    on: '*.*',
    reason: 'see replication state and connected replicas, forget a source, see client sessions',
  },
  {
    privileges: ['SELECT'],
    on: 'performance_schema.*',
    reason: 'read counters, and the epoch of the session that holds the action lock',
  },
  {
    privileges: ['ALL'],
    on: 'hactl.*',
    reason: 'its own notes: the epoch',
  },
];

/** As statements, for an account given as it stands in SQL: `'hactl'@'10.%'`. */
export function grantStatements(account: string): readonly string[] {
  return requiredGrants.map(({ privileges, on }) => `GRANT ${privileges.join(', ')} ON ${on} TO ${account}`);
}
