import { describe, expect, it } from 'vitest';
import { HactlError } from '../base/index.js';
import { parseClustersConfig, requireClusterSecrets, resolvePrimaries } from './index.js';

const accounts = `
    mysql:       { user: hactl, password: file:/etc/hactl/mysql.pw }
    replication: { user: repl, password: env:REPL_PASSWORD }
`;
const good = `
clusters:
  app1:
    servers:
      db2: { host: 10.91.0.2, zone: a, candidate: prefer }
      "1": { host: 10.91.0.1, port: 3307 }
      db3: { host: "::1", candidate: never }
${accounts}`;

function errorOf(run: () => unknown): HactlError {
  try {
    run();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(HactlError);
    return thrown as HactlError;
  }
  throw new Error('was accepted');
}

const detailsOf = (text: string): readonly string[] =>
  errorOf(() => parseClustersConfig(text, 'clusters.yaml')).details;

describe('clusters.yaml', () => {
  it('fills in every default and keeps the order of the file', () => {
    expect(parseClustersConfig(good, 'clusters.yaml')).toEqual({
      app1: {
        servers: [
          { name: 'db2', host: '10.91.0.2', port: 3306, zone: 'a', candidate: 'prefer' },
          { name: '1', host: '10.91.0.1', port: 3307, zone: null, candidate: 'allow' },
          { name: 'db3', host: '::1', port: 3306, zone: null, candidate: 'never' },
        ],
        mysql: { user: 'hactl', password: 'file:/etc/hactl/mysql.pw' },
        replication: { user: 'repl', password: 'env:REPL_PASSWORD' },
        durability: 'async',
        detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
        fencing: { policy: 'best-effort' },
        switchover: { maxPauseMs: 5000 },
      },
    });
  });

  it('keeps the order of the file through an alias too', () => {
    const text = good.replace('servers:\n', 'servers: &all\n') + '  app2:\n    servers: *all\n' + accounts;
    const details = detailsOf(text);
    expect(details[0]).toMatch(/^clusters.app2.servers.1: "10.91.0.1:3307": must be an address of its own/);
  });

  it('takes durations and policies', () => {
    const text = `${good}
    detection: { interval: 500ms, confirm: 300ms, probe_timeout: 2s }
    fencing: { policy: required }
    switchover: { max_pause: 1m }
    durability: async
`;
    const [spec] = Object.values(parseClustersConfig(text, 'clusters.yaml'));
    expect(spec?.detection).toEqual({ intervalMs: 500, confirmMs: 300, probeTimeoutMs: 2000 });
    expect(spec?.fencing).toEqual({ policy: 'required' });
    expect(spec?.switchover).toEqual({ maxPauseMs: 60_000 });
  });

  it('reports every problem at once', () => {
    const text = `
clusters:
  app1:
    servers:
      db1: { host: 10.0.0.1, port: "3306", candidat: never }
      db2: { host: 10.0.0, port: 99999, candidate: maybe }
      -x: { host: a }
    mysql: "hactl:hunter2"
    replication: { user: repl, password: hunter2 }
    durability: lossless
    detection: { interval: fast }
    vip: { address: 10.0.0.9 }
    fencing: { power_off: /bin/true }
`;
    const details = detailsOf(text);
    expect(details).toEqual([
      'clusters.app1.servers.db1.port: "3306": must be a port, 1 to 65535',
      'clusters.app1.servers.db1: "candidat": unknown key; did you mean "candidate"? ' +
        '(allowed: host, port, zone, candidate)',
      'clusters.app1.servers.db2.host: "10.0.0": must be a host name or an IP address',
      'clusters.app1.servers.db2.port: 99999: must be a port, 1 to 65535',
      'clusters.app1.servers.db2.candidate: "maybe": must be one of prefer, allow, never',
      'clusters.app1.servers: "-x": a name is 1 to 48 letters, digits, "_", "." or "-", ' +
        'beginning with a letter or digit',
      'clusters.app1.mysql: (text, hidden): must be a map with the keys user, password',
      'clusters.app1.replication.password: [hidden]: must be a reference, never the secret itself: ' +
        'write file:/absolute/path or env:NAME',
      'clusters.app1.durability: "lossless": must be async; lossless comes with a later version ' +
        'and is not faked by this one',
      'clusters.app1.detection.interval: "fast": must be a duration from 100ms to 1m, such as 500ms, 1s or 2m',
      'clusters.app1.fencing: "power_off": not supported by this version yet; take it out',
      'clusters.app1: "vip": not supported by this version yet; take it out',
    ]);
    expect(JSON.stringify(details)).not.toContain('hunter2');
  });

  it('refuses two servers with one address, across clusters too', () => {
    const other = `
  app2:
    servers: { x: { host: 10.91.0.1, port: 3307 }, y: { host: DB.example }, z: { host: db.example, port: 3306 } }
${accounts}`;
    expect(detailsOf(good + other)).toEqual([
      'clusters.app2.servers.x: "10.91.0.1:3307": must be an address of its own; clusters.app1.servers.1 has the same',
      'clusters.app2.servers.z: "db.example:3306": must be an address of its own; clusters.app2.servers.y has the same',
    ]);
  });

  it('refuses a server or a cluster that is named twice, with path and lines', () => {
    expect(detailsOf(good.replace('db3:', 'db2:'))).toEqual([
      'clusters.app1.servers.db2: "db2": must be used once here; it stands in lines 5 and 7',
    ]);
  });

  it('refuses tags, merge keys, alias bombs and files that are too large', () => {
    expect(detailsOf('clusters: !!js/function "x"')[0]).toMatch(/^line 1, column 11: not valid YAML: Unresolved tag/);
    expect(detailsOf('a: &a {x: 1}\nclusters: {<<: *a}')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^clusters: "<<": /)]),
    );
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`);
    expect(detailsOf(`l0: &l0 x\n${levels.join('\n')}\n`)).toEqual([
      '(whole file): too many aliases: at most 100 may be expanded',
    ]);
    expect(detailsOf(`# ${'x'.repeat(1024 * 1024)}`)[0]).toMatch(/must be at most 1048576 bytes$/);
    expect(detailsOf('__proto__: {}\nclusters: {}')).toEqual(['(whole file): "__proto__": keys must be plain words']);
  });

  it('never repeats the text of a line that is not valid YAML', () => {
    expect(detailsOf('a: {password: *hunter2}')).toEqual(['(whole file): an alias (*name) without its anchor (&name)']);
    for (const text of ['a: "hunter2\n', 'a: !hunter2 x', 'password: @hunter2', 'a: b: hunter2', 'a: {b: hunter2\n']) {
      const details = detailsOf(text);
      expect(details.join()).toContain('not valid YAML');
      expect(details.join(), text).not.toContain('hunter2');
    }
  });
});

