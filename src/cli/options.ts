/** What many verbs have in common: options, what they say of themselves, and how their values are read. */
import { InvalidArgumentError, type Command } from 'commander';

export const jsonText = 'print one JSON document and nothing else on standard output';
const dryRunText = 'show what would be done, and do nothing';
const yesText = 'do not ask';

/** Of a verb that changes something. */
export interface ChangeFlags {
  readonly dryRun?: true;
  readonly yes?: true;
}

export function changing(command: Command): Command {
  return command.option('--dry-run', dryRunText).option('--yes', yesText).option('--json', jsonText);
}

export const changeOf = ({ dryRun, yes }: ChangeFlags) => ({ dryRun: dryRun === true, yes: yes === true });

export function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1 on.');
  return value;
}
