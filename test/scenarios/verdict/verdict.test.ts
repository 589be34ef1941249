/**
 * Text scenarios of the verdict: blocks of input, "----", what is expected. With HACTL_UPDATE_SCENARIOS=1 the
 * expectations are written anew, to be reviewed as a diff.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verdictRules } from '../../../src/ha/verdict.js';
import { Scenario } from './scenario.js';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt')).sort();
const isUpdating = process.env['HACTL_UPDATE_SCENARIOS'] === '1';

interface Block {
  readonly input: readonly string[];
  readonly expected: string;
}

/** Blocks end at an empty line after their expectation; comments before a block belong to it. */
function blocksOf(text: string): readonly Block[] {
  return text
    .split(/\n\s*\n/)
    .map((part) => part.replace(/^\n+|\s+$/g, '').split('\n'))
    .filter((lines) => lines.some((line) => line !== ''))
    .map((lines) => {
      const end = lines.indexOf('----');
      return end < 0
        ? { input: lines, expected: '' }
        : { input: lines.slice(0, end), expected: lines.slice(end + 1).join('\n') };
    });
}

function textOf(blocks: readonly Block[]): string {
  const parts = blocks.map(({ input, expected }) =>
    [...input, ...(expected === '' ? [] : ['----', expected])].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

describe('the verdict', () => {
  const rulesMet = new Set<string>();

  it.each(files)('%s', (file) => {
    const path = new URL(file, folder);
    const scenario = new Scenario();
    const blocks = blocksOf(readFileSync(path, 'utf8'));
    const said = blocks.map(({ input }) => ({ input, expected: scenario.run(input) }));
    for (const { expected } of said) for (const [rule] of expected.matchAll(/\bV\d\d\b/g)) rulesMet.add(rule);
    if (isUpdating) writeFileSync(path, textOf(said));
    else expect(textOf(said)).toBe(textOf(blocks));
  });

  it('meets every rule in some scenario', () => {
    expect([...rulesMet].sort()).toEqual(verdictRules.map(({ id }) => id));
  });
});
