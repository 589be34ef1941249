/**
 * The loop of a conducted operation: commit the intent, run the step, commit its result, next; until it is done, rolled
 * back, or this manager is not the one to act any more (ReignEnded). What fails is tried again from its first look;
 * what goes on failing is shown as blocked, and tried again when something changed. No path through this loop is hot:
 * each repetition waits, longer each time, because every entry stays in the log.
 */
import { ActionError } from '../base/index.js';
import { limits } from './limits.js';
import type { HaPorts } from './ports.js';
import { proposeOn, reportOn } from './propose.js';
import { lackedBy, rollBack } from './roll-back.js';
import { stepOf } from './steps/index.js';
import type { StepContext, StepOutcome } from './steps/index.js';
import { stepsOf } from './state.js';
import type { FormerServers, Operation, StepName } from './state.js';
import { timing } from './timing.js';

export interface Run {
  readonly ports: HaPorts;
  readonly context: StepContext;
  /** Resolves at the next observation or entry that may concern the cluster, or after `withinMs`. */
  readonly news: (withinMs: number) => Promise<void>;
  /** Another text after a change that may unblock: what is seen of each server, without times. */
  readonly situation: () => string;
}

type Attempt = StepOutcome | { readonly kind: 'failed'; readonly reason: string };

export async function runSteps(run: Run): Promise<void> {
  const { clock } = run.ports;
  let failures = 0;
  let pauses = 0;
  for (;;) {
    try {
      const turn = await takeTurn(run);
      if (turn.kind === 'ended') return;
      if (turn.kind === 'went-on') {
        failures = 0;
        continue;
      }
      failures += 1;
      const isTriedAgain = turn.kind === 'failed' && failures < timing.attemptsBeforeBlocked;
      if (isTriedAgain) await clock.sleep(timing.retryMs);
      else await block(run, turn.reason, (pauses += 1));
    } catch (thrown) {
      // A proposal that the log would not take (too large, too many waiting), or a server outside of any step.
      if (!(thrown instanceof ActionError)) throw thrown;
      report(run, 'operation-hindered', thrown.message, {});
      await clock.sleep(pauseMs((pauses += 1)));
    }
  }
}

type Turn =
  | { readonly kind: 'ended' }
  | { readonly kind: 'went-on' }
  | { readonly kind: 'failed' | 'blocked'; readonly reason: string };

async function takeTurn(run: Run): Promise<Turn> {
  const { context } = run;
  const operation = context.operation();
  if (operation.phase === 'rolling-back') return takeBack(run);
  const step = stepsOf(operation.kind)[operation.cursor];
  if (step === undefined) {
    await end(run, 'done', `${operation.newPrimary ?? ''} is the primary`);
    return { kind: 'ended' };
  }
  const outcome = await attempt(run, step);
  if (outcome.kind === 'failed' || outcome.kind === 'blocked') return outcome;
  try {
    await commit(run, step, outcome);
  } catch (thrown) {
    // The log does not take the result. A write pause is not prolonged over that; anything else is tried again.
    if (!(thrown instanceof ActionError)) throw thrown;
    if (!isWritePause(operation)) return { kind: 'failed', reason: `${step}: ${thrown.message}` };
    await commit(run, step, { kind: 'roll-back', reason: thrown.message });
  }
  if (outcome.kind === 'rewind' && context.operation().rewinds > limits.rewindsMax) {
    return { kind: 'blocked', reason: outcome.reason };
  }
  return { kind: 'went-on' };
}

async function attempt(run: Run, name: StepName): Promise<Attempt> {
  const { context } = run;
  const step = stepOf(context.operation().kind, name);
  try {
    if (!context.operation().pastNoReturn && step.lastLook !== undefined) {
      const objection = await withinPause(run, step.lastLook(context));
      if (objection !== null) return objection;
    }
    await commitIntent(run, name);
    return context.operation().pastNoReturn ? await step.run(context) : await withinPause(run, step.run(context));
  } catch (thrown) {
    if (!(thrown instanceof ActionError)) throw thrown;
    if (isWritePause(context.operation())) return { kind: 'roll-back', reason: thrown.message };
    return { kind: 'failed', reason: `${name}: ${thrown.message}` };
  }
}

/** Of a switchover before `promote`: never prolonged by trying again. (In `check` nothing was touched yet.) */
function isWritePause({ kind, pastNoReturn }: Operation): boolean {
  return kind === 'switchover' && !pastNoReturn;
}

/**
 * Inside a write pause whatever is under way is given up when the pause is used up. Its sessions are closed, so that
 * what it still wants to send goes nowhere; what it had sent, the rollback finds by looking.
 */
async function withinPause<T>(run: Run, work: Promise<T>): Promise<T | StepOutcome> {
  const { context, ports } = run;
  const { deadlineMs } = context;
  if (deadlineMs === null) return work;
  const late = ports.clock.sleep(Math.max(0, deadlineMs - ports.clock.nowMs())).then((): StepOutcome => {
    return { kind: 'roll-back', reason: `the write pause of ${context.spec.switchover.maxPauseMs} ms is used up` };
  });
  let isOver = false;
  const watched = work.then(
    (value) => {
      isOver = true;
      return value;
    },
    (thrown: unknown) => {
      // Given up already: the end of its sessions is what it failed of.
      if (isOver) return null as never;
      isOver = true;
      throw thrown as Error;
    },
  );
  const first = await Promise.race([watched, late]);
  if (!isOver) {
    isOver = true;
    context.dropSessions();
  }
  return first;
}

/**
 * How long the log may refuse what goes on with a write pause; undefined: no pause runs. Only the refusals count: what
 * the log took and does not commit holds up the rollback, which has to be committed too, just as long.
 */
