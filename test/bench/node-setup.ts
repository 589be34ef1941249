/** What the benchmark tells a hactl node's process. */
import type { LoadPlan } from './load.js';

export interface NodeSetup {
  readonly id: string;
  readonly directory: string;
  readonly rpcPort: number;
  readonly clientPort: number;
  readonly members: readonly { readonly id: string; readonly rpcPort: number }[];
  readonly takesSnapshots: boolean;
}

export interface NodeLoad {
  readonly plan: LoadPlan;
  readonly valueBytes: number;
}
