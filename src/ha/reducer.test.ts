import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterName, epoch, managerId, operationId, serverName } from '../base/index.js';
import type { ClusterSpec } from './cluster-spec.js';
import type { Command } from './commands.js';
import { limits } from './limits.js';
import { reduce } from './reducer.js';
import { emptyState, failoverSteps, stepsOf, switchoverSteps } from './state.js';
import type { ClusterState, HaState, OperationKind, StepName } from './state.js';

const app1 = clusterName('app1');
const [db1, db2, db3] = ['db1', 'db2', 'db3'].map(serverName) as [
  ReturnType<typeof serverName>, ReturnType<typeof serverName>, ReturnType<typeof serverName>,
];
const [m1, m2] = [managerId('m1'), managerId('m2')];
const op1 = operationId('op-1');

function spec(names: readonly string[] = ['db1', 'db2', 'db3'], confirmMs = 1000): ClusterSpec {
  return {
    servers: names.map((name) => ({
      name: serverName(name), host: name, port: 3306, zone: null, candidate: 'allow' as const,
    })),
    mysql: { user: 'u', password: 'env:A' },
    replication: { user: 'r', password: 'env:B' },
    durability: 'async',
    detection: { intervalMs: 1000, confirmMs, probeTimeoutMs: 1000 },
    fencing: { policy: 'best-effort' },
    switchover: { maxPauseMs: 5000 },
  };
}

const ended = { kind: 'operation-finished', unrestored: null } as const;

/** A log: applies commands one after the other, and remembers the last answer. */
class Log {
  state: HaState = emptyState;
  index = 0;
  reason: string | null = null;

  constructor() {
    this.apply({ app1: spec() }, { app1: db1 });
  }

  say(command: Command): this {
    this.index += 1;
    const { state, result } = reduce(this.state, command, { index: this.index, timeMs: 1000 + this.index });
    this.state = state;
    this.reason = result.ok ? null : result.reason;
    return this;
  }

  apply(
    clusters: Readonly<Record<string, ClusterSpec>>,
    primaries: Readonly<Record<string, ReturnType<typeof serverName>>> = {},
    basedOnVersion = this.state.configVersion,
  ): this {
    return this.say({ kind: 'config-applied', clusters, primaries, basedOnVersion });
  }

  start(operationKind: OperationKind = 'failover', operation = op1, oldPrimary = db1): this {
    return this.say({
      kind: 'operation-started', operationKind, cluster: app1, operation, by: m1, oldPrimary, requestedTarget: null,
      summary: 'test',
    });
  }

  get on(): { cluster: typeof app1; operation: typeof op1; epoch: ReturnType<typeof epoch>; by: typeof m1 } {
    const id = this.cluster.operation?.id ?? op1;
    return { cluster: app1, operation: id, epoch: this.cluster.epoch, by: m1 };
  }

  begin(step: StepName): this {
    return this.say({ kind: 'step-started', step, newPrimary: this.cluster.operation?.newPrimary ?? null, ...this.on });
  }

  end(step: StepName, newPrimary: typeof db1 | null = null): this {
    return this.say({ kind: 'step-finished', step, result: { step }, summary: step, newPrimary, ...this.on });
  }

  step(step: StepName): this {
    this.begin(step).end(step, step === 'choose' || step === 'check' ? db2 : null);
    if (this.reason !== null) throw new Error(this.reason);
    return this;
  }

  /** Runs the steps before `step`. */
  upTo(step: StepName): this {
    const { kind } = this.cluster.operation ?? { kind: 'failover' as const };
    const steps = stepsOf(kind);
    for (const name of steps.slice(0, steps.indexOf(step))) {
      this.begin(name);
      if (name === 'publish') this.publish();
      this.end(name, name === 'choose' || name === 'check' ? db2 : null);
    }
    return this;
  }

  publish(primary = db2): this {
    return this.say({ kind: 'primary-changed', primary, ...this.on });
  }

  rewind(to: StepName): this {
    return this.say({ kind: 'operation-rewound', to, reason: '', ...this.on });
  }

