/** Worker processes made from one build of the simulator, and jobs for them. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Job, JobResult } from './worker.js';

/** A plan that takes longer hangs: simulated time stands still, or a loop never ends. */
const jobWithinMs = 60_000;

export class Workers {
  readonly size: number;
  readonly #file: string;
  readonly #idle: ChildProcess[] = [];
  readonly #waiting: ((child: ChildProcess) => void)[] = [];

  constructor(file: string, size: number) {
    this.#file = file;
    this.size = size;
    for (let at = 0; at < size; at += 1) this.#idle.push(this.#create());
  }

  /** Runs one job; a worker that dies or hangs is a violation of its own. */
  async run(job: Job): Promise<JobResult> {
    const child = this.#idle.pop() ?? await new Promise<ChildProcess>((resolve) => this.#waiting.push(resolve));
    return new Promise((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), jobWithinMs);
      const settle = (result: JobResult, next: ChildProcess): void => {
        clearTimeout(timer);
        child.removeAllListeners('message').removeAllListeners('exit');
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#idle.push(next);
        else waiting(next);
        resolve(result);
      };
      child.once('message', (result) => settle(result as JobResult, child));
      child.once('exit', (code, signal) => settle(died(`code ${code}, signal ${signal}`), this.#create()));
      child.send(job);
    });
  }

  stop(): void {
    for (const child of this.#idle) child.kill();
  }

  #create(): ChildProcess {
    return fork(this.#file, { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }
}

function died(how: string): JobResult {
  const nothing = { operations: 0, failovers: 0, blocked: 0, leaderChanges: 0, steps: 0, simulatedMs: 0 };
  return {
    outcome: {
      ...nothing, acknowledged: 0, snapshots: 0, happened: {}, traceHash: '',
      violations: [`the simulator died or hung (${how})`],
    },
    trace: '',
  };
}
