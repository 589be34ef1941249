/**
 * Unpacks Debian packages of another suite into a folder of ours, without touching the system: apt gets private state,
 * nothing is installed. The mirror's address and the keys come from the system's own apt sources, never from a literal.
 * Works as root and as anyone else.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run-command.mjs';

/** Suites that a Debian mirror has; whoever serves one of them serves unstable too. Security mirrors do not. */
const mirrorSuites = new Set(['stable', 'testing', 'unstable', 'sid', 'oldstable',
  'bullseye', 'bookworm', 'trixie', 'forky', 'duke']);

/** deb822 (`*.sources`): stanzas of `Key: value`, continued by lines that start with white space. */
export function parseDeb822(text) {
  const stanzas = [];
  for (const block of text.split(/\n[ \t]*\n/)) {
    const fields = {};
    let key = null;
    for (const line of block.split('\n')) {
      if (line.startsWith('#') || line.trim() === '') continue;
      const field = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line);
      if (field !== null) {
        key = field[1].toLowerCase();
        fields[key] = field[2];
      } else if (key !== null) {
        fields[key] += `\n${line}`;
      }
    }
    if (fields.uris === undefined || fields.suites === undefined) continue;
    if (fields.enabled !== undefined && /^(no|false|0)$/i.test(fields.enabled.trim())) continue;
    if (!words(fields.types ?? 'deb').includes('deb')) continue;
    stanzas.push({
      uris: words(fields.uris), suites: words(fields.suites),
      signedBy: fields['signed-by'] ?? null, trusted: fields.trusted ?? null,
    });
  }
  return stanzas;
}

/** The one-line format: `deb [signed-by=FILE] URI SUITE COMPONENT...`. */
export function parseOneLine(text) {
  const found = [];
  for (const line of text.split('\n')) {
    const entry = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)/.exec(line);
    if (entry === null) continue;
    const options = new Map(words(entry[1] ?? '').map((option) => option.split('=', 2)));
    found.push({
      uris: [entry[2]], suites: [entry[3]],
      signedBy: options.get('signed-by') ?? null, trusted: options.get('trusted') ?? null,
    });
  }
  return found;
}

/** The first source of the system that is a whole Debian mirror, or null. */
export function chooseMirror(entries) {
  for (const entry of entries) {
    if (entry.suites.some((suite) => mirrorSuites.has(suite)) && entry.uris.length > 0) {
      return { uri: entry.uris[0], signedBy: entry.signedBy, trusted: entry.trusted };
    }
  }
  return null;
}

function systemSources() {
  const entries = [];
  const files = ['/etc/apt/sources.list'];
  try {
    const parts = readdirSync('/etc/apt/sources.list.d').sort();
    files.push(...parts.map((name) => join('/etc/apt/sources.list.d', name)));
  } catch {
    // No such folder: the single file is all there is.
  }
  for (const file of files) {
    if (!file.endsWith('.list') && !file.endsWith('.sources')) continue;
    let text;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      continue;
    }
    entries.push(...(file.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text)));
  }
  return entries;
}

/**
 * Fetches `packages` with all their dependencies from `suite` and unpacks them into `root`. `workDir` holds apt's
 * private state and the archives; it is emptied first, and the caller removes it.
 */
export async function unpackPackages({ suite, packages, root, workDir, say }) {
  const mirror = chooseMirror(systemSources());
  if (mirror === null) {
    throw new Error('no Debian mirror among the system\'s apt sources. Install MySQL 8.0.26 or later and put `mysqld`'
      + ' on the PATH, or name it in HACTL_MYSQLD');
  }
  rmSync(workDir, { recursive: true, force: true });
  const dirs = { parts: join(workDir, 'parts'), lists: join(workDir, 'lists'), archives: join(workDir, 'archives') };
  for (const dir of [dirs.parts, join(dirs.lists, 'partial'), join(dirs.archives, 'partial'), root]) {
    mkdirSync(dir, { recursive: true });
  }
  const source = [`Types: deb`, `URIs: ${mirror.uri}`, `Suites: ${suite}`, `Components: main`];
  if (mirror.signedBy !== null) source.push(`Signed-By: ${mirror.signedBy}`);
  if (mirror.trusted !== null) source.push(`Trusted: ${mirror.trusted}`);
  writeFileSync(join(dirs.parts, 'suite.sources'), `${source.join('\n')}\n`);
  const options = [
    'Dir::Etc::sourcelist=/dev/null', `Dir::Etc::sourceparts=${dirs.parts}`,
    'Dir::Etc::preferences=/dev/null', 'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State=${workDir}`, `Dir::State::lists=${dirs.lists}`, 'Dir::State::status=/dev/null',
    `Dir::Cache=${workDir}`, `Dir::Cache::archives=${dirs.archives}`, `Dir::Log=${workDir}`,
    'APT::Sandbox::User=root', 'Debug::NoLocking=true', 'Acquire::Retries=2', 'Acquire::http::Timeout=30',
  ].flatMap((option) => ['-o', option]);
  say(`reading the package list of Debian ${suite}`);
  await run('apt-get', [...options, '-q', 'update', '--error-on=any'], { timeoutMs: 180_000 });
  say(`fetching ${packages.join(', ')} and what they need`);
  await run('apt-get', [...options, '-q', '-y', '--no-install-recommends', '--download-only', 'install', ...packages],
    { timeoutMs: 600_000 });
  const archives = readdirSync(dirs.archives).filter((name) => name.endsWith('.deb'));
  say(`unpacking ${archives.length} packages`);
  for (const archive of archives) {
    await run('dpkg-deb', ['-x', join(dirs.archives, archive), root], { timeoutMs: 60_000 });
  }
}

function words(text) {
  return text.split(/\s+/).filter((word) => word !== '');
}
