/**
 * One real manager as a process of its own (`node dist/main.js manager`), with a folder for its configuration, data and
 * log; and the command line as people run it. The program must have been built.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram, type ProgramEnd, type RunningProgram } from './child-process.js';

export interface ManagerProcess {
  readonly id: string;
  readonly url: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly dir: string;
  readonly configPath: string;
  readonly dataDir: string;
  readonly logPath: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** How the last process ended; null while it runs. */
  readonly ended: ProgramEnd | null;
  /** How the process that runs now, or ran last, ends. */
  readonly end: Promise<ProgramEnd>;
  /** Sends a signal. For SIGKILL and SIGTERM it also waits until the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it (again) on its data; a process that still runs is killed first. */
  restart(env?: NodeJS.ProcessEnv): Promise<void>;
  /** `hactl init` for it, with these options besides `--config` and `--cluster-id`. */
  init(...options: string[]): Promise<CliResult>;
  /** All that it printed, in all its lives. */
  log(): Promise<string>;
  /** What the process that runs now, or ran last, printed. */
  lastLog(): Promise<string>;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const mainPath = resolve(dirname(fileURLToPath(import.meta.url)), '../../dist/main.js');
const cliLimitMs = 60_000;

/** Runs `hactl ARGS` to its end; SIGKILL after a minute. */
export function hactlCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [mainPath, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => { output.stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { output.stderr += text; });
    const timer = setTimeout(() => child.kill('SIGKILL'), cliLimitMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      done({ code: code ?? -1, ...output });
    });
  });
}

export class LocalManager implements ManagerProcess {
  readonly id: string;
  readonly url: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly dir: string;
  readonly configPath: string;
  readonly dataDir: string;
  readonly logPath: string;
  readonly #clusterId: string;
  readonly #env: NodeJS.ProcessEnv;
  #process: RunningProgram | null = null;
  #lastLogAt = 0;

  constructor(
    place: { readonly id: string; readonly rpcPort: number; readonly httpPort: number },
    dir: string, clusterId: string, env: NodeJS.ProcessEnv,
  ) {
    this.id = place.id;
    this.rpcPort = place.rpcPort;
    this.httpPort = place.httpPort;
    this.url = `http://127.0.0.1:${place.httpPort}`;
    this.dir = dir;
    this.configPath = join(dir, 'manager.yaml');
    this.dataDir = join(dir, 'data');
    this.logPath = join(dir, 'manager.log');
    this.#clusterId = clusterId;
    this.#env = env;
  }

  get pid(): number {
    if (this.#process === null) throw new Error(`manager ${this.id} was never started`);
    return this.#process.pid;
  }

  get end(): Promise<ProgramEnd> {
    if (this.#process === null) throw new Error(`manager ${this.id} was never started`);
    return this.#process.end;
  }

  get ended(): ProgramEnd | null { return this.#process?.ended ?? null; }
  get isRunning(): boolean { return this.#process !== null && this.#process.ended === null; }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#process === null) return;
    this.#process.signal(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.#process.end;
  }

  async restart(env: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.kill('SIGKILL');
    this.#lastLogAt = (await this.log()).length;
    this.#process = startProgram(process.execPath, [mainPath, 'manager', '--config', this.configPath], {
      logPath: this.logPath, env: { ...process.env, ...this.#env, ...env },
    });
  }

  init(...options: string[]): Promise<CliResult> {
    return hactlCli(['init', '--config', this.configPath, '--cluster-id', this.#clusterId, ...options]);
  }

  async lastLog(): Promise<string> {
    return (await this.log()).slice(this.#lastLogAt);
  }

  log(): Promise<string> {
    return readFile(this.logPath, 'utf8').catch(() => '');
  }
}