  takeOver(): this {
    const { operation, epoch: fromEpoch } = this.on;
    return this.say({
      kind: 'operation-taken-over', cluster: app1, operation, by: m2, fromEpoch, aboveEpoch: epoch(0),
    });
  }

  finish(outcome: 'done' | 'rolled-back' = 'done'): this {
    return this.say({ ...ended, outcome, summary: `all is ${outcome}`, ...this.on });
  }

  /** A whole operation. */
  run(kind: OperationKind, operation = op1): this {
    this.start(kind, operation, this.cluster.primary).upTo('finish').step('finish');
    return this.finish();
  }

  get cluster(): ClusterState {
    return this.state.clusters['app1'] as ClusterState;
  }
}

/** Everything but the time of the last entry, which every entry moves. */
const withoutTime = ({ timeMs: _, ...rest }: HaState): unknown => rest;

function expectRejected(log: Log, say: (log: Log) => void, reason: RegExp): void {
  const before = log.state;
  say(log);
  expect(log.reason).toMatch(reason);
  expect(withoutTime(log.state)).toEqual(withoutTime(before));
}

describe('one operation', () => {
  it.each(['failover', 'switchover'] as const)('a %s runs its steps in order', (kind) => {
    const log = new Log().run(kind);
    expect(log.reason).toBeNull();
    const [ended] = log.cluster.history;
    expect(ended?.journal.map(({ step }) => step)).toEqual(stepsOf(kind));
    expect(ended).toMatchObject({ phase: 'done', oldPrimary: db1, newPrimary: db2, endedAtMs: log.state.timeMs });
    expect(log.cluster).toMatchObject({ primary: db2, operation: null, hiddenSinceIndex: null });
    expect(log.cluster.awaitingRejoin).toEqual(kind === 'failover' ? [db1] : []);
  });

  it('is started once: the same id again changes nothing, while it runs and after', () => {
    const log = new Log().start();
    const before = withoutTime(log.state);
    log.start();
    expect([log.reason, withoutTime(log.state)]).toEqual([null, before]);
    log.upTo('finish').step('finish').finish();
    const after = withoutTime(log.state);
    log.start();
    expect([log.reason, withoutTime(log.state)]).toEqual([null, after]);
  });

  it('keeps any other from starting', () => {
    expectRejected(new Log().start(), (log) => log.start('switchover', operationId('op-2')), /op-1 .* is running/);
  });

  it('is about the primary that was judged', () => {
    expectRejected(new Log(), (log) => log.start('failover', op1, db2), /the primary of app1 is db1 by now, not db2/);
  });

  it.each([...failoverSteps.keys()])('takes only its next step (%i)', (cursor) => {
    const next = failoverSteps[cursor] as StepName;
    for (const other of failoverSteps.filter((step) => step !== next)) {
      const log = new Log().start().upTo(next);
      expectRejected(log, (one) => one.begin(other), new RegExp(`the next step is ${next}, not ${other}`));
    }
  });

  it('ends a step only once it was begun, at the same epoch', () => {
    expectRejected(new Log().start(), (log) => log.end('confirm'), /confirm is not running/);
    const log = new Log().start().begin('confirm').takeOver();
    expectRejected(log, (one) => one.end('confirm'), /not running at epoch 3/);
    expectRejected(new Log().start().step('confirm'), (one) => one.end('confirm'), /confirm is not running/);
  });

  it('is done only after its last step', () => {
    expectRejected(new Log().start().upTo('finish'), (log) => log.finish(), /still has steps to do/);
  });

  it('hides the primary from the first step that takes its clients away until the new one is named', () => {
    const log = new Log().start().step('confirm');
    expect(log.cluster.hiddenSinceIndex).toBeNull();
    log.begin('fence');
    const since = log.index;
    expect(log.cluster.hiddenSinceIndex).toBe(since);
    log.takeOver().step('fence');
    expect(log.cluster.hiddenSinceIndex).toBe(since);
    log.upTo('fence').step('freeze').step('survey').step('choose').step('catch-up').step('promote').begin('publish');
    expect(log.cluster.hiddenSinceIndex).toBe(since);
    expect(log.publish().cluster).toMatchObject({ primary: db2, hiddenSinceIndex: null });
  });
});

