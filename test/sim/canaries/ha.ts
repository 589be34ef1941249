/** One planted bug for each rule of src/ha/DESIGN.md, of the right to answer, and of who may speak. */
import type { Canary } from './canary.js';

const acting: readonly Canary[] = [
  {
    name: 'acts-without-proof',
    invariant: 'its proof of leadership',
    file: 'src/ha/session-pool.ts',
    find: 'const act = async <T>(work: () => Promise<T>): Promise<T> => {\n      await this.#proveLeadership();',
    replace: 'const act = async <T>(work: () => Promise<T>): Promise<T> => {',
  },
  {
    // The net's own servers: what src/mysql/action-lock.ts promises of real ones is tested with real ones.
    name: 'servers-take-any-epoch',
    invariant: 'at epoch',
    file: 'test/world/sim-session.ts',
    find: 'if (holder !== null && holder.fence.epoch > fence.epoch) {',
    replace: 'if (holder !== null && holder.fence.epoch < 0) {',
  },
  {
    name: 'locks-are-not-raised',
    invariant: 'deposed epoch',
    file: 'src/ha/conduct.ts',
    find: 'await raiseEpoch(context);',
    replace: '',
  },
  {
    name: 'acts-before-intent',
    invariant: 'intent',
    file: 'src/ha/run-steps.ts',
    find: 'await commitIntent(run, name);\n    return',
    replace: 'if (name !== \'freeze\') await commitIntent(run, name);\n    return',
  },
];

const log: readonly Canary[] = [
  {
    name: 'no-epoch-check',
    invariant: 'epochs',
    file: 'src/ha/operation-reducer.ts',
    find: 'if (operation.epoch !== command.epoch) {',
    replace: 'if (operation.epoch < 0) {',
  },
  {
    name: 'takeover-keeps-epoch',
    invariant: 'epochs',
    file: 'src/ha/operation-reducer.ts',
    find: 'const epoch = makeEpoch(Math.max(cluster.epoch, command.aboveEpoch) + 1);',
    replace: 'const epoch = makeEpoch(Math.max(cluster.epoch, command.aboveEpoch));',
  },
  {
    name: 'two-operations-at-once',
    invariant: 'one operation',
    file: 'src/ha/operation-reducer.ts',
    find: '  if (cluster.operation !== null) {\n    return { rejected: `${cluster.operation.id} (',
    replace: '  if (cluster.operation === undefined) {\n    return { rejected: `${cluster.name} (',
  },
  {
    name: 'rewinds-past-no-return',
    invariant: 'nothing committed says so',
    file: 'src/ha/operation-reducer.ts',
    find: 'pastNoReturn: operation.pastNoReturn || isPromote,',
    replace: 'pastNoReturn: operation.pastNoReturn,',
  },
  {
    name: 'endpoints-not-hidden',
    invariant: 'endpoints',
    file: 'src/ha/operation-reducer.ts',
    find: 'hiddenSinceIndex: hidingSteps.has(command.step)\n      ? (cluster.hiddenSinceIndex ?? stamp.index)\n'
      + '      : cluster.hiddenSinceIndex,',
    replace: 'hiddenSinceIndex: cluster.hiddenSinceIndex,',
  },
  {
    name: 'reducer-remembers-beside-the-state',
    invariant: 'equal snapshots',
    file: 'src/ha/operation-reducer.ts',
    find: '    configVersion: state.configVersion,\n    oldPrimary: command.oldPrimary,',
    replace: '    configVersion: state.configVersion + ((globalThis as { n?: number }).n = '
      + '((globalThis as { n?: number }).n ?? 0) + 1),\n    oldPrimary: command.oldPrimary,',
  },
];

