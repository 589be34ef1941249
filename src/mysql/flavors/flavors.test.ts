import { describe, expect, it } from 'vitest';
import { BadRow } from '../row.js';
import { flavorOf, type LookRows } from './index.js';
import { parseVersion } from './version.js';

describe('parseVersion', () => {
  it.each([
    ['9.7.4-2', false, 90_704],
    ['8.0.22', false, 80_022],
    ['8.4.0-debug', false, 80_400],
    ['5.5.5-10.11.6-MariaDB-1', true, 101_106],
    ['10.11.6-MariaDB', true, 101_106],
  ])('reads %s', (given, isMariaDb, number) => {
    expect(parseVersion(given)).toEqual({ isMariaDb, number });
  });

  it('knows when it cannot read one', () => {
    expect(parseVersion('')).toBeNull();
  });
});

const flavor = (version: string): NonNullable<ReturnType<typeof flavorOf>> => {
  const found = flavorOf(version);
  if (found === null) throw new Error(`no flavor for ${version}`);
  return found;
};

describe('flavorOf', () => {
  it('speaks with MySQL 8.0.22 and later, and not yet with older ones or MariaDB', () => {
    expect(flavor('8.0.22').family).toBe('mysql8');
    expect(flavor('9.7.4').family).toBe('mysql8');
    expect(flavorOf('8.0.21')).toBeNull();
    expect(flavorOf('5.6.51-log')).toBeNull();
    expect(flavorOf('10.11.6-MariaDB')).toBeNull();
  });

  it('uses the names that the version knows', () => {
    expect(flavor('8.0.25').statements.look.server).toContain('log_slave_updates');
    expect(flavor('8.0.26').statements.look.server).toContain('log_replica_updates');
    const target = { host: 'h', port: 1, account: null, isFirst: true, setsAutoPosition: false };
    expect(flavor('8.0.22').changeSource(target).sql).toMatch(/^CHANGE MASTER TO MASTER_HOST = \?/);
    expect(flavor('8.0.23').changeSource(target).sql).toMatch(/^CHANGE REPLICATION SOURCE TO SOURCE_HOST = \?/);
  });
});

describe('changeSource', () => {
  const target = { host: 'db2', port: 3307, account: null, isFirst: false, setsAutoPosition: false };

  it('names only receiver options for a replica that keeps its relay log', () => {
    const { sql, values } = flavor('9.7.4').changeSource(target);
    expect(sql).toContain('SOURCE_HEARTBEAT_PERIOD = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400');
    expect(sql).not.toMatch(/AUTO_POSITION|USER|PASSWORD|PUBLIC_KEY/);
    expect(values).toEqual(['db2', 3307]);
  });

  it('names everything for a server that was never a replica', () => {
    const account = { user: 'repl', password: "it's" };
    const { sql, values } = flavor('9.7.4').changeSource({ ...target, account, isFirst: true });
    expect(sql).toMatch(/SOURCE_USER = \?, SOURCE_PASSWORD = \?.*GET_SOURCE_PUBLIC_KEY = 1, SOURCE_AUTO_POSITION = 1/);
    expect(values).toEqual(['db2', 3307, 'repl', "it's"]);
  });
});

const a = 'aaaaaaaa-0000-0000-0000-000000000001';
const b = 'bbbbbbbb-0000-0000-0000-000000000002';
const c = 'cccccccc-0000-0000-0000-000000000003';
const server = {
  server_uuid: 'aaaa', server_id: '7', version: '9.7.4', read_only: '1', super_read_only: '0', offline_mode: '0',
  log_bin: '1', log_replica_updates: '1', gtid_mode: 'ON', gtid_executed: `${a}:1-5,\n${b}:1:tag_x:3-4`,
  now_s: '1000', variables: null, counters: '{"uptime": "100"}', heartbeats: '12', heartbeat_period_s: '1.500',
};
const channel = {
  Channel_Name: '', Source_Host: 'db1', Source_Port: '3306', Source_User: 'repl', Source_UUID: 'bbbb',
  Replica_IO_Running: 'Connecting', Replica_SQL_Running: 'Yes', Last_IO_Error: 'e1', Last_SQL_Error: '',
  Auto_Position: '1', Retrieved_Gtid_Set: `${b}:1-9,\n${c}:1`, SQL_Delay: '0', Seconds_Behind_Source: '3',
};

