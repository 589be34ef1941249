/** The question before a change. Without a person to answer it, only `--yes` lets a change through. */
import { HactlError } from '../base/index.js';
import type { Terminal } from './terminal.js';

/** Before anything is sent: a script without `--yes` learns at once what is missing. */
export function requireAnswerable(terminal: Terminal, isYes: boolean): void {
  if (isYes || terminal.inIsTty) return;
  throw new HactlError({
    code: 'bad-request',
    what: 'this changes something and nobody is there to be asked',
    why: 'standard input is not a terminal',
    next: 'add --yes to do it, or --dry-run to see what it would do',
  });
}

export async function isAgreed(terminal: Terminal, isYes: boolean, question: string): Promise<boolean> {
  if (isYes) return true;
  const answer = await terminal.ask(`${question} [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
}
