/** `hactl managers` and its verbs, as commander sees them. */
import type { Command } from 'commander';
import { managersText } from './help-managers.js';
import type { ProgramParts } from './program.js';
import { changeOf, changing, jsonText, type ChangeFlags } from './options.js';
import { addManager, listManagers, removeManager, transferLeadership } from './verbs/managers.js';

interface AddFlags extends ChangeFlags {
  readonly rpc: string;
  readonly http: string;
  readonly learner?: true;
  readonly replaces?: string;
}

/** Returns the group, for the verbs of others. */
export function addManagersVerbs(program: Command, { run }: ProgramParts): Command {
  const managers = program
    .command('managers')
    .summary('who the managers are; add, remove, hand over')
    .description('Shows and changes who the managers are.')
    .addHelpText('after', managersText.managers);
  managers
    .command('list', { isDefault: true })
    .summary('each manager and its part in the quorum')
    .description('Lists the managers, and what part each has in the quorum.')
    .option('--json', jsonText)
    .addHelpText('after', managersText.list)
    .action(() => run(listManagers));
  changing(
    managers
      .command('add')
      .summary('add a manager, in place of another one if you like')
      .description('Adds the manager ID: it learns the log, then it votes.')
      .argument('<id>', 'an id that was never used')
      .requiredOption('--rpc <host:port>', 'where the others reach it')
      .requiredOption('--http <host:port>', 'where it answers HTTP')
      .option('--learner', 'it stays a learner, and does not vote')
      .option('--replaces <id>', 'the voter that is removed once the new one votes'),
  )
    .addHelpText('after', managersText.add)
    .action((id: string, flags: AddFlags) =>
      run((context) => {
        const { rpc, http, learner, replaces } = flags;
        const options = { id, rpc, http, learner: learner === true, replaces: replaces ?? null };
        return addManager(context, { ...options, ...changeOf(flags) });
      }),
    );
  changing(
    managers
      .command('remove')
      .summary('remove a manager, for ever')
      .description('Removes the manager ID. Its id can never be used again.')
      .argument('<id>')
      .option('--force', 'even when the voters that remain and answer are no majority'),
  )
    .addHelpText('after', managersText.remove)
    .action((id: string, flags: ChangeFlags & { readonly force?: true }) =>
      run((context) => removeManager(context, id, { ...changeOf(flags), force: flags.force === true })),
    );
  changing(
    managers
      .command('transfer')
      .summary('make another manager the leader')
      .description('Hands the leadership over.')
      .option('--to <id>', 'who shall lead; without it the best prepared'),
  )
    .addHelpText('after', managersText.transfer)
    .action((flags: ChangeFlags & { readonly to?: string }) =>
      run((context) => transferLeadership(context, flags.to ?? null, changeOf(flags))),
    );
  return managers;
}