describe('decodeFacts', () => {
  const decode = (rows: Partial<LookRows>): ReturnType<ReturnType<typeof flavor>['decodeFacts']> =>
    flavor('9.7.4').decodeFacts({ server, replica: [], connectedReplicas: [], ...rows });

  it('reads a server that replicates from nobody', () => {
    expect(decode({ connectedReplicas: [{ Replica_UUID: 'dddd' }, { Replica_UUID: '' }] })).toEqual({
      serverUuid: 'aaaa', serverId: 7, version: '9.7.4', readOnly: true, superReadOnly: false, offline: false,
      logBin: true, logReplicaUpdates: true, gtidMode: 'ON', executed: `${a}:1-5,${b}:1:tag_x:3-4`, startedAtS: 900,
      replica: null, semiSync: null, replicaUuids: ['dddd'],
    });
  });

  it('reads the default channel and ignores the others', () => {
    const other = { ...channel, Channel_Name: 'group_replication_applier', Source_Host: 'else' };
    expect(decode({ replica: [other, channel] }).replica).toEqual({
      sourceHost: 'db1', sourcePort: 3306, sourceUser: 'repl', sourceUuid: 'bbbb', receiver: 'connecting',
      applier: 'on', receiverError: 'e1', applierError: '', autoPosition: true, received: `${b}:1-9,${c}:1`,
      delayS: 0, lagMs: 3000, heartbeats: 12, heartbeatPeriodMs: 1500,
    });
    expect(decode({ replica: [other] }).replica).toBeNull();
  });

  it('knows no lag where the server knows none', () => {
    expect(decode({ replica: [{ ...channel, Seconds_Behind_Source: null }] }).replica?.lagMs).toBeNull();
  });

  it('reads semi-sync under its old and its new names', () => {
    const row = (variables: object, counters: object): object =>
      ({ ...server, variables: JSON.stringify(variables), counters: JSON.stringify(counters) });
    const wanted = { sourceEnabled: true, replicaEnabled: false, sourceActive: true, sourceClients: 2 };
    expect(decode({ server: row(
      { rpl_semi_sync_source_enabled: 'ON', rpl_semi_sync_replica_enabled: 'OFF' },
      { uptime: '1', rpl_semi_sync_source_status: 'ON', rpl_semi_sync_source_clients: '2' },
    ) as LookRows['server'] }).semiSync).toEqual(wanted);
    expect(decode({ server: row(
      { rpl_semi_sync_master_enabled: 'ON' },
      { uptime: '1', rpl_semi_sync_master_status: 'ON', rpl_semi_sync_master_clients: '2' },
    ) as LookRows['server'] }).semiSync).toEqual({ ...wanted, replicaEnabled: null });
  });

  it('tells a semi-sync half that is off from one that is not there', () => {
    const semiSyncOf = (variables: object): unknown =>
      decode({ server: { ...server, variables: JSON.stringify(variables) } }).semiSync;
    expect(semiSyncOf({ rpl_semi_sync_source_enabled: 'OFF' })).toMatchObject({
      sourceEnabled: false, replicaEnabled: null,
    });
    expect(semiSyncOf({ rpl_semi_sync_replica_enabled: 'OFF' })).toEqual({
      sourceEnabled: null, replicaEnabled: false, sourceActive: false, sourceClients: 0,
    });
    expect(semiSyncOf({})).toBeNull();
  });

  it.each([
    ['gtid_executed', { server: { ...server, gtid_executed: '0-1-5' } }],
    ['Retrieved_Gtid_Set', { replica: [{ ...channel, Retrieved_Gtid_Set: `${b}:5-x` }] }],
    ['variables', { server: { ...server, variables: '{"rpl_' } }],
    ['counters', { server: { ...server, counters: 'null' } }],
    ['uptime', { server: { ...server, counters: '{"uptime": "long"}' } }],
    ['server_id', { server: { ...server, server_id: null } }],
    ['Source_Port', { replica: [{ ...channel, Source_Port: 'x' }] }],
  ])('refuses an answer with an unreadable %s', (column, rows) => {
    const thrown = (() => {
      try {
        return decode(rows as Partial<LookRows>);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(BadRow);
    expect((thrown as BadRow).message).toContain(`in column ${column}`);
  });
});
