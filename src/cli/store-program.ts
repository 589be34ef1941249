/** The verbs for the data directory of a stopped manager, as commander sees them. */
import type { Command } from 'commander';
import { HactlError } from '../base/index.js';
import { storeText } from './help-store.js';
import { changeOf, changing, count, jsonText, type ChangeFlags } from './options.js';
import type { ProgramParts } from './program.js';
import type { StoreTarget } from './store-tools.js';
import { dumpLog, verifyStore } from './verbs/debug-store.js';
import { recoverManager } from './verbs/managers-recover.js';

const configText = 'manager.yaml: its data_dir, which must be that manager\'s';
const directoryText = 'a data directory, or a copy of one';

function targetOf(directory: string | undefined, config: string | undefined): StoreTarget {
  if (directory !== undefined && config === undefined) return { directory };
  if (config !== undefined && directory === undefined) return { config };
  throw new HactlError({
    code: 'bad-request',
    what: 'which store is meant is not clear',
    why: 'give either a data directory or --config manager.yaml',
  });
}

interface ReadFlags {
  readonly config?: string;
}

interface DumpFlags extends ReadFlags {
  readonly from?: number;
  readonly to?: number;
  readonly snapshot?: true;
}

interface RecoverFlags extends ChangeFlags {
  readonly config: string;
  readonly clusterId: string;
}

export function addStoreVerbs(program: Command, managers: Command, parts: ProgramParts): void {
  addDebugVerbs(program, parts);
  addRecover(managers, parts);
}

function addDebugVerbs(program: Command, { run, daemon }: ProgramParts): void {
  const debug = program
    .command('debug')
    .summary('look into the store of a stopped manager')
    .description('Looks into the store of a stopped manager.');
  debug
    .command('verify-store')
    .summary('judge a data directory as a start would, and change nothing')
    .description('Judges a data directory as a start would, and changes nothing.')
    .argument('[dir]', directoryText)
    .option('--config <path>', configText)
    .option('--json', jsonText)
    .addHelpText('after', storeText.verify)
    .action((directory: string | undefined, { config }: ReadFlags) => {
      const target = targetOf(directory, config);
      return run(async (context) => verifyStore(context, await daemon.storeTools(), target));
    });
  debug
    .command('dump-log')
    .summary('print the entries of a data directory, and change nothing')
    .description('Prints the entries of a data directory, and changes nothing.')
    .argument('[dir]', directoryText)
    .option('--config <path>', configText)
    .option('--from <index>', 'the first entry', count)
    .option('--to <index>', 'the last entry', count)
    .option('--snapshot', 'the state in the snapshot too, as JSON')
    .option('--json', jsonText)
    .addHelpText('after', storeText.dump)
    .action((directory: string | undefined, { config, from, to, snapshot }: DumpFlags) => {
      const target = targetOf(directory, config);
      const range = { from: from ?? null, to: to ?? null, snapshot: snapshot === true };
      return run(async (context) => dumpLog(context, await daemon.storeTools(), target, range));
    });
}

function addRecover(managers: Command, { run, daemon }: ProgramParts): void {
  changing(
    managers
      .command('recover')
      .summary('a majority is lost for good: go on with this manager alone')
      .description('Makes this stopped manager the only one, because a majority of the managers is lost for good.')
      .requiredOption('--config <path>', 'manager.yaml of this manager')
      .requiredOption('--cluster-id <id>', 'as it was given to `hactl init`'),
  )
    .addHelpText('after', storeText.recover)
    .action(({ config, clusterId, ...flags }: RecoverFlags) =>
      run(async (context) => {
        const options = { config, clusterId, ...changeOf(flags) };
        return recoverManager(context, await daemon.storeTools(), options);
      }),
    );
}