describe('a deposed leader', () => {
  const sayings: readonly [string, (log: Log, on: Log['on']) => Command][] = [
    ['step-started', (_, on) => ({ kind: 'step-started', step: 'confirm', newPrimary: null, ...on })],
    ['step-finished', (_, on) => ({
      kind: 'step-finished', step: 'confirm', result: {}, summary: '', newPrimary: null, ...on,
    })],
    ['operation-rewound', (_, on) => ({ kind: 'operation-rewound', to: 'confirm', reason: '', ...on })],
    ['operation-blocked', (_, on) => ({ kind: 'operation-blocked', reason: '', ...on })],
    ['rollback-started', (_, on) => ({ kind: 'rollback-started', reason: '', ...on })],
    ['primary-changed', (_, on) => ({ kind: 'primary-changed', primary: db2, ...on })],
    ['operation-finished', (_, on) => ({ ...ended, outcome: 'done', summary: '', ...on })],
  ];

  it.each(sayings)('says %s in vain', (_, saying) => {
    const log = new Log().start().begin('confirm');
    const old = log.on;
    log.takeOver();
    expect(log.cluster).toMatchObject({ epoch: 3, operation: { epoch: 3 } });
    expectRejected(log, (one) => one.say(saying(one, old)), /at epoch 3, this was said at epoch 2/);
  });

  it('cannot take over what was taken over', () => {
    const log = new Log().start();
    const { epoch: fromEpoch } = log.on;
    log.takeOver();
    expectRejected(log, (one) => one.say({
      kind: 'operation-taken-over', cluster: app1, operation: op1, by: m1, fromEpoch, aboveEpoch: epoch(0),
    }), /at epoch 3 by now, not 2/);
  });

  it('is told when the operation is over', () => {
    const log = new Log().run('failover');
    expectRejected(log, (one) => one.takeOver(), /op-1 is not running any more/);
    expectRejected(log, (one) => one.begin('confirm'), /op-1 is not running any more/);
  });
});

describe('the point of no return', () => {
  const past = (): Log => new Log().start().upTo('promote').begin('promote');

  it('allows neither rewind nor rollback', () => {
    for (const log of [past(), past().takeOver(), past().end('promote')]) {
      expectRejected(log, (one) => one.rewind('freeze'), /past its point/);
      expectRejected(log, (one) => one.say({ kind: 'rollback-started', reason: '', ...one.on }), /past its point/);
      expectRejected(log, (one) => one.finish('rolled-back'), /is not being rolled back/);
    }
  });

  it('fixes the plan', () => {
    const log = past().say({
      kind: 'step-finished', step: 'promote', result: {}, summary: '', newPrimary: db3, ...past().on,
    });
    expect(log.cluster.operation?.newPrimary).toBe(db2);
    expectRejected(log.begin('publish'), (one) => one.publish(db3), /db3 was not promoted/);
    expectRejected(past().takeOver(), (one) => one.say({
      kind: 'step-started', step: 'promote', newPrimary: db3, ...one.on,
    }), /the plan names db2, not db3/);
  });

  it('needs a plan', () => {
    const log = new Log().start();
    for (const name of failoverSteps.slice(0, failoverSteps.indexOf('promote'))) log.begin(name).end(name);
    expectRejected(log, (one) => one.begin('promote'), /the plan names nobody/);
  });

  it('comes before the primary changes, and so does the promotion itself', () => {
    expectRejected(new Log().start().upTo('promote'), (log) => log.publish(), /was not promoted/);
    expectRejected(past(), (log) => log.publish(), /was not promoted/);
    expectRejected(past().end('promote'), (log) => log.publish(), /was not promoted/);
    expect(past().end('promote').begin('publish').publish().reason).toBeNull();
  });
});

