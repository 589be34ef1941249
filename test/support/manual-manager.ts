/**
 * A manager that a test starts by hand on a manager.yaml that is there: with another build, under an id of its own, or
 * after somebody else stopped it. All that were started can be ended at once.
 */
import { readFile } from 'node:fs/promises';
import { startProgram, type ProgramEnd, type RunningProgram } from './child-process.js';

export interface ManualManager {
  readonly configPath: string;
  readonly program: RunningProgram;
  /** What this process has logged, as the facts of each event. */
  events(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** All that it has printed. */
  printed(): Promise<string>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<ProgramEnd>;
}

let starts = 0;

export class ManualManagers {
  readonly #started: ManualManager[] = [];

  /** `main` is the program, such as dist/main.js; `configPath` the manager.yaml. */
  start(main: string, configPath: string): ManualManager {
    starts += 1;
    const logPath = `${configPath}.${starts}.log`;
    const program = startProgram(process.execPath, [main, 'manager', '--config', configPath], { logPath });
    const printed = (): Promise<string> => readFile(logPath, 'utf8');
    const manager: ManualManager = {
      configPath,
      program,
      printed,
      events: async () => (await printed()).split('\n').filter((line) => line.startsWith('{'))
        .flatMap((line) => parsed(line)),
      stop: (signal = 'SIGTERM') => {
        program.signal(signal);
        return program.end;
      },
    };
    this.#started.push(manager);
    return manager;
  }

  /** For whoever reads of a failed test: how each one is, and the last that it said. */
  async tails(): Promise<string> {
    const tails = await Promise.all(this.#started.map(async ({ program, printed, configPath }) => (
      `--- ${configPath}, pid ${program.pid}, ended ${JSON.stringify(program.ended)}\n${(await printed()).slice(-2500)}`
    )));
    return tails.join('\n');
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#started.map((manager) => manager.stop('SIGKILL')));
  }
}

/** A last line may still be half written. */
function parsed(line: string): readonly Readonly<Record<string, unknown>>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
