/** The process of one member: started, killed, started again; when it ends by itself, its last words say why. */
import { readFileSync } from 'node:fs';
import { startProgram, type RunningProgram } from '../support/child-process.js';

const lastWordsChars = 2000;

export class MemberProcess {
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #logPath: string;
  readonly #env: NodeJS.ProcessEnv;
  #program: RunningProgram | null = null;

  constructor(command: string, args: readonly string[], logPath: string, env: NodeJS.ProcessEnv = process.env) {
    this.#command = command;
    this.#args = args;
    this.#logPath = logPath;
    this.#env = env;
  }

  get pid(): number {
    return this.#program?.pid ?? 0;
  }

  start(): void {
    this.#program = startProgram(this.#command, this.#args, { logPath: this.#logPath, env: this.#env });
  }

  /** Throws when it has ended and nobody killed it. */
  checkAlive(): void {
    const end = this.#program?.ended ?? null;
    if (end === null) return;
    const words = readFileSync(this.#logPath, 'utf8').slice(-lastWordsChars);
    throw new Error(`a member ended by itself (${end.signal ?? `exit code ${end.code}`}):\n${words}`);
  }

  async kill(): Promise<void> {
    const program = this.#program;
    this.#program = null;
    program?.signal('SIGKILL');
    await program?.end;
  }
}
