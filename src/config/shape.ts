/**
 * The building blocks of both schemas: zod with our sentences. A problem names the path, the value and what is allowed;
 * unknown keys are refused, with the nearest known one.
 */
import { z } from 'zod';
import { namePattern } from '../base/index.js';
import { isHost, parseHostPort } from './address.js';
import { formatDuration, parseDuration } from './duration.js';
import { limits } from './limits.js';
import type { Path } from './problems.js';
import { formatPath, problemLine } from './problems.js';
import { secretRefAllowed, secretRefProblem } from './secrets.js';
import { nearest } from './suggest.js';

function keyAdvice(key: string, known: readonly string[], notYet: readonly string[]): string {
  if (notYet.includes(key)) return 'not supported by this version yet; take it out';
  const near = nearest(key, known);
  const allowed = `allowed: ${known.join(', ')}`;
  return near === null ? `unknown key; ${allowed}` : `unknown key; did you mean ${JSON.stringify(near)}? (${allowed})`;
}

/**
 * A map with these keys and no other. `notYet`: keys of the design that this version does not have. The message of an
 * `unrecognized_keys` issue is one line of advice per key, in the order of `issue.keys` (see `issueLines`).
 */
export function shape<S extends z.ZodRawShape>(
  keys: S,
  notYet: readonly string[] = [],
): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(keys);
  return z.strictObject(keys, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => keyAdvice(key, known, notYet)).join('\n')
        : `must be a map with the keys ${known.join(', ')}`,
  });
}

/** A map from names of ours to `value`. */
export function named<V extends z.ZodType>(value: V, what: string): z.ZodRecord<z.ZodString, V> {
  const allowed = 'a name is 1 to 48 letters, digits, "_", "." or "-", beginning with a letter or digit';
  return z.record(z.string().regex(namePattern, { error: allowed }), value, { error: `must be a map of ${what}` });
}

export function text(allowed: string, accepts: (value: string) => boolean): z.ZodString {
  return z.string({ error: allowed }).refine(accepts, { error: allowed });
}

/** Text that `parse` turns into something else; null is a refusal. */
function parsed<T>(allowed: string, parse: (value: string) => T | null) {
  return z.string({ error: allowed }).transform((value, context): T => {
    const result = parse(value);
    if (result !== null) return result;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
}

export function duration(minMs: number, maxMs: number) {
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const allowed = `must be a duration ${range}, such as 500ms, 1s or 2m`;
  return parsed(allowed, (value) => {
    const ms = parseDuration(value);
    return ms !== null && ms >= minMs && ms <= maxMs ? ms : null;
  });
}

export function count(min: number, max: number): z.ZodNumber {
  const allowed = `must be a whole number from ${min} to ${max}`;
  return z.number({ error: allowed }).int({ error: allowed }).min(min, { error: allowed }).max(max, { error: allowed });
}

export function hostPort() {
  return parsed('must be host:port, such as 10.0.0.1:7400, db.example:7400 or [::1]:7400', parseHostPort);
}

export const host = text('must be a host name or an IP address', isHost);

export const user = text(
  `must be the name of an account, at most ${limits.userCharsMax} characters`,
  (value) => value.length > 0 && value.length <= limits.userCharsMax && /^[\x21-\x7e]+$/.test(value),
);

export const name = text(
  'must be a name: 1 to 48 letters, digits, "_", "." or "-", beginning with a letter or digit',
  (value) => namePattern.test(value),
);

/** A reference to a secret; the secret itself is refused and never repeated. */
export const secretRef = text(secretRefAllowed, (value) => secretRefProblem(value) === null);

export function oneOf<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `must be ${words.length === 1 ? '' : 'one of '}${words.join(', ')}` });
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], root);
}

/** zod's issues as lines for people. `root` is the value that was checked. */
export function issueLines(root: unknown, issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue): string[] => {
    switch (issue.code) {
      case 'unrecognized_keys': {
        const advice = issue.message.split('\n');
        const where = formatPath(issue.path);
        return issue.keys.map((key, index) => `${where}: ${JSON.stringify(key)}: ${advice[index] ?? 'unknown key'}`);
      }
      case 'invalid_key': {
        const key = String(issue.path[issue.path.length - 1]);
        const allowed = issue.issues[0]?.message ?? 'not a valid name';
        return [`${formatPath(issue.path.slice(0, -1))}: ${JSON.stringify(key)}: ${allowed}`];
      }
      default:
        return [problemLine(issue.path, valueAt(root, issue.path), issue.message)];
    }
  });
}
