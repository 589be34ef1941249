/** Changes of the managers as a person makes them, with the command line; and the proof that a quorum is unharmed. */
import { expect } from 'vitest';
import type { ManagersResponse } from '../../src/http/index.js';
import { errorExitCodes } from '../../src/base/index.js';
import type { ManagerProcess } from './manager-process.js';
import { until } from './mysql-cluster.js';
import type { Stage } from './stage.js';

/** "Ask again": the leader died or handed over meanwhile, or nobody can tell yet what came of it. */
const worthAsking: readonly number[] = [errorExitCodes['not-leader'], errorExitCodes['unknown-outcome']];
const insistMs = 60_000;

export function addArgs({ id, rpcPort, httpPort }: ManagerProcess, ...more: string[]): readonly string[] {
  return ['managers', 'add', id, '--rpc', `127.0.0.1:${rpcPort}`, '--http', `127.0.0.1:${httpPort}`, ...more];
}

/** Runs a change, and again as long as it is told to: the last answer. Throws when it is refused. */
export async function insist(stage: Stage, args: readonly string[]): Promise<string> {
  const untilMs = performance.now() + insistMs;
  for (;;) {
    const { code, stdout, stderr } = await stage.hactl(...args, '--yes', '--json');
    if (code === 0) return stdout;
    if (!worthAsking.includes(code) || performance.now() > untilMs) {
      throw new Error(`hactl ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    }
  }
}

/** As the leader tells it. */
export async function managersNow(stage: Stage): Promise<ManagersResponse> {
  const { code, stdout, stderr } = await stage.hactl('managers', '--json');
  if (code !== 0) throw new Error(`hactl managers ended with ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as ManagersResponse;
}

export const votersOf = ({ managers }: ManagersResponse): readonly string[] => (
  managers.filter(({ part }) => part === 'voter').map(({ id }) => id).sort()
);

/** Until exactly these vote, nobody learns, and every one of them answers. */
export async function waitForVoters(
  stage: Stage, ids: readonly string[], timeoutMs = 30_000,
): Promise<ManagersResponse> {
  let last: ManagersResponse | null = null;
  await until(`the voters are ${ids.join(', ')}`, timeoutMs, async () => {
    last = await managersNow(stage);
    const { managers, isChanging } = last;
    return !isChanging && managers.every(({ reachable }) => reachable) && managers.length === ids.length
      && votersOf(last).join() === [...ids].sort().join();
  }).catch((thrown: unknown) => {
    throw new Error(`last seen: ${JSON.stringify(last)}`, { cause: thrown });
  });
  return last as unknown as ManagersResponse;
}

let proposals = 0;

/** The quorum commits something new. */
export async function commitSomething(stage: Stage): Promise<void> {
  proposals += 1;
  await stage.apply({ config: { switchover: { max_pause: `${5000 + proposals}ms` } } });
}

/** Runs `disturb`: leader, term and voters are the same afterwards, and the quorum commits. */
export async function expectUndisturbed(stage: Stage, disturb: () => Promise<void>): Promise<void> {
  const facts = (now: ManagersResponse): unknown => ({ leader: now.leader, term: now.term, voters: votersOf(now) });
  const before = facts(await managersNow(stage));
  await disturb();
  await commitSomething(stage);
  expect(facts(await managersNow(stage))).toEqual(before);
}

/** It ended by itself, for good, and told why in a sentence. */
export async function expectEndsForGood(manager: ManagerProcess, sentence: RegExp): Promise<void> {
  await until(`${manager.id} ends by itself`, 30_000, () => !manager.isRunning);
  expect(manager.ended).toEqual({ code: 3, signal: null });
  const words = (await manager.lastLog()).split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect(words.join('\n')).toMatch(sentence);
}
