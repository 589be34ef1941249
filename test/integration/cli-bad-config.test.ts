/** A configuration that is not right is refused as a whole, by the real program: in words, with exit code 2. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ApplyResponse } from '../../src/http/index.js';
import { hactlCli } from '../support/managers.js';
import type { CliResult } from '../support/managers.js';
import { clusterName, Stage } from '../support/stage.js';

type Yaml = Record<string, unknown>;

const exitBadConfig = 2;

describe('a bad configuration', () => {
  let stage: Stage;
  let goodClusters: string;
  let goodManager: string;

  beforeAll(async () => {
    stage = await Stage.start({ mysql: { replicas: 1, semiSync: false } });
    goodClusters = await readFile(join(stage.managers.dir, 'clusters.yaml'), 'utf8');
    goodManager = await readFile(join(stage.managers.dir, 'm1', 'manager.yaml'), 'utf8');
  });
  afterAll(() => stage.stop());

  async function apply(text: string, ...args: string[]): Promise<CliResult> {
    const path = join(stage.managers.dir, 'changed.yaml');
    await writeFile(path, text);
    return stage.hactl('apply', path, ...args);
  }

  async function version(): Promise<number> {
    const { stdout } = await apply(goodClusters, '--dry-run', '--json');
    return (JSON.parse(stdout) as ApplyResponse).configVersion;
  }

  /** The good file with one thing changed. */
  function changed(change: (cluster: Yaml, servers: Record<string, Yaml>) => void): string {
    const file = parse(goodClusters) as { clusters: Record<string, Yaml> };
    const cluster = file.clusters[clusterName] as Yaml;
    change(cluster, cluster['servers'] as Record<string, Yaml>);
    return stringify(file);
  }

  const cases: readonly (readonly [string, () => string, readonly RegExp[]])[] = [
    ['an unknown key', () => changed((cluster) => { cluster['durabilty'] = 'async'; }),
      [/clusters\.app1: "durabilty": unknown key; did you mean "durability"\? \(allowed: servers, /]],
    ['a wrong type', () => changed((_, servers) => { (servers['db2'] as Yaml)['port'] = 'many'; }),
      [/clusters\.app1\.servers\.db2\.port: "many": must be a port, 1 to 65535/]],
    ['a value that is not allowed',
      () => changed((_, servers) => { (servers['db2'] as Yaml)['candidate'] = 'always'; }),
      [/clusters\.app1\.servers\.db2\.candidate: "always": .*prefer.*allow.*never/]],
    ['a missing secret', () => changed((cluster) => {
      cluster['mysql'] = { user: 'hactl', password: `file:${join(stage.managers.dir, 'nothing-here')}` };
    }), [/clusters\.app1\.mysql\.password/, /nothing-here/]],
    ['two servers with one address', () => changed((_, servers) => { servers['db2'] = { ...servers['db1'] }; }),
      [/clusters\.app1\.servers\.db2: "127\.0\.0\.1:\d+": must be an address of its own; .*db1 has the same/]],
    ['two servers with one name', () => goodClusters.replace('      db2:', '      db1:'), [/db1/, /twice|unique|once/]],
  ];

  it.each(cases)('with %s is refused, and nothing is changed', async (_name, text, expected) => {
    const before = await version();
    for (const args of [['--yes'], ['--dry-run']]) {
      const { code, stderr, stdout } = await apply(text(), ...args);
      expect(code, stdout + stderr).toBe(exitBadConfig);
      for (const pattern of expected) expect(stderr).toMatch(pattern);
      expect(stderr).not.toMatch(/test-password|\bat .*\.js:\d+/);
    }
    expect(await version()).toBe(before);
    expect((await stage.status())?.clusters.map(({ name }) => name)).toEqual([clusterName]);
  });

  it('can be told from a good one: that one is taken, and counted', async () => {
    const before = await version();
    const { code } = await apply(changed((cluster) => { cluster['switchover'] = { max_pause: '3s' }; }), '--yes');
    expect(code).toBe(0);
    expect(await version()).toBe(before + 1);
  });

  const managerCases: readonly (readonly [string, () => string, readonly RegExp[]])[] = [
    ['two managers with one id', () => goodManager.replace('\n  m2:', '\n  m1:'), [/m1/, /twice|unique|once/]],
    ['two managers with one address', () => {
      const file = parse(goodManager) as { managers: Record<string, Yaml> };
      (file.managers['m2'] as Yaml)['rpc'] = file.managers['m1']?.['rpc'];
      return stringify(file);
    }, [/managers\.m2\.rpc: "127\.0\.0\.1:\d+": must be an address of its own; managers\.m1\.rpc has the same/]],
    ['an unknown key', () => `${goodManager}datadir: elsewhere\n`, [/datadir/, /data_dir/]],
    ['a missing secret', () => `${goodManager}token: env:HACTL_NO_SUCH_VARIABLE\n`,
      [/token/, /HACTL_NO_SUCH_VARIABLE/]],
    ['an id that is no manager', () => goodManager.replace(/^id: m1$/m, 'id: m7'), [/id: "m7": .*m1, m2, m3/]],
  ];

  it.each(managerCases)('of a manager with %s is refused before anything is made or run', async (_, text, expected) => {
    const dir = join(stage.managers.dir, 'bad');
    await mkdir(dir, { recursive: true });
    const path = join(dir, 'manager.yaml');
    await writeFile(path, text().replace(/^data_dir: .*$/m, `data_dir: ${join(dir, 'data')}`));
    for (const args of [['manager'], ['init', '--cluster-id', 'test']]) {
      const { code, stdout, stderr } = await hactlCli([...args, '--config', path]);
      expect(code, stdout + stderr).toBe(exitBadConfig);
      for (const pattern of expected) expect(stdout + stderr).toMatch(pattern);
    }
    await expect(readFile(join(dir, 'data'))).rejects.toThrow(/ENOENT/);
  });
});
