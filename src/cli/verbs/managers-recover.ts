/**
 * `hactl managers recover`: what it may cost, a question that cannot be answered by habit, the change, and what a
 * person has to do next. Everything that matters is said before anything is changed.
 */
import { HactlError } from '../../base/index.js';
import type { VerbContext } from '../context.js';
import { printJson, say } from '../context.js';
import { requireAnswerable } from '../question.js';
import type { RecoveryPlanReport, RecoveryReport, StoreTools } from '../store-tools.js';

export interface RecoverOptions {
  readonly config: string;
  readonly clusterId: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

function costText(plan: RecoveryPlanReport): string {
  const { manager, clusterId, lastTerm, lastIndex, lastTime, commitIndex, cutCount, members, clusters, copy } = plan;
  const others = members.filter((id) => id !== manager);
  const named = others.length === 0 ? 'the others' : others.join(', ');
  const unsure = Math.max(0, lastIndex - commitIndex);
  return [
    `${manager} of ${clusterId} is to go on alone, without ${named}.`,
    '',
    '  how far its log reaches (compare the survivors; use the highest last term, then the highest last index):',
    `    last term ${lastTerm}   last index ${lastIndex}   ${lastTime === null ? '' : `written ${lastTime}`}`.trimEnd(),
    `    known to be committed: up to ${commitIndex}; the ${unsure} after that are kept, and count as committed`,
    ...(cutCount === 0 ? [] : [`    a torn last write is cut off: ${cutCount} entries that nobody was told of`]),
    '',
    '  what it knows of the clusters; compare it with the servers before you go on:',
    ...clusters.map((words) => `    ${words}`),
    '',
    '  what it may cost:',
    `    - what only ${named} had acknowledged is gone: changes, steps of operations, even whole failovers`,
    `    - ${named} must never run again: stop them now; afterwards they are strangers, and refused`,
    '    - if they still run somewhere, two leaders may act on the same servers from now on',
    '',
    plan.isResumed
      ? `  an earlier recovery was interrupted: this goes on with it, as lineage ${plan.lineage}; the store of before`
        + ` is in\n  ${copy}`
      : `  the store as it is will be kept in\n  ${copy}`,
    '',
  ].join('\n');
}

function doneText(report: Extract<RecoveryReport, { outcome: 'recovered' }>, config: string): string {
  const { manager, clusterId, copy } = report.plan;
  return [
    `${manager} is the only manager of ${clusterId} now: lineage ${report.lineage}, store id ${report.storeId},`
      + ` term ${report.term}, last index ${report.lastIndex}`,
    `the store of before is in ${copy}`,
    '',
    'next:',
    '  1. make sure that no manager of before still runs',
    `  2. hactl manager --config ${config}`,
    '  3. hactl status: is the recorded primary of each cluster really the primary? (docs/managers-recovery.md)',
    '  4. on each new host, under a new id:',
    `       hactl init --config manager.yaml --cluster-id ${clusterId} --join --lineage ${report.lineage}`,
    '     then `hactl managers add ID`, until there are three again',
    '',
  ].join('\n');
}

export async function recoverManager(
  context: VerbContext,
  tools: StoreTools,
  { config, clusterId, dryRun, yes }: RecoverOptions,
): Promise<number> {
  const { terminal } = context;
  if (!dryRun) requireAnswerable(terminal, yes);
  const report = await tools.recover(config, clusterId, async (plan) => {
    say(context, `${costText(plan)}\n`);
    if (dryRun) return false;
    return yes || (await terminal.ask('to go on, type the cluster id: ')).trim() === clusterId;
  });
  if (report.outcome === 'declined' && !dryRun) {
    throw new HactlError({
      code: 'refused',
      what: 'not recovered; nothing was changed',
      why: `the question was not answered with ${clusterId}`,
    });
  }
  if (context.json) printJson(terminal, report);
  else if (report.outcome === 'recovered') terminal.out(doneText(report, config));
  else if (report.outcome === 'nothing-to-do') {
    const { manager, lineage } = report.plan;
    terminal.out(`nothing to do: ${manager} is the only voter already, of lineage ${lineage ?? 'none'}\n`);
  }
  return 0;
}
