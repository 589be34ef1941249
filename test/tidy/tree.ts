/** The text files of the project, read once, and what the rules need to know of a TypeScript file. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export interface TextFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  readonly line: number;
  /** What is wrong, and what to do instead. */
  readonly message: string;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const textNames = new RegExp('\\.(ts|mts|js|mjs|cjs|json|ya?ml|md|sql|sh|txt|html|css|cnf|cfg|trace|scenario)$'
  + '|(^|/)(LICENSE|Dockerfile|run|\\.gitignore|\\.npmrc)$');
const generatedDirs = new Set(['node_modules', 'dist', '.cache', '.git']);

export function readTree(): readonly TextFile[] {
  return listFiles()
    .filter((path) => textNames.test(path) && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** What git tracks or would track; without git (an unpacked archive), every file that is not generated. */
function listFiles(): readonly string[] {
  try {
    const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024,
    });
    return list.split('\0').filter((path) => path !== '');
  } catch {
    return walk(root);
  }
}

function walk(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (generatedDirs.has(entry.name)) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return walk(path);
    return [relative(root, path).replaceAll('\\', '/')];
  });
}

const parsed = new WeakMap<TextFile, ts.SourceFile>();

export function parse(file: TextFile): ts.SourceFile {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
  parsed.set(file, source);
  return source;
}

export interface Import {
  readonly specifier: string;
  /** Nothing of it is there at run time. */
  readonly isTypeOnly: boolean;
  readonly line: number;
}

export function importsOf(file: TextFile): readonly Import[] {
  const source = parse(file);
  const found: Import[] = [];
  visit(source, (node) => {
    const line = lineOf(source, node);
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, isTypeOnly: isTypeOnly(node), line });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, isTypeOnly: node.isTypeOnly, line });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) found.push({ specifier: argument.text, isTypeOnly: false, line });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const { literal } = node.argument;
      if (ts.isStringLiteral(literal)) found.push({ specifier: literal.text, isTypeOnly: true, line });
    }
  });
  return found;
}

function isTypeOnly(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  if (clause.name !== undefined || clause.namedBindings === undefined) return false;
  return ts.isNamedImports(clause.namedBindings) && clause.namedBindings.elements.every((one) => one.isTypeOnly);
}

export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => { visit(child, look); });
}

export function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
