/** The project's own rules, held against every file; and each rule against an example that breaks it. */
import { describe, expect, it } from 'vitest';
import {
  fileLinesMax, functionLinesMax, lineLengthMax, nameFindings, purityFindings, sizeFindings, syntaxFindings,
  wordFindings,
} from './code-rules.js';
import { importFindings } from './import-rules.js';
import { faceFindings, pinFindings, placeFindings } from './tree-rules.js';
import { readTree, type Finding, type TextFile } from './tree.js';

const tree = readTree();

const fileRules: Readonly<Record<string, (file: TextFile) => readonly Finding[]>> = {
  'imports go only where the table allows': importFindings,
  'pure folders are pure': purityFindings,
  'no enum, namespace, default export or any': syntaxFindings,
  'lines, functions and files are short': sizeFindings,
  'words are those of the design': wordFindings,
  'names are kebab-case': nameFindings,
  'versions are pinned, and no registry is named': pinFindings,
  'no path of one machine': placeFindings,
};

describe('the tree', () => {
  it('is there', () => {
    expect(tree.length).toBeGreaterThan(50);
    expect(tree.map((file) => file.path)).toEqual(expect.arrayContaining(['package.json', 'src/base/index.ts']));
  });

  it.each(Object.entries(fileRules))('%s', (_, rule) => {
    expect(tree.flatMap(rule).map(show)).toEqual([]);
  });

  it('every folder of src has a face', () => {
    expect(faceFindings(tree).map(show)).toEqual([]);
  });
});

/** What breaks a rule: [path, text, a part of the message]; `null`: it must not fire. */
type Example = readonly [path: string, text: string, message: string | null];

const long = (count: number): string => Array.from({ length: count }, (_, index) => `  f(${index});`).join('\n');

