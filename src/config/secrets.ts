/**
 * Secrets stand in the configuration as references only: `file:/path` or `env:NAME`. Each manager resolves them for
 * itself. An error names the path in the configuration and the reference, never the value.
 */
import { readFileSync, statSync } from 'node:fs';
import { errorMessage, HactlError, Secret } from '../base/index.js';
import { limits } from './limits.js';

/** Where secrets come from; `nodeSecretSource` outside of tests. */
export interface SecretSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Content and permission bits. Throws when it cannot be read. */
  readFile(path: string): { readonly text: string; readonly mode: number };
}

export interface ResolvedSecret {
  readonly secret: Secret;
  /** A sentence for the log; null when all is well. */
  readonly warning: string | null;
}

export const secretRefAllowed =
  'must be a reference, never the secret itself: write file:/absolute/path or env:NAME';

/** null when `ref` is a well-formed reference. */
export function secretRefProblem(ref: string): string | null {
  return /^file:\/[^\0\n]+$/.test(ref) || /^env:[A-Za-z_][A-Za-z0-9_]*$/.test(ref) ? null : secretRefAllowed;
}

export function nodeSecretSource(): SecretSource {
  return {
    env: process.env,
    readFile: (path) => {
      const { mode, size } = statSync(path);
      if (size > limits.secretBytesMax) throw new Error(`larger than ${limits.secretBytesMax} bytes`);
      return { text: readFileSync(path, 'utf8'), mode };
    },
  };
}

/** `path`: where the reference stands, such as `clusters.app1.mysql.password`. Throws HactlError `bad-secret`. */
export function resolveSecret(path: string, ref: string, source: SecretSource): ResolvedSecret {
  if (secretRefProblem(ref) !== null) throw badSecret(path, '[hidden]', secretRefAllowed);
  if (ref.startsWith('env:')) {
    const value = source.env[ref.slice('env:'.length)];
    if (value === undefined || value === '') {
      throw badSecret(path, ref, 'the environment variable is not set, or empty, in the manager\'s environment');
    }
    return { secret: new Secret(value), warning: null };
  }
  const file = ref.slice('file:'.length);
  let content: { readonly text: string; readonly mode: number };
  try {
    content = source.readFile(file);
  } catch (thrown) {
    throw badSecret(path, ref, `the file cannot be read (${readFault(thrown)})`);
  }
  const value = content.text.replace(/\r?\n$/, '');
  if (value === '') throw badSecret(path, ref, 'the file is empty');
  const isOpen = (content.mode & 0o004) !== 0;
  return {
    secret: new Secret(value),
    warning: isOpen ? `${path}: ${ref} can be read by every user of this host; chmod 600 ${file}` : null,
  };
}

/** ENOENT and the like; the system's message is used only where it has no code, since it holds no content either. */
function readFault(thrown: unknown): string {
  const { code } = thrown as { code?: unknown };
  return typeof code === 'string' ? code : errorMessage(thrown);
}

function badSecret(path: string, ref: string, why: string): HactlError {
  return new HactlError({
    code: 'bad-secret',
    what: `the secret of ${path} is missing or cannot be used`,
    why: `${ref}: ${why}`,
    next: 'put the secret where the reference points, readable by the manager, on every manager',
    details: [`${path}: ${ref}: ${why}`],
  });
}