const steps: readonly Canary[] = [
  {
    name: 'received-is-not-counted',
    invariant: 'survey',
    file: 'src/ha/steps/survey.ts',
    find: "return gtidSet(facts.executed).union(gtidSet(facts.replica?.received ?? ''));",
    replace: 'return gtidSet(facts.executed);',
  },
  {
    name: 'promoted-before-caught-up',
    invariant: 'lacks what was surveyed',
    file: 'src/ha/steps/catch-up.ts',
    find: 'if (missing.isEmpty()) {',
    replace: 'if (facts.executed !== \'\') {',
    also: [{
      file: 'src/ha/steps/promote.ts',
      find: 'if (!gtidSet(survey.target).isSubsetOf(gtidSet(facts.executed))) {',
      replace: 'if (facts.executed === \'\') {',
    }],
  },
  {
    name: 'receivers-go-on',
    invariant: 'liveness',
    file: 'src/ha/steps/freeze.ts',
    find: '  await session.stopReceiver();\n',
    replace: '',
  },
  {
    name: 'pause-does-not-close',
    invariant: 'two writable',
    file: 'src/ha/steps/pause-writes.ts',
    find: '      await closeGently(session, context);\n',
    replace: '',
    also: [
      {
        file: 'src/ha/steps/pause-writes.ts',
        find: 'if (!second.superReadOnly || first.executed !== second.executed) {',
        replace: 'if (second.executed === \'\') {',
      },
      {
        file: 'src/ha/steps/switchover-promote.ts',
        find: 'if (pause === null || !old.superReadOnly || ',
        replace: 'if (pause === null || ',
      },
    ],
  },
  {
    name: 'nobody-is-re-pointed',
    invariant: 're-pointed',
    file: 'src/ha/steps/re-point.ts',
    find: '      await follow(context, await context.session(server), '
      + 'context.operation().newPrimary as ServerName);\n',
    replace: '',
  },
  {
    name: 'rollback-leaves-it-closed',
    invariant: 'liveness',
    file: 'src/ha/roll-back.ts',
    find: '  if (!wasClosed && facts.readOnly) await session.openForWrites();\n',
    replace: '',
  },
  {
    name: 'takeover-waits-for-ever',
    invariant: 'liveness',
    file: 'src/ha/supervisor.ts',
    find: '    if (cluster.operation !== null) {\n',
    // Orchestrator's trap (its issue 1296): the brake that keeps a second failover back keeps back whoever resumes.
    replace: '    if (cluster.operation !== null && cluster.operation.startedBy !== ports.log.self) {\n'
      + '      await news(500);\n      return;\n    }\n    if (cluster.operation !== null) {\n',
  },
];

const endpoints: readonly Canary[] = [
  {
    name: 'publishes-without-waiting',
    invariant: 'an endpoint names',
    file: 'src/ha/steps/publish.ts',
    find: 'if (hiddenSince !== null) await context.ports.endpoints.quietSince(hiddenSince);',
    replace: '',
  },
  {
    name: 'right-lasts-too-long',
    invariant: 'an endpoint names',
    file: 'src/manager/answer-right.ts',
    find: 'this.#untilMs = Math.max(this.#untilMs, fromMs + this.#options.rightMs);',
    replace: 'this.#untilMs = Math.max(this.#untilMs, fromMs + 3 * this.#options.rightMs);',
  },
];

const verdicts: readonly Canary[] = [
  {
    name: 'one-manager-is-enough',
    invariant: 'false death',
    file: 'src/ha/verdict.ts',
    find: 'return votes.length >= seen.evidence.votersNeeded && votes.some(',
    replace: 'return votes.length >= 1 && votes.some(',
    // Each of these alone keeps a lone manager from being believed.
    also: [
      {
        file: 'src/ha/verdict.ts',
        find: 'when: (seen) => seen.evidence.voters - seen.answered.length < seen.evidence.votersNeeded,',
        replace: 'when: () => false,',
      },
      {
        file: 'src/ha/verdict.ts',
        find: "when: (seen) => replicasThat(seen, 'receiving') !== '',",
        replace: 'when: () => false,',
      },
      {
        file: 'src/ha/verdict.ts',
        find: "when: (seen) => replicasThat(seen, 'unclear') !== '',",
        replace: 'when: () => false,',
      },
    ],
  },
  {
    name: 'replicas-are-not-heard',
    invariant: 'false death',
    file: 'src/ha/verdict.ts',
    find: "when: (seen) => replicasThat(seen, 'receiving') !== '',",
    replace: 'when: () => false,',
  },
];

const identity: readonly Canary[] = [
  {
    name: 'other-store-is-let-in',
    invariant: 'identity',
    file: 'src/manager/peer-memory.ts',
    find: 'if (known !== null && storeId !== known) {',
    replace: 'if (known !== null && storeId === null) {',
  },
  {
    name: 'older-store-is-let-in',
    invariant: 'identity',
    file: 'src/manager/peer-memory.ts',
    find: '(storeGeneration ?? 0) < remembered.generation) {',
    replace: '(storeGeneration ?? 0) < 0) {',
  },
];

export const haCanaries: readonly Canary[] = [
  ...acting, ...log, ...steps, ...endpoints, ...verdicts, ...identity,
];
