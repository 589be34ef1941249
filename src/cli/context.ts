/** What every verb gets: the process, the managers, and how to answer. */
import type { ManagersLink } from './managers-link.js';
import type { Paint, Terminal } from './terminal.js';

export interface VerbContext {
  readonly terminal: Terminal;
  readonly link: ManagersLink;
  readonly paint: Paint;
  /** One JSON document on standard output and nothing else there. */
  readonly json: boolean;
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}

/** Words for people: on standard output, or aside where that belongs to the JSON document. */
export function say(context: VerbContext, text: string): void {
  if (context.json) context.terminal.err(text);
  else context.terminal.out(text);
}
