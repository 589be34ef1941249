#!/usr/bin/env node
/**
 * The program `hactl`: gives the command line its process and, for the verbs that need it, the manager. The manager is
 * loaded only then, so that `hactl status` stays quick.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Daemon, Terminal } from './cli/index.js';
import { runCli } from './cli/index.js';

async function askLine(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // End of input is an answer too: none.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}

const terminal: Terminal = {
  env: process.env,
  outIsTty: process.stdout.isTTY === true,
  inIsTty: process.stdin.isTTY === true,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  ask: askLine,
  readFile: (path) => readFileSync(path, 'utf8'),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  nowMs: () => Date.now(),
  newId: randomUUID,
};

const daemon: Daemon = {
  init: async (configPath, clusterId, joining) =>
    (await import('./manager.js')).initManager(configPath, clusterId, joining),
  storeTools: async () => (await import('./manager.js')).storeTools,
  runManager: async (configPath) => {
    try {
      await (await import('./manager.js')).runManager(configPath);
    } catch (thrown) {
      // Parts that had started hold the process open; it must not look alive. A moment to print the error first.
      setTimeout(() => process.exit(), 1000).unref();
      throw thrown;
    }
  },
};

// `hactl status | head -1` ends early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runCli(process.argv.slice(2), terminal, daemon);
