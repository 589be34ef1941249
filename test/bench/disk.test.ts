import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRamDisk, measureFdatasync, mountOf } from './disk.js';

const mounts = `/dev/vda1 / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/vdb /tmp/disk xfs rw 0 0
tmpfs /mnt/with\\040space tmpfs rw 0 0
overlay /var/lib overlay rw 0 0
`;

describe('mountOf', () => {
  it.each([
    ['/home', '/', 'ext4'],
    ['/tmp', '/tmp', 'tmpfs'],
    ['/tmp/x/y', '/tmp', 'tmpfs'],
    ['/tmpx', '/', 'ext4'],
    ['/tmp/disk/data', '/tmp/disk', 'xfs'],
    ['/mnt/with space/x', '/mnt/with space', 'tmpfs'],
  ])('%s is on %s', (path, at, type) => {
    expect(mountOf(path, mounts)).toMatchObject({ path: at, type });
  });

  it('takes the last of two mounts at one place', () => {
    const mount = mountOf('/tmp/a', `${mounts}/dev/vdc /tmp ext4 rw 0 0\n`);
    expect(mount).toEqual({ device: '/dev/vdc', path: '/tmp', type: 'ext4' });
  });

  it('knows memory from disks', () => {
    const isRam = (path: string): boolean => {
      const mount = mountOf(path, mounts);
      return mount !== null && isRamDisk(mount);
    };
    expect([isRam('/tmp'), isRam('/tmp/disk'), isRam('/var/lib/x'), isRam('/')]).toEqual([true, false, false, false]);
  });
});

describe('measureFdatasync', () => {
  it('takes as many samples as asked, and leaves nothing behind', () => {
    const directory = mkdtempSync(join(tmpdir(), 'hactl-disk-'));
    try {
      expect(measureFdatasync(directory, 5)).toHaveLength(5);
      expect(readdirSync(directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
