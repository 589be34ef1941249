/**
 * How a bad configuration is told to a person: one line per problem, `path: value: what is allowed`, all of them at
 * once. Never shows the value of a secret, nor of a whole block that may hold one.
 */
import { HactlError } from '../base/index.js';
import { limits } from './limits.js';

export type Path = readonly PropertyKey[];

/** Keys whose value is never repeated, whatever stands there. */
const secretKeys: ReadonlySet<PropertyKey> = new Set(['password', 'token']);

/** Blocks that hold a secret: text in their place may be one ("user:password"). */
const secretBlocks: ReadonlySet<PropertyKey> = new Set(['mysql', 'replication']);

export function formatPath(path: Path): string {
  return path.length === 0 ? '(whole file)' : path.map(String).join('.');
}

export function formatValue(path: Path, value: unknown): string {
  if (value === undefined) return 'missing';
  if (path.some((key) => secretKeys.has(key))) return '[hidden]';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (secretBlocks.has(path[path.length - 1] ?? '')) return '(text, hidden)';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= limits.valueCharsMax ? text : `${text.slice(0, limits.valueCharsMax)}...`;
}

export function problemLine(path: Path, value: unknown, allowed: string): string {
  return `${formatPath(path)}: ${formatValue(path, value)}: ${allowed}`;
}

/** Throws when there are problems. `source` is the file as the person named it. */
export function refuseProblems(source: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, limits.problemsMax);
  const more = problems.length - shown.length;
  throw new HactlError({
    code: 'bad-config',
    what: `${source} is not a valid configuration`,
    why: problems.length === 1 ? '1 problem was found' : `${problems.length} problems were found`,
    next: 'repair the lines below and try again; nothing was changed. docs/configuration.md lists every key',
    details: more === 0 ? shown : [...shown, `... and ${more} more`],
  });
}
