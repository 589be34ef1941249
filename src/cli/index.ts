export type { Daemon, Joining } from './daemon.js';
export { runCli } from './run-cli.js';
export type { Terminal } from './terminal.js';
