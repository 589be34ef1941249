export type { Daemon, Joining } from './daemon.js';
export { runCli } from './run-cli.js';
export type {
  DumpedEntry, DumpRange, LogDump, MembersReport, PointReport, RecoveryPlanReport, RecoveryReport, StoreReport,
  StoreTarget, StoreTools,
} from './store-tools.js';
export type { Terminal } from './terminal.js';
