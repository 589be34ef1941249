/**
 * Programs that a test or the demo starts (servers, managers). Whatever happens to this process, they do not outlive
 * it: an exit hook kills them, and where `setpriv` exists the kernel does when this process is killed outright.
 * They are ended by their pid, never by name.
 */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants as modes, openSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface RunningProgram {
  readonly pid: number;
  /** How it ended; null while it runs. */
  readonly ended: ProgramEnd | null;
  readonly end: Promise<ProgramEnd>;
  signal(name: NodeJS.Signals): void;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  /** What it prints (both streams) is appended here. */
  readonly logPath: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const running = new Set<number>();
const ownedDirs = new Set<string>();
let isHookInstalled = false;

export function startProgram(command: string, args: readonly string[], options: ProgramOptions): RunningProgram {
  installExitHook();
  const setpriv = findOnPath('setpriv');
  const [file, argv] = setpriv === null
    ? [command, [...args]]
    : [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
  const log = openSync(options.logPath, 'a');
  const child = spawn(file, argv, {
    // A session of its own: Ctrl-C in the terminal reaches only us, and we end our programs in order.
    detached: true,
    stdio: ['ignore', log, log],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  let ended: ProgramEnd | null = null;
  const pid = child.pid;
  const end = new Promise<ProgramEnd>((resolve) => {
    const finish = (value: ProgramEnd): void => {
      ended ??= value;
      if (pid !== undefined) running.delete(pid);
      resolve(ended);
    };
    child.once('error', () => { finish({ code: 127, signal: null }); });
    child.once('exit', (code, signal) => { finish({ code, signal }); });
  });
  if (pid === undefined) throw new Error(`cannot start ${command}`);
  running.add(pid);
  return {
    pid,
    end,
    get ended() { return ended; },
    signal(name) {
      // Never to a pid that has ended: the kernel may have given it to somebody else.
      if (ended === null) child.kill(name);
    },
  };
}

/** A temporary folder that goes away with this process; those of processes that were killed go at the next start. */
export async function temporaryDir(purpose: string, parent = tmpdir()): Promise<string> {
  installExitHook();
  removeAbandonedDirs(parent);
  const dir = await mkdtemp(join(parent, `hactl-test-${process.pid}-${purpose}-`));
  ownedDirs.add(dir);
  return dir;
}

export function removeDir(dir: string): void {
  ownedDirs.delete(dir);
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

const sweptDirs = new Set<string>();

function removeAbandonedDirs(parent: string): void {
  if (sweptDirs.has(parent)) return;
  sweptDirs.add(parent);
  for (const name of readdirSync(parent)) {
    const owner = /^hactl-test-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // Somebody else's folder, or somebody else removes it: not ours to insist.
    }
  }
}

function installExitHook(): void {
  if (isHookInstalled) return;
  isHookInstalled = true;
  process.once('exit', () => {
    for (const pid of running) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Ended already.
      }
    }
    for (const dir of ownedDirs) {
      try {
        rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
      } catch {
        // The next start sweeps it.
      }
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const onSignal = (): void => {
      process.off(signal, onSignal);
      // Whoever else listens decides how this process ends; without anybody, the signal ends it, through the hook.
      if (process.listenerCount(signal) === 0) process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, onSignal);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function findOnPath(name: string): string | null {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    if (dir === '') continue;
    const file = join(dir, name);
    try {
      accessSync(file, modes.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return null;
}
