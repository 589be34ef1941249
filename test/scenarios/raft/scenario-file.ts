/** The text of a scenario: comments, and blocks of commands, `----`, expected output. A blank line ends a block. */

export interface Block {
  readonly firstLine: number;
  readonly commands: readonly string[];
  readonly expected: string;
}

const separator = '----';

export type Part = { readonly kind: 'text'; readonly line: string } | { readonly kind: 'block'; readonly block: Block };

export function parseScenario(text: string): readonly Part[] {
  const lines = text.trimEnd().split('\n');
  const parts: Part[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line === '' || line.startsWith('#')) {
      parts.push({ kind: 'text', line });
      continue;
    }
    const end = lines.findIndex((candidate, position) => position >= at && candidate === '');
    const body = lines.slice(at, end === -1 ? lines.length : end);
    const split = body.indexOf(separator);
    const commands = split === -1 ? body : body.slice(0, split);
    const expected = split === -1 ? '' : body.slice(split + 1).join('\n');
    parts.push({ kind: 'block', block: { firstLine: at + 1, commands, expected } });
    at += body.length - 1;
  }
  return parts;
}

export function renderScenario(parts: readonly Part[], outputs: ReadonlyMap<Block, string>): string {
  const texts = parts.map((part) =>
    part.kind === 'text'
      ? part.line
      : [...part.block.commands, separator, outputs.get(part.block) ?? part.block.expected].join('\n'),
  );
  return `${texts.join('\n')}\n`;
}
