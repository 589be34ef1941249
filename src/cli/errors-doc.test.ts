import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorExitCodes } from '../base/index.js';

describe('docs/errors.md', () => {
  it('lists exactly the codes that can leave the program, with their exit codes', () => {
    const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm)].map((row) => [row[1], Number(row[2])]);
    expect(Object.fromEntries(rows)).toEqual(errorExitCodes);
    expect(rows.length).toBe(Object.keys(errorExitCodes).length);
  });
});
