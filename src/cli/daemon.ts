import type { StoreTools } from './store-tools.js';

/** The verbs that need the manager itself. It is given from outside, so that `hactl status` never loads it. */
export interface Daemon {
  /** Creates the data directory; returns the sentence to print. */
  init(configPath: string, clusterId: string): Promise<string>;
  /** Runs until it is told to stop. */
  runManager(configPath: string): Promise<void>;
  /** For the data directory of a manager that does not run. */
  storeTools(): Promise<StoreTools>;
}