describe('going back', () => {
  const chosen = (): Log => new Log().start().upTo('catch-up').begin('catch-up');

  it('forgets the choice where it has to be made again', () => {
    expect(chosen().rewind('freeze').cluster.operation).toMatchObject({ cursor: 2, newPrimary: null, rewinds: 1 });
    expect(chosen().rewind('catch-up').cluster.operation).toMatchObject({ cursor: 5, newPrimary: db2 });
  });

  it('never goes forward', () => {
    expectRejected(chosen(), (log) => log.rewind('promote'), /cannot go back to promote/);
    expectRejected(chosen(), (log) => log.rewind('pause-writes'), /cannot go back to pause-writes/);
  });

  it('ends rolled back, as it was, and stops everything else meanwhile', () => {
    const log = chosen().say({ kind: 'rollback-started', reason: 'the primary is back', ...chosen().on });
    expect(log.cluster.operation).toMatchObject({ phase: 'rolling-back', reason: 'the primary is back' });
    expectRejected(log, (one) => one.begin('catch-up'), /is being rolled back/);
    expectRejected(log, (one) => one.end('catch-up'), /is being rolled back/);
    expectRejected(log, (one) => one.rewind('freeze'), /is being rolled back/);
    expectRejected(log, (one) => one.say({ kind: 'operation-blocked', reason: '', ...one.on }), /is being rolled back/);
    expectRejected(log, (one) => one.finish('done'), /still has steps/);
    log.finish('rolled-back');
    expect(log.cluster).toMatchObject({ primary: db1, operation: null, hiddenSinceIndex: null, awaitingRejoin: [] });
    expect(log.cluster.history[0]).toMatchObject({ phase: 'rolled-back', reason: 'all is rolled-back' });
  });

  it('is shown as blocked until the next step begins', () => {
    const log = chosen().say({ kind: 'operation-blocked', reason: 'nobody', ...chosen().on });
    expect(log.cluster.operation).toMatchObject({ phase: 'blocked', reason: 'nobody' });
    expect(log.begin('catch-up').cluster.operation).toMatchObject({ phase: 'running', reason: '' });
  });
});

describe('a configuration', () => {
  it('is checked against the version that it was made from', () => {
    expectRejected(new Log(), (log) => log.apply({ app1: spec() }, {}, 0), /is at version 1 by now/);
    expect(new Log().apply({ app1: spec() }).state.configVersion).toBe(2);
  });

  it('names the primary of a new cluster, and one of its servers', () => {
    expectRejected(new Log(), (log) => log.apply({ app1: spec(), app2: spec() }), /app2 is new and its primary/);
    const primaries = { app2: serverName('db9') };
    expectRejected(new Log(), (log) => log.apply({ app1: spec(), app2: spec() }, primaries), /app2 is new/);
    expect(new Log().apply({ app1: spec(), app2: spec() }, { app2: db3 }).state.clusters['app2']?.primary).toBe(db3);
  });

  it('keeps the primary, and what is known of a cluster', () => {
    expectRejected(new Log(), (log) => log.apply({ app1: spec(['db2', 'db3']) }), /db1 is the primary .* cannot be/);
    const log = new Log().run('failover').apply({ app1: spec(['db1', 'db2', 'db3', 'db4']) }, { app1: db3 });
    expect(log.cluster).toMatchObject({ primary: db2, epoch: 2, awaitingRejoin: [db1] });
    expect(log.apply({ app1: spec(['db2', 'db3']) }).cluster.awaitingRejoin).toEqual([]);
  });

  it('forgets a cluster that is not declared any more, but not while an operation runs', () => {
    expect(new Log().apply({}).state.clusters).toEqual({});
    expectRejected(new Log().start(), (log) => log.apply({}), /cannot be removed while op-1 is running/);
  });

  it('waits for the end of an operation', () => {
    const log = new Log().start().apply({ app1: spec(undefined, 5) });
    expect(log.cluster.spec.detection.confirmMs).toBe(1000);
    log.upTo('finish').step('finish').finish();
    expect(log.cluster).toMatchObject({ pendingSpec: null, spec: { detection: { confirmMs: 5 } } });
  });

  it('removes no server from under a running operation, and the later of two that wait counts', () => {
    expectRejected(new Log().start(), (log) => log.apply({ app1: spec(['db1', 'db2']) }), /db3 cannot be removed/);
    const log = new Log().start().apply({ app1: spec(undefined, 5) }).apply({ app1: spec(undefined, 6) });
    log.say({ kind: 'rollback-started', reason: '', ...log.on }).finish('rolled-back');
    expect(log.cluster.spec.detection.confirmMs).toBe(6);
  });

  it('may not take away who is about to become primary', () => {
    // Added while the operation runs, so that the operation does not know it.
    const log = new Log().start().apply({ app1: spec(['db1', 'db2', 'db3', 'db4']) }).apply({ app1: spec() });
    expect(log.reason).toBeNull();
    log.upTo('finish').step('finish').finish();
    expect(log.cluster.spec.servers.map(({ name }) => name)).toContain(log.cluster.primary);
  });

  it('is bounded', () => {
    const names = Array.from({ length: limits.clustersMax }, (_, index) => `c${index}`);
    const clusters = Object.fromEntries([...names, 'app1'].map((name) => [name, spec()]));
    const primaries = Object.fromEntries(names.map((name) => [name, db1]));
    expectRejected(new Log(), (log) => log.apply(clusters, primaries), /more than 1000 clusters/);
  });
});

