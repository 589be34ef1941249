/** `hactl status` as text: it fits a terminal and reads at a glance. Pure: time and colours come in. */
import type { ClusterStatus, ManagerStatus, OperationStatus, ServerStatus, StatusResponse } from '../http/api-types.js';
import type { Cell } from './columns.js';
import { cell, columns } from './columns.js';
import { ago, exactSpan } from './spans.js';
import type { Paint } from './terminal.js';

/** More of them would not fit a terminal. */
const managersPerLine = 4;

function managerCell(manager: ManagerStatus, term: number, paint: Paint): string {
  const isLearner = manager.part === 'learner';
  if (!manager.reachable) return paint('red', `${isLearner ? 'learner ' : ''}${manager.id} unreachable`);
  const role = manager.role === 'leader' ? `leader (term ${term})` : isLearner ? 'learner' : manager.role;
  const roundTrip = manager.roundTripMs === null ? '' : ` ${manager.roundTripMs.toFixed(1)}ms`;
  return `${paint('bold', manager.id)} ${role}${roundTrip}`;
}

function managersLine(status: StatusResponse, label: string, paint: Paint): string {
  const { reachable, voters, has } = status.quorum;
  const quorum = paint(has ? 'green' : 'red', `${has ? 'quorum' : 'no quorum'} ${reachable}/${voters}`);
  const cells = status.managers.map((manager) => managerCell(manager, status.term, paint));
  const rows: string[] = [];
  for (let at = 0; at < cells.length; at += managersPerLine) {
    rows.push(cells.slice(at, at + managersPerLine).join('   '));
  }
  const noLeader = status.leader === null ? `${rows.length === 0 ? '' : '   '}no leader (term ${status.term})` : '';
  return `${label}${rows.join(`\n${' '.repeat(label.length)}`)}${noLeader}        ${quorum}`;
}

function problemLines(status: StatusResponse, indent: string, paint: Paint): string[] {
  return status.managers
    .filter((manager) => manager.problems.length > 0)
    .map(({ id, problems }) => `${indent}${paint('yellow', `! ${id}: ${problems.join('; ')}`)}`);
}

function lastWords(last: OperationStatus | null, nowMs: number): string {
  if (last === null) return '';
  const how = last.phase === 'rolled-back' ? ' rolled back' : '';
  return ` · last ${last.kind}${how} ${ago(last.endedAt ?? last.startedAt, nowMs)}`;
}

/** Empty where the server could not be asked. */
function accessWord(server: ServerStatus): string {
  if (server.version === null) return '';
  return server.writable ? 'rw' : 'ro';
}

function lagWords(server: ServerStatus): string {
  return server.lagMs === null ? 'lag -' : `lag ${(server.lagMs / 1000).toFixed(1)}s`;
}

function serverRow(server: ServerStatus, tree: string, paint: Paint): Cell[] {
  const label = `  ${tree}${server.name}`;
  const candidate = server.candidate === 'allow' ? '' : `candidate: ${server.candidate}`;
  const problems = server.problems.length === 0 ? '' : `! ${server.problems.join('; ')}`;
  return [
    cell(label, `  ${paint('dim', tree)}${server.reachable ? server.name : paint('red', server.name)}`),
    cell(server.address),
    cell(server.role, server.role === 'primary' ? paint('bold', server.role) : server.role),
    cell(server.version ?? '-'),
    cell(accessWord(server)),
    cell(server.sync ? 'sync' : ''),
    cell(lagWords(server)),
    cell(candidate),
    cell(problems, paint('yellow', problems)),
  ];
}

/** The primary first, the others hang below it in the order of the configuration. */
function serverLines(cluster: ClusterStatus, paint: Paint): string[] {
  const primary = cluster.servers.filter((server) => server.name === cluster.primary);
  const others = cluster.servers.filter((server) => server.name !== cluster.primary);
  return columns([
    ...primary.map((server) => serverRow(server, '', paint)),
    ...others.map((server, at) => serverRow(server, at === others.length - 1 ? '└─ ' : '├─ ', paint)),
  ]);
}

export function operationLine(operation: OperationStatus, nowMs: number): string {
  const target = operation.newPrimary ?? '?';
  const runs = exactSpan(Math.max(0, nowMs - Date.parse(operation.startedAt)));
  const step = operation.step === null ? operation.phase : `${operation.phase} at ${operation.step}`;
  const { kind, id, oldPrimary, epoch } = operation;
  return `${kind} ${id}  ${oldPrimary} -> ${target}  epoch ${epoch}  ${step}  since ${runs}`;
}

function stateStyle(state: string): 'green' | 'yellow' | 'red' {
  if (state === 'healthy') return 'green';
  return state === 'failover' || state === 'switchover' || state === 'unknown' ? 'yellow' : 'red';
}

interface ClusterFrame {
  readonly label: string;
  readonly indent: string;
  readonly nowMs: number;
  readonly paint: Paint;
}

function clusterLines(cluster: ClusterStatus, { label, indent, nowMs, paint }: ClusterFrame): string[] {
  const state = paint(stateStyle(cluster.state), cluster.state);
  const lines = [`${label}${state} · ${cluster.durability}${lastWords(cluster.lastOperation, nowMs)}`];
  if (cluster.state !== 'healthy') lines.push(`${indent}${cluster.reason}`);
  if (cluster.operation !== null) lines.push(`${indent}${operationLine(cluster.operation, nowMs)}`);
  return [...lines, ...serverLines(cluster, paint)];
}

export function renderStatus(status: StatusResponse, nowMs: number, paint: Paint): string {
  const width = Math.max('managers'.length, ...status.clusters.map((cluster) => cluster.name.length)) + 2;
  const indent = ' '.repeat(width);
  const lines = [managersLine(status, 'managers'.padEnd(width), paint)];
  const isCalm = status.quorum.has && status.leader !== null && status.managers.every((manager) => manager.reachable);
  if (!isCalm) lines.push(`${indent}${status.reason} (seen from ${status.manager})`);
  lines.push(...problemLines(status, indent, paint));
  for (const cluster of status.clusters) {
    const label = paint('bold', cluster.name) + ' '.repeat(width - cluster.name.length);
    lines.push(...clusterLines(cluster, { label, indent, nowMs, paint }));
  }
  // Without a quorum its view may be old, and nothing can be applied.
  if (status.clusters.length === 0 && status.quorum.has) {
    lines.push('no cluster is configured: `hactl apply clusters.yaml` does that');
  }
  return `${lines.join('\n')}\n`;
}
