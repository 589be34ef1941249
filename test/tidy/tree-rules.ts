/** Rules about the project as a whole: faces of folders, pins, paths of single machines. */
import type { Finding, TextFile } from './tree.js';

/** Each folder of src has an index.ts; the composition root (src/manager) needs none. */
export function faceFindings(files: readonly TextFile[]): readonly Finding[] {
  const paths = new Set(files.map((file) => file.path));
  const folders = new Set(files.flatMap((file) => /^src\/([^/]+)\/.+\.ts$/.exec(file.path)?.[1] ?? []));
  if ([...paths].some((path) => path.startsWith('src/raft/core/'))) folders.add('raft/core');
  folders.delete('manager');
  const message = 'has no index.ts: write one with named exports, its only public face';
  return [...folders].filter((folder) => !paths.has(`src/${folder}/index.ts`))
    .map((folder) => ({ path: `src/${folder}`, line: 1, message }));
}

interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export function pinFindings(file: TextFile): readonly Finding[] {
  if (file.path === 'package-lock.json') {
    const message = 'an address of a registry: npm install --omit-lockfile-registry-resolved';
    return linesOf(file, /"resolved":\s*"https?:/, message);
  }
  if (file.path !== 'package.json') return [];
  const { dependencies = {}, devDependencies = {} } = JSON.parse(file.text) as PackageJson;
  const findings: Finding[] = [];
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    if (/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) continue;
    const line = file.text.split('\n').findIndex((text) => text.includes(`"${name}"`)) + 1;
    findings.push({ path: file.path, line, message: `${name}: "${version}": pin one exact version` });
  }
  return findings;
}

/** Absolute paths that exist on one machine only. */
const machinePath = /(^|[\s"'`(=:,[])\/(work|root|home|farm|Users)\/[\w.-]/;

export function placeFindings(file: TextFile): readonly Finding[] {
  if (file.path.startsWith('test/tidy/')) return [];
  return linesOf(file, machinePath, 'a path of one machine: start at the project\'s root, or take an example in /etc');
}

function linesOf(file: TextFile, pattern: RegExp, message: string): readonly Finding[] {
  return file.text.split('\n').flatMap((text, index) => (
    pattern.test(text) ? [{ path: file.path, line: index + 1, message }] : []
  ));
}
