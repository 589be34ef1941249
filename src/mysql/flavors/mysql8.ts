/**
 * MySQL 8.0.22 and later, 8.4 and 9.x, with GTIDs. Names changed on the way: CHANGE REPLICATION SOURCE TO is 8.0.23,
 * `log_replica_updates` is 8.0.26, and so are the semi-sync plugins with the new names (the old plugins may still be
 * loaded later, so those go by what is there, not by the version). Only the default channel is ours.
 */
import type { ReplicaFacts, SemiSyncFacts, ServerFacts } from '../../base/index.js';
import { count, countOrNull, gtidText, isOn, jsonRow, text, type Row } from '../row.js';
import type { Flavor, FlavorStatements, LookRows, ReceiverTarget, Statement } from './flavor.js';

const semiSyncNames = {
  source: ['rpl_semi_sync_source_enabled', 'rpl_semi_sync_master_enabled'],
  replica: ['rpl_semi_sync_replica_enabled', 'rpl_semi_sync_slave_enabled'],
  active: ['rpl_semi_sync_source_status', 'rpl_semi_sync_master_status'],
  clients: ['rpl_semi_sync_source_clients', 'rpl_semi_sync_master_clients'],
} as const;

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/** One row with everything but the replica's own state. Variables and counters only: nothing here waits for a lock. */
function lookServer(version: number): string {
  const logReplicaUpdates = version >= 80_026 ? 'log_replica_updates' : 'log_slave_updates';
  const variables = quoted([...semiSyncNames.source, ...semiSyncNames.replica]);
  const counters = quoted(['uptime', ...semiSyncNames.active, ...semiSyncNames.clients]);
  return `SELECT @@global.server_uuid AS server_uuid, @@global.server_id AS server_id, @@global.version AS version,
  @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, @@global.offline_mode AS offline_mode,
  @@global.log_bin AS log_bin, @@global.${logReplicaUpdates} AS log_replica_updates,
  @@global.gtid_mode AS gtid_mode, @@global.gtid_executed AS gtid_executed, UNIX_TIMESTAMP() AS now_s,
  (SELECT JSON_OBJECTAGG(LOWER(VARIABLE_NAME), VARIABLE_VALUE) FROM performance_schema.global_variables
    WHERE VARIABLE_NAME IN (${variables})) AS variables,
  (SELECT JSON_OBJECTAGG(LOWER(VARIABLE_NAME), VARIABLE_VALUE) FROM performance_schema.global_status
    WHERE VARIABLE_NAME IN (${counters})) AS counters,
  (SELECT COUNT_RECEIVED_HEARTBEATS FROM performance_schema.replication_connection_status
    WHERE CHANNEL_NAME = '') AS heartbeats,
  (SELECT HEARTBEAT_INTERVAL FROM performance_schema.replication_connection_configuration
    WHERE CHANNEL_NAME = '') AS heartbeat_period_s`;
}

/**
 * Ordinary client sessions. INFORMATION_SCHEMA and not performance_schema: only here is a session that was killed and
 * hangs in its commit marked so. Such a one has lost its socket already: nothing can be acknowledged to anybody. What
 * is ours is told by connection attributes, for an application may use our account and its writes count. Where the
 * server keeps none (it shows none of this very session) the account has to do.
 */
const clients = `SELECT ID AS id FROM INFORMATION_SCHEMA.PROCESSLIST
  WHERE ID <> CONNECTION_ID() AND USER NOT IN ('system user', 'event_scheduler', 'unauthenticated user')
  AND COMMAND NOT IN ('Binlog Dump', 'Binlog Dump GTID', 'Daemon', 'Killed')
  AND ID NOT IN (SELECT PROCESSLIST_ID FROM performance_schema.session_connect_attrs
    WHERE ATTR_NAME = '_client_role' AND ATTR_VALUE = 'binary_log_listener')
  AND NOT IF(
    EXISTS (SELECT 1 FROM performance_schema.session_connect_attrs
      WHERE PROCESSLIST_ID = CONNECTION_ID() AND ATTR_NAME = 'program_name' AND ATTR_VALUE = 'hactl'),
    ID IN (SELECT PROCESSLIST_ID FROM performance_schema.session_connect_attrs
      WHERE ATTR_NAME = 'hactl_manager' OR (ATTR_NAME = 'program_name' AND ATTR_VALUE = 'hactl')),
    USER = ?)`;

