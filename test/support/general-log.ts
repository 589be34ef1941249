/**
 * What a server's general log says that its clients sent: who, on which thread, which words. And which of it is only a
 * look: the list is of what is allowed, so that a new kind of statement is a finding until somebody has judged it.
 */
import { open, stat } from 'node:fs/promises';
import type { MysqlServer } from './mysql-server.js';

export interface LoggedCommand {
  readonly at: string;
  readonly thread: number;
  /** Empty for threads of the server itself. */
  readonly user: string;
  readonly command: string;
  readonly text: string;
}

/** A place in the log: what comes after it is news. */
export type LogMark = ReadonlyMap<MysqlServer, number>;

export async function markLogs(servers: readonly MysqlServer[]): Promise<LogMark> {
  const marks = new Map<MysqlServer, number>();
  for (const server of servers) marks.set(server, (await stat(server.generalLogPath)).size);
  return marks;
}

/** Everything logged after the mark on all its servers, in order per server. */
export async function commandsSince(marks: LogMark): Promise<readonly LoggedCommand[]> {
  const all: LoggedCommand[] = [];
  for (const [server, offset] of marks) {
    // Decoded as latin1, so that offsets count bytes.
    const file = await open(server.generalLogPath);
    const text = await file.readFile('latin1').finally(() => file.close());
    all.push(...parse(text).filter((command) => command.offset >= offset));
  }
  return all;
}

/** Threads are numbered once per start of a server, so a number belongs to its latest Connect since then. */
function parse(text: string): readonly (LoggedCommand & { readonly offset: number })[] {
  const users = new Map<number, string>();
  const head = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)\t *(\d+) ([A-Z][A-Za-z ]*)(?:\t|$)|^.*, Version: .* started with:$/gm;
  const heads = [...text.matchAll(head)];
  return heads.flatMap((match, index) => {
    const [whole, at, number = '', command = ''] = match;
    if (at === undefined) {
      users.clear();
      return [];
    }
    const thread = Number(number);
    const words = text.slice(match.index + whole.length, heads[index + 1]?.index ?? text.length).trim();
    if (command === 'Connect') users.set(thread, /^([^@]*)@/.exec(words)?.[1] ?? '');
    return [{ at, thread, user: users.get(thread) ?? '', command, text: words, offset: match.index }];
  });
}

/** Statements that change nothing, neither on the server nor for anybody else on it. */
const looks: readonly RegExp[] = [
  /^SELECT (?!.*\b(GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|SLEEP|INTO|FOR UPDATE|FOR SHARE|LOCK IN SHARE MODE)\b)/is,
  /^SHOW (REPLICA STATUS|REPLICAS|VARIABLES|STATUS|BINARY LOG STATUS)\b/i,
  /^SET NAMES \w+(, SESSION \w+ = ('[^']*'|\d+))*$/,
];

export function isLook({ command, text }: LoggedCommand): boolean {
  if (command === 'Connect' || command === 'Quit' || command === 'Ping') return true;
  return command === 'Query' && looks.some((pattern) => pattern.test(text));
}

/** Short, for the message of a failed test. */
export function said({ at, user, thread, command, text }: LoggedCommand): string {
  return `${at} ${user}/${thread} ${command} ${text.replace(/\s+/g, ' ').slice(0, 100)}`;
}
