/**
 * Asks all the managers all the time who the primary is, as load balancers do, and remembers every answer with the time
 * between which it was true: asked, answered. From that follows what nobody may ever see: a manager that names a server
 * after another one had been named instead of it.
 */
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface NamedPrimary {
  readonly url: string;
  /** null: the manager answered that it names none; or did not answer. */
  readonly primary: string | null;
  readonly code: number | null;
  readonly askedMs: number;
  readonly answeredMs: number;
}

export interface PrimaryWatch {
  readonly answers: readonly NamedPrimary[];
  /** Answers that name a server although another one had been named later than it before they were even asked for. */
  takenBack(): readonly NamedPrimary[];
  /** For how long nobody named anybody between the last answer with `from` and the first with `to`. */
  namelessMs(from: string, to: string): number;
  stop(): Promise<void>;
}

const pollMs = 10;
const askLimitMs = 300;

export function watchPrimary(urls: readonly string[], cluster: string): PrimaryWatch {
  return new RunningWatch(urls, cluster);
}

class RunningWatch implements PrimaryWatch {
  readonly answers: NamedPrimary[] = [];
  readonly #cluster: string;
  readonly #loops: readonly Promise<void>[];
  readonly #agent = new Agent({ keepAlive: true });
  #isStopped = false;

  constructor(urls: readonly string[], cluster: string) {
    this.#cluster = cluster;
    this.#loops = urls.map((url) => this.#watch(url));
  }

  takenBack(): readonly NamedPrimary[] {
    const first = new Map<string, number>();
    for (const { primary, answeredMs } of this.answers) {
      if (primary !== null) first.set(primary, Math.min(answeredMs, first.get(primary) ?? Infinity));
    }
    return this.answers.filter(({ primary, askedMs }) => primary !== null && [...first].some(([other, atMs]) => (
      other !== primary && atMs > (first.get(primary) ?? Infinity) && askedMs > atMs
    )));
  }

  namelessMs(from: string, to: string): number {
    const naming = (name: string): readonly NamedPrimary[] => this.answers.filter(({ primary }) => primary === name);
    const last = Math.max(...naming(from).map(({ answeredMs }) => answeredMs));
    return Math.min(...naming(to).map(({ askedMs }) => askedMs)) - last;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  async #watch(url: string): Promise<void> {
    while (!this.#isStopped) {
      const askedMs = performance.now();
      const { code, primary } = await this.#ask(`${url}/clusters/${this.#cluster}/primary`);
      this.answers.push({ url, primary, code, askedMs, answeredMs: performance.now() });
      await pause(pollMs);
    }
  }

  #ask(address: string): Promise<{ readonly code: number | null; readonly primary: string | null }> {
    return new Promise((resolve) => {
      const asking = request(address, { agent: this.#agent, timeout: askLimitMs }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => { body += text; });
        response.on('error', () => resolve({ code: null, primary: null }));
        response.on('end', () => {
          const code = response.statusCode ?? null;
          resolve({ code, primary: code === 200 ? (JSON.parse(body) as { primary: string }).primary : null });
        });
      });
      asking.on('timeout', () => asking.destroy());
      asking.on('error', () => resolve({ code: null, primary: null }));
      asking.end();
    });
  }
}
