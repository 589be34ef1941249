/** The command line of `npm run bench:raft`. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly isJson: boolean;
  /** Null: below .cache of the checkout. */
  readonly directory: string | null;
  readonly parts: readonly BenchPart[];
}

export const benchParts = ['commit', 'leader', 'restart'] as const;
export type BenchPart = (typeof benchParts)[number];

export const usage = `usage: npm run bench:raft -- [--quick] [--json] [--dir DIRECTORY] [--only PART]...

  --quick          a fifth of everything, for CI; the numbers are coarse
  --json           the last line is one JSON object
  --dir DIRECTORY  where the data of both systems goes (default: .cache/bench of this checkout); a RAM disk is refused
  --only PART      ${benchParts.join(', ')}; may be given more than once (default: all)
`;

/** Throws an Error whose message is for the person who typed it. Null: help was asked for. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parsed(args);
  if (values.help === true) return null;
  const parts = (values.only ?? []).map((name) => {
    const part = benchParts.find((candidate) => candidate === name);
    if (part === undefined) throw new Error(`--only ${name}: not a part of this benchmark\n\n${usage}`);
    return part;
  });
  return {
    isQuick: values.quick === true,
    isJson: values.json === true,
    directory: values.dir ?? null,
    parts: parts.length === 0 ? benchParts : parts,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' },
        dir: { type: 'string' }, only: { type: 'string', multiple: true },
      },
    });
  } catch (thrown) {
    throw new Error(`${(thrown as Error).message}\n\n${usage}`);
  }
}
