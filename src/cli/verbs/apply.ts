/** `hactl apply FILE`: the plan, a question, the change. The file is checked by the managers, so all agree on it. */
import { errorMessage, HactlError } from '../../base/index.js';
import type { ApplyRequest, ApplyResponse } from '../../http/api-types.js';
import type { VerbContext } from '../context.js';
import { printJson, say } from '../context.js';
import { limits } from '../limits.js';
import { isAgreed, requireAnswerable } from '../question.js';
import type { Terminal } from '../terminal.js';

export interface ApplyOptions {
  readonly file: string;
  /** As given: CLUSTER=SERVER or SERVER. */
  readonly primaries: readonly string[];
  readonly dryRun: boolean;
  readonly yes: boolean;
}

function readConfig(terminal: Terminal, file: string): string {
  let text: string;
  try {
    text = terminal.readFile(file);
  } catch (thrown) {
    throw new HactlError({ code: 'bad-config', what: `${file} cannot be read`, why: errorMessage(thrown) });
  }
  if (Buffer.byteLength(text) <= limits.applyFileBytesMax) return text;
  throw new HactlError({
    code: 'bad-config',
    what: `${file} is too large`,
    why: `it has more than ${limits.applyFileBytesMax} bytes`,
  });
}

/** The empty key stands for the only cluster of the file, which only the managers know. */
export function parsePrimaries(given: readonly string[]): Readonly<Record<string, string>> {
  const primaries: Record<string, string> = {};
  for (const text of given) {
    const at = text.indexOf('=');
    const [cluster, server] = at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
    if (server === '' || (at >= 0 && cluster === '') || Object.hasOwn(primaries, cluster)) {
      throw new HactlError({
        code: 'bad-request',
        what: `--primary ${text} cannot be taken`,
        why: 'it must be CLUSTER=SERVER, once for each cluster, or SERVER when there is one cluster',
      });
    }
    primaries[cluster] = server;
  }
  return primaries;
}

export async function applyConfig(context: VerbContext, options: ApplyOptions): Promise<number> {
  const { terminal, link } = context;
  const config = readConfig(terminal, options.file);
  const primaries = parsePrimaries(options.primaries);
  if (!options.dryRun) requireAnswerable(terminal, options.yes);
  const ask = (dryRun: boolean): Promise<ApplyResponse> => {
    const body: ApplyRequest = { config, primaries, dryRun, requestId: terminal.newId() };
    return link.post<ApplyResponse>('/apply', body);
  };
  const listed = (response: ApplyResponse): string =>
    response.changes.length === 0 ? '  nothing changes\n' : response.changes.map((line) => `  ${line}\n`).join('');

  if (options.dryRun || !options.yes) {
    const plan = await ask(true);
    if (options.dryRun && context.json) printJson(terminal, plan);
    else say(context, `plan for ${options.file}:\n${listed(plan)}`);
    if (options.dryRun) return 0;
    if (!(await isAgreed(terminal, options.yes, 'apply this?'))) {
      throw new HactlError({ code: 'refused', what: 'not applied', why: 'the question was not answered with yes' });
    }
  }
  const done = await ask(false);
  if (context.json) printJson(terminal, done);
  else terminal.out(`applied ${options.file} as configuration version ${done.configVersion}:\n${listed(done)}`);
  return 0;
}
