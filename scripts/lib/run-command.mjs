/** Runs a program to its end; what it printed comes back, or an error with the first and last lines of it. */
import { spawn } from 'node:child_process';

const keptChars = 1_000_000;
const shownChars = 2000;

export function run(command, args, { timeoutMs = 60_000, env = process.env, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd });
    let output = '';
    const collect = (chunk) => {
      output = (output + chunk.toString()).slice(-keptChars);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      const missing = error.code === 'ENOENT' ? `${command} is not installed` : error.message;
      reject(new Error(`cannot run ${command}: ${missing}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(output);
      const end = code === null ? `ended by ${signal} (limit ${timeoutMs} ms)` : `exit code ${code}`;
      reject(new Error(`${command} ${args.at(-1) ?? ''}: ${end}\n${shorten(output)}`));
    });
  });
}

/** Some programs say what is wrong first and explain themselves for pages, others the other way round. */
function shorten(text) {
  if (text.length <= 2 * shownChars) return text;
  return `${text.slice(0, shownChars)}\n[...]\n${text.slice(-shownChars)}`;
}