describe('secrets of clusters.yaml', () => {
  const clusters = parseClustersConfig(good, 'clusters.yaml');

  it('all missing ones are named by path and reference', () => {
    const source = {
      env: {},
      readFile: (): never => {
        throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      },
    };
    const error = errorOf(() => requireClusterSecrets(clusters, source));
    expect(error.code).toBe('bad-secret');
    expect(error.details).toEqual([
      'clusters.app1.mysql.password: file:/etc/hactl/mysql.pw: the file cannot be read (ENOENT)',
      "clusters.app1.replication.password: env:REPL_PASSWORD: the environment variable is not set, or empty, in the " +
        "manager's environment",
    ]);
  });

  it('a file that everybody may read is a warning', () => {
    const source = { env: { REPL_PASSWORD: 'x' }, readFile: () => ({ text: 'pw\n', mode: 0o100644 }) };
    expect(requireClusterSecrets(clusters, source)).toEqual([
      'clusters.app1.mysql.password: file:/etc/hactl/mysql.pw can be read by every user of this host; ' +
        'chmod 600 /etc/hactl/mysql.pw',
    ]);
  });
});

describe('--primary of an apply', () => {
  const clusters = parseClustersConfig(good, 'clusters.yaml');

  it('takes CLUSTER=SERVER, and SERVER alone when there is one cluster', () => {
    expect(resolvePrimaries({ app1: 'db3' }, clusters)).toEqual({ app1: 'db3' });
    expect(resolvePrimaries({ '': 'db3' }, clusters)).toEqual({ app1: 'db3' });
  });

  it('refuses names that are not in the file, and SERVER alone when there are several clusters', () => {
    expect(errorOf(() => resolvePrimaries({ app9: 'db3' }, clusters)).what).toBe('there is no cluster app9');
    expect(errorOf(() => resolvePrimaries({ app1: 'db9' }, clusters)).what).toBe('cluster app1 has no server db9');
    const two = { ...clusters, app2: Object.values(clusters)[0] as never };
    expect(errorOf(() => resolvePrimaries({ '': 'db3' }, two)).next).toContain('app1, app2');
  });
});
