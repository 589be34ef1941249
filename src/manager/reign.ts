/**
 * One reign: what a manager does from winning an election until it leads no more. A supervisor per declared cluster,
 * started as clusters appear. When the reign is over nothing of it acts again: every supervisor looks at `isReigning`
 * and proves leadership before it touches a server.
 */
import type { ClusterName, Term } from '../base/index.js';
import { Supervisor } from '../ha/index.js';
import type { HaPorts, HaState, ObservationTable } from '../ha/index.js';
import type { News } from './news.js';

export interface ReignOptions {
  readonly term: Term;
  readonly ports: HaPorts;
  readonly table: ObservationTable;
  readonly news: News;
  /** A supervisor failed with something that is no expected outcome: a bug. */
  readonly onBug: (thrown: unknown) => void;
}

export class Reign {
  readonly term: Term;
  readonly #options: ReignOptions;
  readonly #supervisors = new Map<ClusterName, Supervisor>();
  #isOver = false;

  constructor(options: ReignOptions) {
    this.term = options.term;
    this.#options = options;
  }

  get ports(): HaPorts {
    return this.#options.ports;
  }

  get table(): ObservationTable {
    return this.#options.table;
  }

  supervisor(cluster: string): Supervisor | null {
    return this.#supervisors.get(cluster as ClusterName) ?? null;
  }

  /** Starts a supervisor for each declared cluster that has none. */
  follow(state: HaState): void {
    if (this.#isOver) return;
    for (const { name } of Object.values(state.clusters)) {
      if (this.#supervisors.has(name)) continue;
      const { ports, table, news, onBug } = this.#options;
      const supervisor = new Supervisor({
        ports,
        cluster: name,
        table,
        isReigning: () => !this.#isOver,
        news: (withinMs) => news.wait(withinMs),
      });
      this.#supervisors.set(name, supervisor);
      void supervisor.run().then(
        () => this.#supervisors.delete(name),
        (thrown: unknown) => onBug(thrown),
      );
    }
  }

  end(): void {
    this.#isOver = true;
    this.#options.news.announce();
  }
}
