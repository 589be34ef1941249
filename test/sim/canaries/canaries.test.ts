/** Canaries rot when the code they change moves on: each must still fit, and give a file that can be read. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { plant } from './canary.js';
import { raftCanaries } from './raft.js';

const root = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');

function syntaxErrors(text: string): readonly string[] {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true, compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext },
  });
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

describe('the canaries of Raft', () => {
  it('have names of their own', () => {
    const names = raftCanaries.map((canary) => canary.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(30);
  });

  it.each(raftCanaries.map((canary) => [canary.name, canary] as const))('%s fits', (_, canary) => {
    expect(canary.file).toMatch(/^(src|test\/world)\//);
    const planted = plant(canary, read(canary.file));
    expect(planted).not.toBe(read(canary.file));
    expect(syntaxErrors(planted)).toEqual([]);
  });

  it('are refused when they are stale', () => {
    const [canary] = raftCanaries;
    expect(() => plant(canary!, 'another text')).toThrow('is stale');
    expect(syntaxErrors('const a = ;')).not.toEqual([]);
  });
});
