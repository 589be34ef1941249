/** `hactl debug verify-store` and `hactl debug dump-log`: what is in a store, and what a start would say of it. */
import { errorExitCodes } from '../../base/index.js';
import { cell, columns } from '../columns.js';
import type { VerbContext } from '../context.js';
import { printJson } from '../context.js';
import type { DumpedEntry, DumpRange, LogDump, MembersReport, PointReport, StoreReport } from '../store-tools.js';
import type { StoreTarget, StoreTools, StoreVerdictReport } from '../store-tools.js';
import type { Paint } from '../terminal.js';

/** A faulted store is an answer and no failure of this program: it is printed in full, and the exit code tells. */
function exitCodeOf({ kind }: StoreVerdictReport): number {
  if (kind === 'faulted') return errorExitCodes['store-faulted'];
  return kind === 'refused' ? errorExitCodes.refused : 0;
}

function verdictText(verdict: StoreVerdictReport, paint: Paint): string {
  switch (verdict.kind) {
    case 'sound':
      return paint('green', 'sound');
    case 'cut': {
      const entries = `${verdict.count} unacknowledged ${verdict.count === 1 ? 'entry' : 'entries'}`;
      return `${paint('yellow', `cut: ${entries}`)}, from ${verdict.from} on; a start goes on without`;
    }
    case 'refused':
    case 'faulted':
      return paint('red', `${verdict.kind}: ${verdict.why}`);
  }
}

const known = (value: string | number | null): string => (value === null ? 'unknown' : String(value));
const place = (point: PointReport): string => `index ${point.index}, term ${point.term}, ${point.time}`;

function membersText({ voters, learners, removed }: MembersReport): string {
  const part = (name: string, ids: readonly string[]): string => (ids.length === 0 ? '' : `; ${name} ${ids.join(' ')}`);
  return `voters ${voters.join(' ') || 'none'}${part('learners', learners)}${part('removed', removed)}`;
}

function storeLines(report: StoreReport, paint: Paint): readonly string[] {
  const { snapshot, base, first, last, members } = report;
  const owner = `manager ${known(report.manager)} of ${known(report.clusterId)}`;
  const rows: readonly (readonly [string, string])[] = [
    ['store', report.directory],
    ['belongs to', `${owner}, store id ${known(report.storeId)}, lineage ${report.lineage ?? 'none'}`],
    ['members', members === null ? 'unknown' : membersText(members)],
    ['writes', `${known(report.generation)} in the log, ${known(report.markedGeneration)} in the marker`],
    ['term', `${known(report.term)}, voted for ${report.votedFor ?? 'nobody'}`],
    ['commit', known(report.commitIndex)],
    ['snapshot', snapshot === null ? 'none' : `${place(snapshot)}, ${snapshot.bytes} bytes`],
    ['base', base === null ? 'unknown' : `index ${base.index}, term ${base.term}`],
    ['first entry', first === null ? 'none' : place(first)],
    ['last entry', last === null ? 'none' : place(last)],
    ['entries', `${report.entries}, ${report.bytes} bytes`],
  ];
  const lines = columns(rows.map(([name, text]) => [cell(name, paint('dim', name)), cell(text)]));
  return [...lines, `${'verdict'.padEnd(11)}  ${verdictText(report.verdict, paint)}`];
}

export async function verifyStore(context: VerbContext, tools: StoreTools, target: StoreTarget): Promise<number> {
  const report = await tools.verify(target);
  if (context.json) printJson(context.terminal, report);
  else context.terminal.out(`${storeLines(report, context.paint).join('\n')}\n`);
  return exitCodeOf(report.verdict);
}

function entryCells({ index, term, time, kind, words, session }: DumpedEntry, paint: Paint) {
  const asked = session === null ? '' : `  [${session.id} ${session.serial}]`;
  return [
    cell(String(index)), cell(String(term)), cell(time), cell(kind, paint('bold', kind)),
    cell(`${words}${asked}`, `${words}${paint('dim', asked)}`),
  ];
}

function dumpText({ store, clusters, snapshotState, entries, stopsAt }: LogDump, paint: Paint): string {
  const head = ['index', 'term', 'time', 'kind', 'what'].map((text) => cell(text, paint('dim', text)));
  const lines = [...storeLines(store, paint), '', 'at the end of the log, all of it taken for committed:'];
  lines.push(...clusters.map((words) => `  ${words}`), '');
  if (snapshotState !== null) {
    lines.push(`the state in the snapshot, as after entry ${store.snapshot?.index ?? 0}:`);
    lines.push(JSON.stringify(snapshotState, null, 2), '');
  }
  if (entries.length === 0) lines.push('no entry');
  else lines.push(...columns([head, ...entries.map((entry) => entryCells(entry, paint))]));
  if (stopsAt !== null) lines.push(paint('red', `here it stops: ${stopsAt}`));
  return `${lines.join('\n')}\n`;
}

export async function dumpLog(
  context: VerbContext, tools: StoreTools, target: StoreTarget, range: DumpRange,
): Promise<number> {
  const dump = await tools.dump(target, range);
  if (context.json) printJson(context.terminal, dump);
  else context.terminal.out(dumpText(dump, context.paint));
  return exitCodeOf(dump.store.verdict);
}
