import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { grantStatements } from './grants.js';

describe('the privileges that hactl needs', () => {
  it('stand in the documentation just as the program has them', () => {
    const page = readFileSync(new URL('../../docs/servers.md', import.meta.url), 'utf8');
    const documented = page.split('\n').filter((line) => line.startsWith('GRANT '));
    expect(documented).toEqual(grantStatements("'hactl'@'10.91.%'").map((statement) => `${statement};`));
  });
});