function restOfPauseMs({ context, ports }: Run): number | undefined {
  if (context.deadlineMs === null || !isWritePause(context.operation())) return undefined;
  return Math.max(0, context.deadlineMs - ports.clock.nowMs());
}

/** Once per run of a step: trying again at the same epoch needs no second entry. */
async function commitIntent(run: Run, step: StepName): Promise<void> {
  const operation = run.context.operation();
  const last = operation.journal.at(-1);
  if (last?.step === step && last.finishedAtMs === null && last.epoch === operation.epoch) return;
  const command = { kind: 'step-started', step, newPrimary: operation.newPrimary } as const;
  await proposeOn(run.ports, operation, command, restOfPauseMs(run));
  report(run, 'step-started', `${step} of ${operation.id}`, { step });
}

async function commit(run: Run, step: StepName, outcome: Exclude<StepOutcome, { kind: 'blocked' }>): Promise<void> {
  const operation = run.context.operation();
  if (outcome.kind === 'finished') {
    const { result, summary, newPrimary } = outcome;
    const command = { kind: 'step-finished', step, result, summary, newPrimary } as const;
    await proposeOn(run.ports, operation, command, restOfPauseMs(run));
    report(run, 'step-finished', `${step}: ${summary}`, { step });
  } else if (outcome.kind === 'rewind') {
    await proposeOn(run.ports, operation, { kind: 'operation-rewound', to: outcome.to, reason: outcome.reason });
    report(run, 'operation-rewound', `back to ${outcome.to}: ${outcome.reason}`, { step });
  } else {
    await proposeOn(run.ports, operation, { kind: 'rollback-started', reason: outcome.reason });
    report(run, 'rollback-started', outcome.reason, { step });
  }
}

/** Shows why nothing happens, waits for a change, and looks whether the reason to act is still there. */
async function block(run: Run, reason: string, pauses: number): Promise<void> {
  const { context, ports } = run;
  const operation = context.operation();
  if (operation.phase === 'rolling-back') return waitForChange(run, pauses);
  if (operation.phase !== 'blocked' || operation.reason !== reason) {
    await proposeOn(ports, operation, { kind: 'operation-blocked', reason });
    report(run, 'operation-blocked', reason, {});
  }
  await waitForChange(run, pauses);
  const now = context.operation();
  if (now.pastNoReturn || now.kind !== 'failover') return;
  const isHealthy = (await context.judge()).kind === 'Healthy';
  if (isHealthy && (await isWhole(run))) {
    const why = `${now.oldPrimary} answers again while the failover is blocked (${reason})`;
    await proposeOn(ports, now, { kind: 'rollback-started', reason: why });
    return;
  }
  // What was frozen and surveyed is old by now; an old primary that answers can be fenced, and be a source itself.
  const to = isHealthy ? 'fence' : 'freeze';
  if (now.cursor > stepsOf('failover').indexOf(to)) {
    await proposeOn(ports, now, { kind: 'operation-rewound', to, reason });
  }
}

/** Does the old primary, looked at now, hold all that replicas have? No answer is no. */
async function isWhole({ context, ports }: Run): Promise<boolean> {
  try {
    const { oldPrimary } = context.operation();
    const server = context.sessions.serverSpec(oldPrimary);
    const facts = await ports.servers.look(context.spec, server, context.spec.detection.probeTimeoutMs);
    return lackedBy(context, facts) === null;
  } catch (thrown) {
    if (!(thrown instanceof ActionError)) throw thrown;
    return false;
  }
}

function pauseMs(pauses: number): number {
  return Math.min(timing.blockedRetryMaxMs, timing.blockedRetryMs * 2 ** Math.min(pauses - 1, 10));
}

/** Ends early when what is seen of the servers changes, but not before the shortest pause. */
async function waitForChange(run: Run, pauses: number): Promise<void> {
  const { clock } = run.ports;
  const before = run.situation();
  const startedAtMs = clock.nowMs();
  await clock.sleep(timing.blockedRetryMs);
  while (run.situation() === before) {
    const restMs = pauseMs(pauses) - (clock.nowMs() - startedAtMs);
    if (restMs < 1) return;
    await run.news(restMs);
    // Whoever is not the leader any more must not wait here.
    run.context.operation();
  }
}

/** Ends only when the primary is as it was: nobody else would open it. Unless it is dead, and needs a failover. */
async function takeBack(run: Run): Promise<Turn> {
  const { context, ports } = run;
  const operation = context.operation();
  const { isPrimaryRestored, unrestored, sentence } = await rollBack(context);
  const [cause = ''] = operation.reason.split(waitsFor);
  if (isPrimaryRestored || (await context.judge()).kind === 'DeadPrimary') {
    await end(run, 'rolled-back', `${cause}: ${sentence}`, unrestored);
    return { kind: 'ended' };
  }
  const reason = `${cause}${waitsFor}${sentence}`;
  if (operation.reason !== reason) await proposeOn(ports, operation, { kind: 'rollback-started', reason });
  return { kind: 'blocked', reason };
}

const waitsFor = '; the rollback goes on: ';

async function end(
  run: Run,
  outcome: 'done' | 'rolled-back',
  summary: string,
  unrestored: FormerServers | null = null,
): Promise<void> {
  const operation = run.context.operation();
  await proposeOn(run.ports, operation, { kind: 'operation-finished', outcome, unrestored, summary });
  reportOn(run.ports, operation, 'operation-finished', `${operation.id} ${outcome}: ${summary}`, { outcome });
}

function report(run: Run, kind: string, sentence: string, facts: Readonly<Record<string, unknown>>): void {
  reportOn(run.ports, run.context.operation(), kind, sentence, facts);
}
