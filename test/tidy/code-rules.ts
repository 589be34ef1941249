/** Rules about the text of one TypeScript file. Each message names what to do instead. */
import ts from 'typescript';
import { lineOf, parse, visit, type Finding, type TextFile } from './tree.js';

export const lineLengthMax = 120;
export const functionLinesMax = 70;
export const fileLinesMax = 500;

/** Files that are longer for a reason; never add one without it, and take it out once it is shorter. */
const longFiles: ReadonlySet<string> = new Set([]);

const pureFolder = /^src\/(base|raft\/core|ha)\//;
const isTest = (path: string): boolean => path.endsWith('.test.ts');
const isCode = (path: string): boolean => /\.(ts|mts|mjs|js)$/.test(path);

const impure: Readonly<Record<string, string>> = {
  Date: 'time comes in with the input or through a port',
  performance: 'time comes in with the input or through a port',
  setTimeout: 'wait through a port',
  setInterval: 'wait through a port',
  setImmediate: 'wait through a port',
  queueMicrotask: 'return the output as data',
  process: 'pass the value in',
  Buffer: 'use Uint8Array',
  require: 'use import',
  globalThis: 'pass the value in',
};

/** No clock, chance, timer or process in the pure folders. */
export function purityFindings(file: TextFile): readonly Finding[] {
  if (!pureFolder.test(file.path) || isTest(file.path)) return [];
  const source = parse(file);
  const findings: Finding[] = [];
  visit(source, (node) => {
    if (!ts.isIdentifier(node) || isPropertyName(node)) return;
    const isRandom = node.text === 'Math' && ts.isPropertyAccessExpression(node.parent)
      && node.parent.name.text === 'random';
    const instead = isRandom ? 'take a Prng of src/base' : Object.hasOwn(impure, node.text) ? impure[node.text] : null;
    if (instead === null || instead === undefined) return;
    const name = isRandom ? 'Math.random' : node.text;
    findings.push({ path: file.path, line: lineOf(source, node), message: `${name} in a pure folder: ${instead}` });
  });
  return findings;
}

function isPropertyName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (ts.isPropertyAccessExpression(parent) && parent.name === node)
    || (ts.isPropertyAssignment(parent) && parent.name === node)
    || (ts.isPropertySignature(parent) && parent.name === node)
    || (ts.isPropertyDeclaration(parent) && parent.name === node)
    || (ts.isMethodDeclaration(parent) && parent.name === node)
    || (ts.isMethodSignature(parent) && parent.name === node);
}

/** What TypeScript offers and this project does without. */
export function syntaxFindings(file: TextFile): readonly Finding[] {
  if (!/\.(ts|mts)$/.test(file.path)) return [];
  const source = parse(file);
  const isConfig = /(^|\/)[^/]+\.config\.ts$/.test(file.path);
  const isDecoder = /(decode|codec)[^/]*\.ts$/.test(file.path);
  const findings: Finding[] = [];
  const add = (node: ts.Node, message: string): void => {
    findings.push({ path: file.path, line: lineOf(source, node), message });
  };
  visit(source, (node) => {
    if (ts.isEnumDeclaration(node)) add(node, 'enum: use a union of strings, or a const object');
    if (ts.isModuleDeclaration(node) && ts.isIdentifier(node.name) && node.name.text !== 'global') {
      add(node, 'namespace: use a module');
    }
    if (node.kind === ts.SyntaxKind.AnyKeyword && !isDecoder) {
      add(node, 'any: use unknown and decode it, in a file named *decode* or *codec*');
    }
    const isDefault = (ts.isExportAssignment(node) && node.isExportEquals !== true)
      || (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((one) => one.kind === ts.SyntaxKind.DefaultKeyword));
    if (isDefault && !isConfig) add(node, 'default export: export it by name');
  });
  return findings;
}

export function sizeFindings(file: TextFile): readonly Finding[] {
  if (!isCode(file.path)) return [];
  const lines = file.text.replace(/\n$/, '').split('\n');
  const findings: Finding[] = lines.flatMap((text, index) => (text.length <= lineLengthMax ? [] : [{
    path: file.path, line: index + 1, message: `${text.length} characters: break the line at ${lineLengthMax}`,
  }]));
  if (lines.length > fileLinesMax && !longFiles.has(file.path)) {
    const message = `${lines.length} lines: split it into files of one idea each, ${fileLinesMax} lines at most`;
    findings.push({ path: file.path, line: fileLinesMax, message });
  }
  return [...findings, ...longFunctions(file)];
}

function longFunctions(file: TextFile): readonly Finding[] {
  const source = parse(file);
  const findings: Finding[] = [];
  visit(source, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    if (isSuite(node)) return;
    const first = lineOf(source, node);
    const count = source.getLineAndCharacterOfPosition(node.end).line + 2 - first;
    if (count <= functionLinesMax) return;
    const message = `a function of ${count} lines: split it, ${functionLinesMax} lines at most`;
    findings.push({ path: file.path, line: first, message });
  });
  return findings;
}

/** The callback of `describe` is a chapter, not a function. */
function isSuite(node: ts.Node): boolean {
  return ts.isCallExpression(node.parent) && /^describe\b/.test(node.parent.expression.getText());
}

/**
 * Where the old words may stand: SQL and variables of old servers, paths and keys that people bring along, and the rule
 * itself.
 */
const oldWordsAllowed = new RegExp('^(src/mysql/|src/http/|src/config/.*mha|src/cli/.*mha|test/tidy/'
  + '|test/support/mysql-|test/integration/mysql-)');

export function wordFindings(file: TextFile): readonly Finding[] {
  if (!isCode(file.path)) return [];
  const findings: Finding[] = [];
  const isOurs = /^(src|test|demo|scripts)\//.test(file.path);
  for (const [index, text] of file.text.split('\n').entries()) {
    const add = (message: string): void => { findings.push({ path: file.path, line: index + 1, message }); };
    const old = /master|slave/i.exec(text);
    if (old !== null && isOurs && !oldWordsAllowed.test(file.path)) {
      add(`"${old[0]}": say primary or replica (source in SQL of today)`);
    }
    if (file.path.startsWith('test/tidy/')) continue;
    const mark = /\b(FIXME|TODO|XXX)\b/.exec(text);
    if (mark !== null) add(`${mark[0]}: do it now, or write an issue`);
    if (/\bconsole\s*\./.test(text)) add('console: log through the logger, print through the output of src/cli');
    if (/\b(describe|it|test)\.only\b/.test(text)) add('.only: the other tests would not run');
  }
  return findings;
}

export function nameFindings(file: TextFile): readonly Finding[] {
  if (!/^(src|test|demo|scripts)\//.test(file.path)) return [];
  const bad = file.path.split('/').find((part) => !/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(part) && part !== 'README.md'
    && part !== 'DESIGN.md');
  if (bad === undefined) return [];
  return [{ path: file.path, line: 1, message: `"${bad}": names of files and folders are kebab-case` }];
}
