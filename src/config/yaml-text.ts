/**
 * YAML text to plain data, with the parser's looser habits switched off: no custom tags, no merge keys, every key once,
 * bounded size and alias expansion. Messages never repeat the text of the file, since it may hold a mistyped secret.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { errorMessage } from '../base/index.js';
import { limits } from './limits.js';
import { formatPath } from './problems.js';

export interface ParsedYaml {
  readonly value: unknown;
  readonly problems: readonly string[];
  /** Keys of the map at `path` in the order of the file (plain objects put keys like "1" first). */
  keysAt(path: readonly string[]): readonly string[];
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : '(not a plain word)';
}

/** Every key that stands twice in one map, with its path and lines, and keys that are no plain words. */
function keyProblems(root: unknown, lines: LineCounter): string[] {
  const problems: string[] = [];
  const lineOf = (node: unknown): number => {
    const range = isScalar(node) ? node.range : null;
    return range === null || range === undefined ? 0 : lines.linePos(range[0]).line;
  };
  const visit = (node: unknown, path: readonly string[]): void => {
    if (isSeq(node)) node.items.forEach((item, index) => visit(item, [...path, String(index)]));
    if (!isMap(node)) return;
    const firstLines = new Map<string, number>();
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = keyText(pair.key);
      const here = [...path, key];
      const first = firstLines.get(key);
      if (!isScalar(pair.key) || key === '__proto__') {
        problems.push(`${formatPath(path)}: ${JSON.stringify(key)}: keys must be plain words`);
      } else if (first !== undefined) {
        const where = `lines ${first} and ${lineOf(pair.key)}`;
        problems.push(`${formatPath(here)}: ${JSON.stringify(key)}: must be used once here; it stands in ${where}`);
      } else {
        firstLines.set(key, lineOf(pair.key));
      }
      visit(pair.value, here);
    }
  };
  visit(root, []);
  return problems;
}

/** The parser's sentence without what it quotes of the file. */
function withoutQuote(message: string): string {
  return message.split(': ')[0]?.replace(/["'`].*$/s, '...') ?? message;
}

function keysInOrder(document: Document, path: readonly string[], fallback: unknown): readonly string[] {
  let node: unknown = document.contents;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    node = isMap(node) ? node.get(key, true) : null;
  }
  if (isAlias(node)) node = node.resolve(document);
  if (isMap(node)) return node.items.map((pair) => keyText(pair.key));
  return typeof fallback === 'object' && fallback !== null ? Object.keys(fallback) : [];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], value);
}

export function parseYaml(text: string): ParsedYaml {
  const failed = (problems: readonly string[]): ParsedYaml => ({ value: undefined, problems, keysAt: () => [] });
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.fileBytesMax) {
    return failed([`(whole file): ${bytes} bytes: must be at most ${limits.fileBytesMax} bytes`]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    uniqueKeys: true,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: 'silent',
  });
  const problems = keyProblems(document.contents, lines);
  // Warnings are unknown tags: what they were meant to do would silently not happen.
  for (const error of [...document.errors, ...document.warnings]) {
    // Found by keyProblems, with a path; only keys that it cannot compare are left to the parser.
    if (error.code === 'DUPLICATE_KEY' && problems.length > 0) continue;
    const { line, col } = lines.linePos(error.pos[0]);
    problems.push(`line ${line}, column ${col}: not valid YAML: ${withoutQuote(error.message)}`);
  }
  if (problems.length > 0) return failed(problems);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: limits.aliasesMax });
  } catch (thrown) {
    const isUnknown = errorMessage(thrown).startsWith('Unresolved alias');
    const bound = `too many aliases: at most ${limits.aliasesMax} may be expanded`;
    return failed([`(whole file): ${isUnknown ? 'an alias (*name) without its anchor (&name)' : bound}`]);
  }
  return { value, problems, keysAt: (path) => keysInOrder(document, path, valueAt(value, path)) };
}