describe('what is kept', () => {
  it('is a bounded history, latest last', () => {
    const log = new Log();
    for (let run = 0; run < limits.historyPerCluster + 5; run += 1) {
      log.start('failover', operationId(`op-${run}`)).say({ kind: 'rollback-started', reason: '', ...log.on });
      log.say({ ...ended, outcome: 'rolled-back', summary: '', ...log.on });
    }
    expect(log.cluster.history).toHaveLength(limits.historyPerCluster);
    expect(log.cluster.history.at(-1)?.id).toBe(`op-${limits.historyPerCluster + 4}`);
  });

  it('is a bounded journal that never loses the latest result of a step', () => {
    const log = new Log().start().upTo('freeze');
    for (let round = 0; round < limits.journalEntriesMax; round += 1) {
      log.step('freeze').step('survey').rewind('freeze');
    }
    const journal = log.cluster.operation?.journal ?? [];
    expect(journal).toHaveLength(limits.journalEntriesMax);
    expect(journal.filter(({ step }) => step === 'confirm' || step === 'fence')).toHaveLength(2);
    expect(journal.every(({ startedAtMs }, index) => startedAtMs >= (journal[index - 1]?.startedAtMs ?? 0))).toBe(true);
  });

  it('is a bounded list of takeovers', () => {
    const log = new Log().start();
    for (let round = 0; round < limits.takeoversKept + 5; round += 1) log.takeOver();
    expect(log.cluster.operation?.takeovers).toHaveLength(limits.takeoversKept);
    expect(log.cluster.operation?.epoch).toBe(limits.takeoversKept + 7);
  });
});

