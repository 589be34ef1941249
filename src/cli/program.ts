/** The verbs and their options, as commander sees them. What a verb does is in verbs/, one file each. */
import { Command } from 'commander';
import type { VerbContext } from './context.js';
import type { Daemon } from './daemon.js';
import { overview, verbText } from './help-text.js';
import { limits } from './limits.js';
import { addManagersVerbs } from './managers-program.js';
import { changeOf, changing, count, jsonText, type ChangeFlags } from './options.js';
import { addStoreVerbs } from './store-program.js';
import { applyConfig } from './verbs/apply.js';
import { showHistory, showOperation } from './verbs/history.js';
import { showStatus } from './verbs/status.js';
import { switchOver } from './verbs/switchover.js';

/** Runs a verb against the managers with a link that is closed afterwards. */
export type RunVerb = (run: (context: VerbContext) => Promise<number>) => Promise<void>;

export interface ProgramParts {
  readonly daemon: Daemon;
  readonly run: RunVerb;
  out(text: string): void;
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

interface InitFlags {
  readonly config: string;
  readonly clusterId: string;
  readonly join?: true;
  readonly lineage?: string;
}

function addDaemonVerbs(program: Command, { daemon, out }: ProgramParts): void {
  program
    .command('init')
    .summary('create the data directory of a manager')
    .description('Creates the data directory of a manager.')
    .requiredOption('--config <path>', 'manager.yaml')
    .requiredOption('--cluster-id <id>', 'a name of your choice, the same on all managers of one installation')
    .option('--join', 'for a manager that is added to others that run already')
    .option('--lineage <id>', 'with --join, where the others were recovered after a lost quorum: their lineage')
    .addHelpText('after', verbText.init)
    .action(async ({ config, clusterId, join, lineage }: InitFlags) => {
      const joining = { join: join === true, lineage: lineage ?? null };
      out(`${await daemon.init(config, clusterId, joining)}\n`);
    });
  program
    .command('manager')
    .summary('run a manager')
    .description('Runs a manager: the daemon.')
    .requiredOption('--config <path>', 'manager.yaml')
    .addHelpText('after', verbText.manager)
    .action((options: { readonly config: string }) => daemon.runManager(options.config));
}

function addChangeVerbs(program: Command, { run }: ProgramParts): void {
  changing(
    program
      .command('apply')
      .summary('declare clusters, servers and policies')
      .description('Declares the clusters, servers and policies of FILE.')
      .argument('<file>', 'clusters.yaml')
      .option('--primary <[cluster=]server>', 'who is the primary of a new cluster (repeatable)', collected, []),
  )
    .addHelpText('after', verbText.apply)
    .action((file: string, flags: ChangeFlags & { readonly primary: readonly string[] }) =>
      run((context) => applyConfig(context, { file, primaries: flags.primary, ...changeOf(flags) })),
    );
  changing(
    program
      .command('switchover')
      .summary('make another server the primary, without a failure')
      .description('Makes another server the primary of CLUSTER.')
      .argument('<cluster>')
      .option('--to <server>', 'the new primary; without it hactl chooses'),
  )
    .addHelpText('after', verbText.switchover)
    .action((cluster: string, flags: ChangeFlags & { readonly to?: string }) =>
      run((context) => switchOver(context, { cluster, to: flags.to ?? null, ...changeOf(flags) })),
    );
}

function addReadVerbs(program: Command, { run }: ProgramParts): void {
  program
    .command('status')
    .summary('managers, clusters and servers at a glance')
    .description('Shows managers, clusters and servers at a glance.')
    .option('--json', jsonText)
    .addHelpText('after', verbText.status)
    .action(() => run(showStatus));
  program
    .command('history')
    .summary('what was done, and how it ended')
    .description('Lists operations, of one cluster or of all.')
    .argument('[cluster]')
    .option('--limit <n>', 'how many', count, limits.historyDefault)
    .option('--json', jsonText)
    .addHelpText('after', verbText.history)
    .action((cluster: string | undefined, flags: { readonly limit: number }) =>
      run((context) => showHistory(context, cluster ?? null, flags.limit)),
    );
  program
    .command('show')
    .summary('every step of one operation')
    .description('Shows every step of one operation.')
    .argument('<operation>', 'its id, from status or history')
    .option('--json', jsonText)
    .addHelpText('after', verbText.show)
    .action((id: string) => run((context) => showOperation(context, id)));
}

export function buildProgram(parts: ProgramParts): Command {
  const program = new Command('hactl')
    .description('Keeps MySQL replication clusters writable: a quorum of managers, one of which repairs.')
    .option('--url <urls>', 'where the managers listen for HTTP, comma-separated')
    .addHelpText('after', overview);
  addReadVerbs(program, parts);
  addChangeVerbs(program, parts);
  const managers = addManagersVerbs(program, parts);
  addDaemonVerbs(program, parts);
  addStoreVerbs(program, managers, parts);
  return program;
}
