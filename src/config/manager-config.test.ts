import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HactlError } from '../base/index.js';
import { loadManagerConfig, parseManagerConfig } from './index.js';

const good = `
id: m1
data_dir: /var/lib/hactl
managers:
  m1: { rpc: "10.0.0.1:7400", http: "10.0.0.1:7401" }
  m2: { rpc: "10.0.0.2:7400", http: "10.0.0.2:7401" }
  m3: { rpc: "[::1]:7400", http: "[::1]:7401" }
`;

function detailsOf(text: string): readonly string[] {
  try {
    parseManagerConfig(text, 'manager.yaml');
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(HactlError);
    const error = thrown as HactlError;
    expect(error.code).toBe('bad-config');
    expect(error.exitCode).toBe(2);
    return error.details;
  }
  throw new Error('was accepted');
}

describe('manager.yaml', () => {
  it('fills in every default and listens where the others expect it', () => {
    const config = parseManagerConfig(good, 'manager.yaml');
    expect({ ...config, managers: [...config.managers.entries()] }).toEqual({
      id: 'm1',
      clusterId: null,
      dataDir: '/var/lib/hactl',
      listen: { rpc: { host: '10.0.0.1', port: 7400 }, http: { host: '10.0.0.1', port: 7401 } },
      managers: [
        ['m1', { rpc: { host: '10.0.0.1', port: 7400 }, http: { host: '10.0.0.1', port: 7401 } }],
        ['m2', { rpc: { host: '10.0.0.2', port: 7400 }, http: { host: '10.0.0.2', port: 7401 } }],
        ['m3', { rpc: { host: '::1', port: 7400 }, http: { host: '::1', port: 7401 } }],
      ],
      token: null,
      raft: { electionTimeoutMs: 1000, heartbeatMs: 100 },
      disk: { lowWaterBytes: 64 * 1024 * 1024 },
      log: { level: 'info' },
    });
  });

  it('lets a manager listen somewhere else than where the others reach it', () => {
    const config = parseManagerConfig(`${good}rpc: 0.0.0.0:7400\nraft: { election_timeout: 500ms }\n`, 'manager.yaml');
    expect(config.listen.rpc).toEqual({ host: '0.0.0.0', port: 7400 });
    expect(config.listen.http).toEqual({ host: '10.0.0.1', port: 7401 });
    expect(config.raft).toEqual({ electionTimeoutMs: 500, heartbeatMs: 100 });
  });

  it('reports every problem at once, each with path, value and what is allowed', () => {
    const details = detailsOf(`
id: m4
data_dir: 7
managers:
  m1: { rpc: "10.0.0.1:7400", http: "10.0.0.1:7401" }
  m2: { rpc: "10.0.0.1", http: "10.0.0.1:7401" }
raft: { election_timeout: 1, hartbeat: 100ms }
tls: { ca: x }
log: { level: loud }
`);
    expect(details).toEqual([
      'data_dir: 7: must be a path',
      'managers.m2.rpc: "10.0.0.1": must be host:port, such as 10.0.0.1:7400, db.example:7400 or [::1]:7400',
      'raft.election_timeout: 1: must be a duration from 50ms to 1m, such as 500ms, 1s or 2m',
      'raft: "hartbeat": unknown key; did you mean "heartbeat"? (allowed: election_timeout, heartbeat)',
      'log.level: "loud": must be one of debug, info, warn, error',
      '(whole file): "tls": not supported by this version yet; take it out',
      'id: "m4": must be one of the managers: m1, m2',
      'managers.m2.http: "10.0.0.1:7401": must be an address of its own; managers.m1.http has the same',
    ]);
  });

  it('reports two managers with one id, with the lines', () => {
    expect(detailsOf(good.replace('m3:', 'm2:'))).toEqual([
      'managers.m2: "m2": must be used once here; it stands in lines 6 and 7',
    ]);
  });

  it('reports two managers with one address', () => {
    expect(detailsOf(good.replace('10.0.0.2:7400', '10.0.0.1:7400'))).toEqual([
      'managers.m2.rpc: "10.0.0.1:7400": must be an address of its own; managers.m1.rpc has the same',
    ]);
  });

  it('says what is missing', () => {
    expect(detailsOf('id: m1\nmanagers: {}\n')).toEqual([
      'data_dir: missing: must be a path',
      'managers: empty: must name at least this manager',
    ]);
  });

  it('refuses a file that is no map, empty, or no YAML', () => {
    expect(detailsOf('')[0]).toMatch(/^\(whole file\): empty: must be a map with the keys id, /);
    expect(detailsOf('- a')[0]).toMatch(/^\(whole file\): a list: must be a map/);
    expect(detailsOf('id: [')[0]).toMatch(/^line 1, column \d+: not valid YAML: /);
  });

  it('refuses an election timeout of less than three heartbeats', () => {
    expect(detailsOf(`${good}raft: { election_timeout: 200ms }`)).toEqual([
      'raft.election_timeout: "200ms": must be at least 3 heartbeats',
    ]);
  });

  it('refuses a literal token without repeating it', () => {
    const details = detailsOf(`${good}token: hunter2-hunter2\n`);
    expect(details).toEqual([
      'token: [hidden]: must be a reference, never the secret itself: write file:/absolute/path or env:NAME',
    ]);
  });

  it('names the path and the reference of a missing secret, with exit code 2', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hactl-config-'));
    try {
      const path = join(folder, 'manager.yaml');
      writeFileSync(path, `${good.replace('/var/lib/hactl', 'data')}token: env:HACTL_TEST_TOKEN\n`);
      const source = (env: Record<string, string>) => ({ env, readFile: () => ({ text: '', mode: 0 }) });
      expect(() => loadManagerConfig(path, source({}))).toThrow(
        expect.objectContaining({
          code: 'bad-secret',
          exitCode: 2,
          details: [expect.stringMatching(/^token: env:HACTL_TEST_TOKEN: the environment variable is not set/)],
        }),
      );
      const loaded = loadManagerConfig(path, source({ HACTL_TEST_TOKEN: 'abc' }));
      expect(loaded.token?.reveal()).toBe('abc');
      expect(loaded.config.dataDir).toBe(join(folder, 'data'));
      expect(() => loadManagerConfig(join(folder, 'no.yaml'), source({}))).toThrow(/no.yaml cannot be read/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
