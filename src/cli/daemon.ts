import type { StoreTools } from './store-tools.js';

/** How a new manager comes among the others. */
export interface Joining {
  /** The others run already, and will tell it who they are. */
  readonly join: boolean;
  /** Of managers that went on after a lost quorum; null: they never did. */
  readonly lineage: string | null;
}

/** The verbs that need the manager itself. It is given from outside, so that `hactl status` never loads it. */
export interface Daemon {
  /** Creates the data directory; returns the sentences to print. */
  init(configPath: string, clusterId: string, joining: Joining): Promise<string>;
  /** Runs until it is told to stop. */
  runManager(configPath: string): Promise<void>;
  /** For the data directory of a manager that does not run. */
  storeTools(): Promise<StoreTools>;
}