const examples: Readonly<Record<string, readonly Example[]>> = {
  'imports go only where the table allows': [
    ['src/ha/verdict.ts', "import { ping } from '../mysql/index.js';", 'src/ha may look only at base'],
    ['src/ha/verdict.ts', "export { ping } from '../mysql/index.js';", 'src/ha may look only at base'],
    ['src/ha/verdict.ts', "type A = import('../mysql/index.js').A;", 'src/ha may look only at base'],
    ['src/ha/verdict.ts', "import { step } from '../raft/index.js';", 'use `import type`'],
    ['src/ha/verdict.ts', "import type { Term } from '../raft/types.js';", null],
    ['src/ha/verdict.ts', "import { readFileSync } from 'node:fs';", 'is pure'],
    ['src/ha/steps/fence.ts', "import { limits } from '../limits.js';", null],
    ['src/base/ids.ts', "import { z } from 'zod';", 'may use only nothing'],
    ['src/raft/core/log.ts', "import { store } from '../store.js';", 'src/raft/core may look only at base'],
    ['src/raft/driver.ts', "import { step } from './core/step.js';", 'src/raft/core/index.js, its only public face'],
    ['src/raft/driver.ts', "import { step } from './core/index.js';", null],
    ['src/rpc/peer.ts', "import { Level } from 'level';", 'may use only msgpackr'],
    ['src/rpc/peer.test.ts', "import { it } from 'vitest';", null],
    ['src/cli/status.ts', "import { createServer } from '../http/index.js';", 'may look only at base, http/api-types'],
    ['src/cli/status.ts', "import type { StatusResponse } from '../http/api-types.js';", null],
    ['src/mysql/probe.ts', "import { limits } from './limits';", 'ends in .js'],
    ['src/mysql/probe.ts', "const a = await import('fastify');", 'may use only mysql2'],
    ['src/helpers/x.ts', 'export const a = 1;', 'not in the import table'],
    ['src/manager/x.ts', "import { ping } from '../mysql/index.js';", null],
  ],
  'pure folders are pure': [
    ['src/ha/verdict.ts', 'const a = Date.now();', 'Date in a pure folder'],
    ['src/ha/verdict.ts', 'const a = Math.random();', 'Math.random in a pure folder: take a Prng'],
    ['src/raft/core/log.ts', 'setTimeout(() => 1, 1);', 'setTimeout in a pure folder'],
    ['src/base/ids.ts', 'const a = performance.now();', 'performance in a pure folder'],
    ['src/base/ids.ts', 'const a = Buffer.from("");', 'use Uint8Array'],
    ['src/base/ids.ts', 'const a = process.env;', 'process in a pure folder'],
    ['src/ha/verdict.ts', 'const a = Math.max(1, 2); const b = ports.clock.process; const c = { Date: 1 };', null],
    ['src/ha/verdict.ts', '// Date is not used here', null],
    ['src/ha/verdict.test.ts', 'const a = Date.now();', null],
    ['src/rpc/peer.ts', 'const a = Date.now();', null],
  ],
  'no enum, namespace, default export or any': [
    ['src/rpc/a.ts', 'export enum A { B }', 'enum: use a union'],
    ['src/rpc/a.ts', 'export namespace A {}', 'namespace: use a module'],
    ['src/rpc/a.ts', 'export default 1;', 'default export'],
    ['src/rpc/a.ts', 'export default function a() {}', 'default export'],
    ['src/rpc/a.ts', 'export const a = (b: any) => b;', 'any: use unknown'],
    ['src/rpc/codec.ts', 'export const a = (b: any) => b;', null],
    ['vitest.config.ts', 'export default {};', null],
    ['src/rpc/a.ts', 'export const company = 1; // any', null],
  ],
  'lines, functions and files are short': [
    ['src/rpc/a.ts', `// ${'x'.repeat(lineLengthMax - 2)}`, 'break the line'],
    ['src/rpc/a.ts', `// ${'x'.repeat(lineLengthMax - 3)}`, null],
    ['src/rpc/a.ts', `function a() {\n${long(functionLinesMax - 1)}\n}`, 'a function of 71 lines'],
    ['src/rpc/a.ts', `const a = () => {\n${long(functionLinesMax - 1)}\n};`, 'a function of 71 lines'],
    ['src/rpc/a.ts', `function a() {\n${long(functionLinesMax - 2)}\n}`, null],
    ['src/rpc/a.test.ts', `describe('a', () => {\n${long(functionLinesMax + 9)}\n});`, null],
    ['src/rpc/a.ts', '\n'.repeat(fileLinesMax + 1), '501 lines'],
    ['src/rpc/a.ts', '\n'.repeat(fileLinesMax), null],
  ],
  'words are those of the design': [
    ['src/ha/a.ts', 'const masterHost = 1;', 'say primary or replica'],
    ['src/ha/a.ts', '// the slave', 'say primary or replica'],
    ['src/mysql/a.ts', "const a = 'SHOW SLAVE STATUS';", null],
    ['src/ha/a.ts', '// TODO later', 'do it now'],
    ['src/ha/a.ts', '// FIXME', 'do it now'],
    ['src/ha/a.ts', "console.log('a');", 'console: log'],
    ['src/ha/a.test.ts', "it.only('a', () => 1);", '.only'],
  ],
  'names are kebab-case': [
    ['src/ha/opReducer.ts', '', 'kebab-case'],
    ['src/ha/op_reducer.ts', '', 'kebab-case'],
    ['src/ha/op-reducer.test.ts', '', null],
    ['test/sim/README.md', '', null],
  ],
  'versions are pinned, and no registry is named': [
    ['package.json', '{ "dependencies": { "a": "^1.2.3" } }', 'pin one exact version'],
    ['package.json', '{ "devDependencies": { "a": "latest" } }', 'pin one exact version'],
    ['package.json', '{ "dependencies": { "a": "1.2.3", "b": "1.0.0-rc.1" } }', null],
    ['package-lock.json', '"resolved": "https://example.org/a.tgz"', 'an address of a registry'],
  ],
  'no path of one machine': [
    ['docs/a.md', 'see /home/anna/hactl', 'a path of one machine'],
    ['src/ha/a.ts', "const a = '/root/x';", 'a path of one machine'],
    ['README.md', 'cd /work/x', 'a path of one machine'],
    ['docs/a.md', 'key: /etc/hactl/id_ed25519, or GET /clusters/work/primary', null],
  ],
};

describe('each rule fires on what breaks it, and on nothing else', () => {
  it('has examples for every rule', () => {
    expect(Object.keys(examples).sort()).toEqual(Object.keys(fileRules).sort());
  });

  const cases = Object.entries(examples).flatMap(([name, list]) => list.map((example) => [name, ...example] as const));
  it.each(cases)('%s: %s %#', (name, path, text, message) => {
    const findings = (fileRules[name]?.({ path, text }) ?? []).map(show);
    if (message === null) expect(findings).toEqual([]);
    else expect(findings).toEqual([expect.stringContaining(message)]);
  });

  it('misses the face of a folder', () => {
    const files = [{ path: 'src/rpc/peer.ts', text: '' }, { path: 'src/manager/a.ts', text: '' }];
    expect(faceFindings(files).map((finding) => finding.path)).toEqual(['src/rpc']);
    expect(faceFindings([...files, { path: 'src/rpc/index.ts', text: '' }])).toEqual([]);
  });
});

function show({ path, line, message }: Finding): string {
  return `${path}:${line}: ${message}`;
}
