/** Everything that the command line touches of its process. Tests give one of their own. */

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output is a terminal: colours make sense. */
  readonly outIsTty: boolean;
  /** A person sits there who can answer a question. */
  readonly inIsTty: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Asks on standard error, so that standard output stays clean; the line that was typed. */
  ask(question: string): Promise<string>;
  readFile(path: string): string;
  sleep(ms: number): Promise<void>;
  nowMs(): number;
  newId(): string;
}

export type Paint = (style: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string;

const codes = { bold: 1, dim: 2, green: 32, yellow: 33, red: 31 } as const;

/** https://no-color.org: any value that is not empty switches colours off. */
export function paintFor(terminal: Pick<Terminal, 'env' | 'outIsTty'>): Paint {
  const isPlain = !terminal.outIsTty || (terminal.env['NO_COLOR'] ?? '') !== '' || terminal.env['TERM'] === 'dumb';
  return (style, text) => (isPlain || text === '' ? text : `\u001b[${codes[style]}m${text}\u001b[0m`);
}