const prepareFence = [
  'CREATE DATABASE IF NOT EXISTS hactl',
  `CREATE TABLE IF NOT EXISTS hactl.fence (
    cluster VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    epoch BIGINT UNSIGNED NOT NULL,
    manager VARCHAR(64) NOT NULL,
    operation VARCHAR(64) NOT NULL,
    written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
  ) ENGINE = InnoDB`,
];

/** The epoch never falls; manager and operation belong to the epoch that stands there (assigned left to right). */
const recordEpoch = `INSERT INTO hactl.fence (cluster, epoch, manager, operation) VALUES (?, ?, ?, ?) AS given
  ON DUPLICATE KEY UPDATE
  manager = IF(given.epoch >= fence.epoch, given.manager, fence.manager),
  operation = IF(given.epoch >= fence.epoch, given.operation, fence.operation),
  epoch = GREATEST(fence.epoch, given.epoch)`;

function statements(version: number): FlavorStatements {
  return {
    // Lock waits end before our own deadline, so that they are an answer (1205) and not silence.
    beginSession:
      "SET NAMES utf8mb4, SESSION sql_mode = '', SESSION time_zone = '+00:00', SESSION lock_wait_timeout = 3, " +
      'SESSION net_read_timeout = 30, SESSION net_write_timeout = 30, SESSION wait_timeout = 3600, ' +
      'SESSION innodb_lock_wait_timeout = 3, SESSION max_execution_time = 0, SESSION autocommit = 1',
    look: { server: lookServer(version), replica: 'SHOW REPLICA STATUS', connectedReplicas: 'SHOW REPLICAS' },
    withoutBinlog: 'SET SESSION sql_log_bin = 0',
    tryLock: 'SELECT GET_LOCK(?, 0) AS got',
    lockHolder: 'SELECT IS_USED_LOCK(?) AS holder',
    sessionAttributes:
      'SELECT ATTR_NAME AS name, ATTR_VALUE AS value FROM performance_schema.session_connect_attrs ' +
      "WHERE PROCESSLIST_ID = ? AND ATTR_NAME LIKE 'hactl%'",
    killSession: 'KILL CONNECTION ?',
    recordedEpoch: 'SELECT epoch, manager, operation FROM hactl.fence WHERE cluster = ?',
    prepareFence,
    recordEpoch,
    clients,
    offlineOn: 'SET GLOBAL offline_mode = ON',
    offlineOff: 'SET GLOBAL offline_mode = OFF',
    lockWaitTimeout: 'SET SESSION lock_wait_timeout = ?',
    superReadOnlyOn: 'SET GLOBAL super_read_only = ON',
    superReadOnlyOff: 'SET GLOBAL super_read_only = OFF',
    readOnlyOn: 'SET GLOBAL read_only = ON',
    readOnlyOff: 'SET GLOBAL read_only = OFF',
    writability:
      'SELECT @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, ' +
      '@@global.offline_mode AS offline_mode',
    stopReceiver: "STOP REPLICA IO_THREAD FOR CHANNEL ''",
    startReceiver: "START REPLICA IO_THREAD FOR CHANNEL ''",
    startApplier: "START REPLICA SQL_THREAD FOR CHANNEL ''",
    stopReplica: "STOP REPLICA FOR CHANNEL ''",
    forgetReplica: "RESET REPLICA ALL FOR CHANNEL ''",
    waitExecuted: 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS is_late',
    contains: 'SELECT GTID_SUBSET(?, @@global.gtid_executed) AS is_contained',
    semiSyncVariables:
      'SELECT LOWER(VARIABLE_NAME) AS name, VARIABLE_VALUE AS value FROM performance_schema.global_variables ' +
      `WHERE VARIABLE_NAME IN (${quoted([...semiSyncNames.source, ...semiSyncNames.replica])})`,
    acknowledgingNames: semiSyncNames.replica,
    waitingForAcksNames: semiSyncNames.source,
  };
}

/**
 * Receiver options only, unless there is no relay log to lose: what needs the applier stopped throws the relay log
 * away, and with it what was acknowledged. A retry each second and heartbeats each second: by default a receiver
 * waits a minute before it tries a restarted source again, and 9.x gives up after ten tries.
 */
