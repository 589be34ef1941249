/** Plays every scenario here. `UPDATE=1` writes what came out into the files: read the diff before you keep it. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Block } from './scenario-file.js';
import { parseScenario, renderScenario } from './scenario-file.js';
import { Script } from './script.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.txt')).sort();
const isUpdate = process.env['UPDATE'] === '1';

describe('raft scenarios', () => {
  it('exist', () => expect(files.length).toBeGreaterThanOrEqual(12));

  it.each(files)('%s', (name) => {
    const parts = parseScenario(readFileSync(folder + name, 'utf8'));
    const script = new Script();
    const outputs = new Map<Block, string>();
    for (const part of parts) {
      if (part.kind === 'text') continue;
      const actual = script.run(part.block.commands);
      outputs.set(part.block, actual);
      if (!isUpdate) expect(actual, `${name}:${part.block.firstLine}`).toBe(part.block.expected);
    }
    if (isUpdate) writeFileSync(folder + name, renderScenario(parts, outputs));
  });
});
