/** The disk under the benchmark: which it is, that it is one, and how long it takes to make 4 KiB durable. */
import { closeSync, fdatasyncSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from './numbers.js';

export interface Mount {
  readonly device: string;
  readonly path: string;
  readonly type: string;
}

const pageBytes = 4096;
/** Their "disk" is memory, or somewhere else: a synced write there says nothing. */
const ramTypes = new Set(['tmpfs', 'ramfs', 'devtmpfs', 'hugetlbfs']);

/** The mount that `path` (absolute, without links) is on, from the text of /proc/mounts. The last one on top wins. */
export function mountOf(path: string, mountsText: string): Mount | null {
  let found: Mount | null = null;
  for (const line of mountsText.split('\n')) {
    const [device, escaped, type] = line.split(' ');
    if (device === undefined || escaped === undefined || type === undefined) continue;
    const at = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    const isAbove = at === '/' || path === at || path.startsWith(`${at}/`);
    if (isAbove && at.length >= (found?.path.length ?? 0)) found = { device, path: at, type };
  }
  return found;
}

export function isRamDisk(mount: Mount): boolean {
  return ramTypes.has(mount.type);
}

/** Throws an Error for the person who chose the directory. */
export function realDiskOf(directory: string): Mount {
  const path = realpathSync(directory);
  const mount = mountOf(path, readFileSync('/proc/mounts', 'utf8'));
  if (mount === null) throw new Error(`${directory}: /proc/mounts does not say what it is on`);
  if (isRamDisk(mount)) {
    throw new Error(`${directory} is on ${mount.path} (${mount.type}), which is memory: a sync costs nothing there, so`
      + ' the numbers would mean nothing. Name a directory on a real disk with --dir.');
  }
  return mount;
}

/** Milliseconds of `count` appends of 4 KiB, each with its fdatasync. */
export function measureFdatasync(directory: string, count: number): readonly number[] {
  const path = join(directory, 'fdatasync-probe');
  const file = openSync(path, 'w');
  const page = new Uint8Array(pageBytes).fill(1);
  try {
    return Array.from({ length: count }, () => {
      const startMs = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      return performance.now() - startMs;
    });
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

export interface DiskSpeed {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

export function diskSpeedOf(samples: readonly number[]): DiskSpeed {
  return { p50Ms: percentile(samples, 0.5), p99Ms: percentile(samples, 0.99), samples: samples.length };
}