function changeSource(version: number, target: ReceiverTarget): Statement {
  const word = version >= 80_023 ? 'SOURCE' : 'MASTER';
  const command = version >= 80_023 ? 'CHANGE REPLICATION SOURCE TO' : 'CHANGE MASTER TO';
  const options = [`${word}_HOST = ?`, `${word}_PORT = ?`];
  const values: (string | number)[] = [target.host, target.port];
  if (target.account !== null) {
    options.push(`${word}_USER = ?`, `${word}_PASSWORD = ?`);
    values.push(target.account.user, target.account.password);
  }
  options.push(`${word}_HEARTBEAT_PERIOD = 1`, `${word}_CONNECT_RETRY = 1`, `${word}_RETRY_COUNT = 86400`);
  if (target.isFirst) options.push(version >= 80_023 ? 'GET_SOURCE_PUBLIC_KEY = 1' : 'GET_MASTER_PUBLIC_KEY = 1');
  if (target.isFirst || target.setsAutoPosition) options.push(`${word}_AUTO_POSITION = 1`);
  return { sql: `${command} ${options.join(', ')} FOR CHANNEL ''`, values };
}

const nameIn = (given: Row, names: readonly string[]): string | undefined =>
  names.find((name) => given[name] !== undefined);

function valueOf(given: Row, names: readonly string[]): unknown {
  const name = nameIn(given, names);
  return name === undefined ? undefined : given[name];
}

/** The two plugins are loaded apart: that one is not there is another thing than that it is off. */
function decodeSemiSync(variables: Row, counters: Row): SemiSyncFacts | null {
  const source = valueOf(variables, semiSyncNames.source);
  const replica = valueOf(variables, semiSyncNames.replica);
  if (source === undefined && replica === undefined) return null;
  const clientsName = nameIn(counters, semiSyncNames.clients);
  return {
    sourceEnabled: source === undefined ? null : isOn(source),
    replicaEnabled: replica === undefined ? null : isOn(replica),
    sourceActive: isOn(valueOf(counters, semiSyncNames.active)),
    sourceClients: clientsName === undefined ? 0 : count(counters, clientsName),
  };
}

function decodeReplica(channels: readonly Row[], server: Row): ReplicaFacts | null {
  const row = channels.find((channel) => text(channel, 'Channel_Name') === '');
  if (row === undefined || text(row, 'Source_Host') === '') return null;
  const receiver = text(row, 'Replica_IO_Running');
  const lagS = countOrNull(row, 'Seconds_Behind_Source');
  return {
    sourceHost: text(row, 'Source_Host'),
    sourcePort: count(row, 'Source_Port'),
    sourceUser: text(row, 'Source_User'),
    sourceUuid: text(row, 'Source_UUID'),
    receiver: receiver === 'Yes' ? 'on' : receiver === 'Connecting' ? 'connecting' : 'off',
    applier: isOn(row['Replica_SQL_Running']) ? 'on' : 'off',
    receiverError: text(row, 'Last_IO_Error'),
    applierError: text(row, 'Last_SQL_Error'),
    autoPosition: isOn(row['Auto_Position']),
    received: gtidText(row, 'Retrieved_Gtid_Set'),
    delayS: countOrNull(row, 'SQL_Delay') ?? 0,
    lagMs: lagS === null ? null : lagS * 1000,
    heartbeats: countOrNull(server, 'heartbeats') ?? 0,
    heartbeatPeriodMs: Math.round((countOrNull(server, 'heartbeat_period_s') ?? 0) * 1000),
  };
}

function decodeFacts({ server, replica, connectedReplicas }: LookRows): ServerFacts {
  const counters = jsonRow(server, 'counters');
  return {
    serverUuid: text(server, 'server_uuid'),
    serverId: count(server, 'server_id'),
    version: text(server, 'version'),
    readOnly: isOn(server['read_only']),
    superReadOnly: isOn(server['super_read_only']),
    offline: isOn(server['offline_mode']),
    logBin: isOn(server['log_bin']),
    logReplicaUpdates: isOn(server['log_replica_updates']),
    gtidMode: text(server, 'gtid_mode'),
    executed: gtidText(server, 'gtid_executed'),
    startedAtS: count(server, 'now_s') - (countOrNull(counters, 'uptime') ?? 0),
    replica: decodeReplica(replica, server),
    semiSync: decodeSemiSync(jsonRow(server, 'variables'), counters),
    replicaUuids: connectedReplicas.map((row) => text(row, 'Replica_UUID')).filter((uuid) => uuid !== ''),
  };
}

export function mysql8(version: number): Flavor {
  return {
    family: 'mysql8',
    statements: statements(version),
    changeSource: (target) => changeSource(version, target),
    setGlobalSwitch: (name, isOnWanted) => `SET GLOBAL ${name} = ${isOnWanted ? 'ON' : 'OFF'}`,
    decodeFacts,
  };
}
