import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeSecretSource, parseDuration, parseHostPort, resolveSecret } from './index.js';

describe('secret references', () => {
  it('reads a file without its trailing newline, and warns only when everybody may read it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hactl-secret-'));
    try {
      const path = join(folder, 'pw');
      writeFileSync(path, ' p w \n', { mode: 0o600 });
      const { secret, warning } = resolveSecret('mysql.password', `file:${path}`, nodeSecretSource());
      expect(secret.reveal()).toBe(' p w ');
      expect(warning).toBeNull();
      writeFileSync(join(folder, 'empty'), '\n');
      expect(() => resolveSecret('mysql.password', `file:${folder}/empty`, nodeSecretSource())).toThrow(/is empty/);
      expect(() => resolveSecret('mysql.password', `file:${folder}/none`, nodeSecretSource())).toThrow(/ENOENT/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a literal without repeating it', () => {
    const source = { env: {}, readFile: () => ({ text: '', mode: 0 }) };
    for (const literal of ['hunter2', 'file:relative', 'env:', 'env:A B', 'vault:x']) {
      let message = '';
      try {
        resolveSecret('mysql.password', literal, source);
      } catch (thrown) {
        message = JSON.stringify(thrown) + String(thrown);
      }
      expect(message).toContain('mysql.password: [hidden]');
      expect(message).not.toContain('hunter2');
    }
  });
});

describe('durations and addresses', () => {
  it('takes only what is written with a unit', () => {
    expect(['500ms', '1s', '1.5s', '2m', '1h'].map(parseDuration)).toEqual([500, 1000, 1500, 120_000, 3_600_000]);
    expect(['', '1', '-1s', '1 s', '1d', '1e3ms', 's'].map(parseDuration)).toEqual(Array(7).fill(null));
  });

  it('takes host:port, IPv6 in brackets only', () => {
    expect(parseHostPort('[fe80::1]:80')).toEqual({ host: 'fe80::1', port: 80 });
    expect(parseHostPort('db-1.example:3306')).toEqual({ host: 'db-1.example', port: 3306 });
    for (const bad of ['::1:80', 'a', 'a:', ':1', 'a:0', 'a:65536', '[a]:1', '1.2.3:1', 'a b:1', 'http://a:1']) {
      expect(parseHostPort(bad), bad).toBeNull();
    }
  });
});
