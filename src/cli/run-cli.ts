/**
 * One run of the command line: arguments in, exit code out. Every failure leaves here as an error for people (or as one
 * JSON document) with the exit code of its kind; nothing else decides how the process ends.
 */
import type { Command } from 'commander';
import { CommanderError } from 'commander';
import type { ErrorText } from '../base/index.js';
import { errorExitCodes, errorMessage, HactlError } from '../base/index.js';
import { printJson } from './context.js';
import type { Daemon } from './daemon.js';
import { createManagersLink, parseUrls, readToken } from './managers-link.js';
import { buildProgram } from './program.js';
import { renderError } from './render-error.js';
import type { Terminal } from './terminal.js';
import { paintFor } from './terminal.js';

function prepare(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.out(text),
    // Usage errors are printed once, below, in the form of all others; help that was not asked for goes to stderr.
    writeErr: (text) => terminal.err(text),
    outputError: () => {},
    getOutHasColors: () => terminal.outIsTty,
  });
  for (const child of command.commands) prepare(child, terminal);
}

function textOf(thrown: unknown): ErrorText {
  if (thrown instanceof HactlError) return thrown.toJSON();
  if (thrown instanceof CommanderError) {
    return {
      code: 'bad-request',
      what: thrown.message.replace(/^error: /, '').replace(/\.$/, ''),
      next: '`hactl --help` lists the verbs, `hactl VERB --help` the options of one',
    };
  }
  return { code: 'internal', what: 'hactl failed', why: errorMessage(thrown) };
}

/** Help that was asked for, or printed because no verb was given. */
function isHelp(thrown: unknown): thrown is CommanderError {
  return thrown instanceof CommanderError && (thrown.code.startsWith('commander.help') || thrown.exitCode === 0);
}

export async function runCli(args: readonly string[], terminal: Terminal, daemon: Daemon): Promise<number> {
  const isJson = args.includes('--json');
  let exitCode = 0;
  const program = buildProgram({
    daemon,
    out: (text) => terminal.out(text),
    run: async (verb) => {
      const { url } = program.opts<{ readonly url?: string }>();
      const urls = parseUrls(url ?? (terminal.env['HACTL_URL'] || undefined));
      const link = createManagersLink(urls, readToken(terminal), terminal);
      try {
        exitCode = await verb({ terminal, link, paint: paintFor(terminal), json: isJson });
      } finally {
        await link.close();
      }
    },
  });
  prepare(program, terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (isHelp(thrown)) return thrown.exitCode === 0 ? 0 : errorExitCodes['bad-request'];
    const error = textOf(thrown);
    if (isJson) printJson(terminal, { error });
    else terminal.err(renderError(error, paintFor(terminal)));
    return errorExitCodes[error.code];
  }
}
