export type { Daemon } from './daemon.js';
export { runCli } from './run-cli.js';
export type { Terminal } from './terminal.js';
