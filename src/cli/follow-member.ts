/**
 * Follows a manager that was added until it votes (and until the one that it replaces is gone), over any manager. The
 * managers go on by themselves, so whoever waits here in vain is told that, and not that it failed.
 */
import { errorMessage, HactlError } from '../base/index.js';
import type { ManagerMember, ManagersResponse } from '../http/api-types.js';
import type { VerbContext } from './context.js';
import { say } from './context.js';
import { limits } from './limits.js';

export interface Followed {
  readonly id: string;
  readonly replaces: string | null;
  /** It was added just now: that it votes is worth saying. */
  readonly isNew: boolean;
}

/** A leader's answer first: it alone knows how far the others have come. */
export function getManagers(context: VerbContext): Promise<ManagersResponse> {
  return context.link.get<ManagersResponse>(
    '/managers',
    (answer) => answer.quorum?.has === true && answer.leader === answer.manager,
    (answer) => answer.quorum?.has === true,
  );
}

interface Stage {
  readonly isDone: boolean;
  /** What it waits for, in words. */
  readonly words: string;
  /** Grows while it comes nearer. */
  readonly progress: number;
}

function stageOf({ managers, isChanging }: ManagersResponse, { id, replaces }: Followed): Stage {
  const member = managers.find((one) => one.id === id);
  if (member === undefined) return { isDone: false, words: `${id} is not on the list that was seen`, progress: 0 };
  if (member.part === 'learner') return learnerStage(member);
  const isOldThere = replaces !== null && managers.some((one) => one.id === replaces);
  if (isOldThere) return { isDone: false, words: `${id} votes; ${replaces} is to be removed`, progress: 3 };
  const words = replaces === null ? `${id} votes` : `${id} votes, and ${replaces} is gone`;
  return { isDone: !isChanging, words, progress: 4 };
}

function learnerStage({ id, reachable, behind, isReceivingSnapshot }: ManagerMember): Stage {
  if (!reachable) {
    const words = `${id} does not answer yet: is it started, with the others in its manager.yaml?`;
    return { isDone: false, words, progress: 0 };
  }
  if (isReceivingSnapshot) return { isDone: false, words: `${id} receives a snapshot`, progress: 1 };
  const lack = behind === null || behind === 0 ? '' : `, ${behind} entries behind`;
  // Fewer entries behind is progress too.
  return { isDone: false, words: `${id} catches up${lack}`, progress: 2 - Math.min(1, (behind ?? 0) / 1e9) };
}

/** Throws `unknown-outcome` when it does not vote within the patience of this program. */
export async function followMember(context: VerbContext, followed: Followed): Promise<ManagersResponse> {
  const { terminal } = context;
  const startMs = terminal.nowMs();
  let progressMs = startMs;
  let best = -1;
  let saidMs = -Infinity;
  let words = '';
  for (;;) {
    try {
      const answer = await getManagers(context);
      if (answer.removed.includes(followed.id)) throw removedMeanwhile(followed.id);
      const stage = stageOf(answer, followed);
      const nowMs = terminal.nowMs();
      const isWorthSaying = stage.isDone ? followed.isNew || best >= 0 : nowMs - saidMs >= limits.sayEveryMs;
      if (stage.words !== words && isWorthSaying) {
        say(context, `  ${stage.words}\n`);
        saidMs = nowMs;
      }
      words = stage.words;
      if (stage.isDone) return answer;
      if (stage.progress > best) progressMs = nowMs;
      best = Math.max(best, stage.progress);
    } catch (thrown) {
      if (!(thrown instanceof HactlError) || thrown.code === 'refused') throw thrown;
      words = errorMessage(thrown);
    }
    const nowMs = terminal.nowMs();
    if (nowMs - progressMs > limits.memberSilenceMs || nowMs - startMs > limits.followMs) throw notYet(followed, words);
    await terminal.sleep(limits.pollMs);
  }
}

function removedMeanwhile(id: string): HactlError {
  return new HactlError({
    code: 'refused',
    what: `${id} was removed again before it voted`,
    next: 'its id can never be used again: add it under another one, with an empty data_dir',
  });
}

function notYet({ id, replaces }: Followed, words: string): HactlError {
  const then = replaces === null ? 'votes' : `votes, and ${replaces} is removed,`;
  return new HactlError({
    code: 'unknown-outcome',
    what: `${id} was added, and does not vote yet`,
    why: words,
    next: `it goes on without this program: ${id} ${then} as soon as it has caught up; \`hactl managers\` shows it`,
  });
}