describe('whatever is proposed, in whatever order', () => {
  const steps = [...new Set([...failoverSteps, ...switchoverSteps])];
  const servers = fc.constantFrom(db1, db2, db3);
  const oneOf = <const T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
  const start = fc.record({ say: oneOf('start'), kind: oneOf('failover', 'switchover') });
  const next = fc.record({ say: oneOf('next'), server: servers });
  const takeOver = fc.record({ say: oneOf('take-over') });
  const anything = fc.record({
    say: oneOf(
      'step-started', 'step-finished', 'operation-rewound', 'operation-blocked', 'rollback-started', 'primary-changed',
      'operation-finished',
    ),
    step: fc.constantFrom(...steps),
    server: servers,
    outcome: oneOf('done', 'rolled-back'),
    operation: fc.constantFrom(op1, operationId('op-2')),
    epochOffset: oneOf(0, 0, 0, -1, 1),
  });
  const saying = fc.oneof(
    { weight: 2, arbitrary: start },
    { weight: 12, arbitrary: next },
    { weight: 1, arbitrary: takeOver },
    { weight: 5, arbitrary: anything },
  );

  it('keeps the promises of the log', () => {
    fc.assert(fc.property(fc.array(saying, { maxLength: 60 }), (sayings) => {
      const log = new Log();
      sayings.forEach((one, index) => {
        const before = log.cluster;
        const command = commandOf(log, one, index);
        log.say(command);
        check(before, log.cluster, command, log.reason);
      });
    }), { numRuns: 400 });
  });

  type Saying = typeof saying extends fc.Arbitrary<infer T> ? T : never;

  function commandOf(log: Log, one: Saying, index: number): Command {
    const { operation } = log.cluster;
    if (one.say === 'start') {
      return {
        kind: 'operation-started', operationKind: one.kind, cluster: app1, by: m1,
        operation: operationId(`op-${index}`), oldPrimary: log.cluster.primary, requestedTarget: null, summary: '',
      };
    }
    if (one.say === 'take-over') {
      const { cluster, operation: id, epoch: fromEpoch } = log.on;
      return { kind: 'operation-taken-over', cluster, operation: id, by: m2, fromEpoch, aboveEpoch: epoch(0) };
    }
    if (one.say === 'next') return nextCommand(log, one.server);
    const on = { ...log.on, operation: operation?.id ?? one.operation, epoch: epoch(log.on.epoch + one.epochOffset) };
    switch (one.say) {
      case 'step-started': return { kind: one.say, step: one.step, newPrimary: one.server, ...on };
      case 'step-finished':
        return { kind: one.say, step: one.step, result: {}, summary: '', newPrimary: one.server, ...on };
      case 'operation-rewound': return { kind: one.say, to: one.step, reason: '', ...on };
      case 'operation-blocked': return { kind: one.say, reason: '', ...on };
      case 'rollback-started': return { kind: one.say, reason: '', ...on };
      case 'primary-changed': return { kind: one.say, primary: one.server, ...on };
      case 'operation-finished': return { ...ended, outcome: one.outcome, summary: '', ...on };
    }
  }

  /** What a good leader would say now: so that long runs get far. */
  function nextCommand(log: Log, server: typeof db1): Command {
    const { operation } = log.cluster;
    const cursorStep = operation === null ? undefined : stepsOf(operation.kind)[operation.cursor];
    if (operation === null || cursorStep === undefined) {
      return { ...ended, outcome: 'done', summary: '', ...log.on };
    }
    if (operation.phase === 'rolling-back') {
      return { ...ended, outcome: 'rolled-back', summary: '', ...log.on };
    }
    const last = operation.journal.at(-1);
    const isRunning = last?.step === cursorStep && last.finishedAtMs === null && last.epoch === operation.epoch;
    if (!isRunning) return { kind: 'step-started', step: cursorStep, newPrimary: operation.newPrimary, ...log.on };
    if (cursorStep === 'publish' && log.cluster.primary !== operation.newPrimary) {
      return { kind: 'primary-changed', primary: operation.newPrimary ?? server, ...log.on };
    }
    return { kind: 'step-finished', step: cursorStep, result: {}, summary: '', newPrimary: server, ...log.on };
  }

  function check(before: ClusterState, after: ClusterState, command: Command, reason: string | null): void {
    if (reason !== null) expect(after).toEqual(before);
    expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
    if (after.operation !== null) expect(after.operation.epoch).toBe(after.epoch);
    const was = before.operation;
    const is = after.operation;
    if (after.primary !== before.primary) {
      expect(command.kind).toBe('primary-changed');
      expect(was).toMatchObject({ pastNoReturn: true, newPrimary: after.primary });
    }
    if (was !== null && is === null) {
      expect(after.history.at(-1)?.id).toBe(was.id);
      if (was.pastNoReturn) expect(after.history.at(-1)).toMatchObject({ phase: 'done', newPrimary: after.primary });
      else expect(after.history.at(-1)?.phase).toBe('rolled-back');
    }
    if (was === null || is === null) return;
    expect(is.id).toBe(was.id);
    expect(is.cursor).toBeLessThanOrEqual(was.cursor + 1);
    if (!was.pastNoReturn) return;
    expect(is.pastNoReturn).toBe(true);
    expect(is.newPrimary).toBe(was.newPrimary);
    expect(is.cursor).toBeGreaterThanOrEqual(was.cursor);
    expect(['running', 'blocked']).toContain(is.phase);
  }
});
