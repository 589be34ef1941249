import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GtidSet, gtidSet, serverName } from '../base/index.js';
import type { ReplicaFacts, ServerFacts } from '../base/index.js';
import { choosePrimary, findErrant } from './candidate.js';
import type { ChoiceInput, SurveyedCandidate } from './candidate.js';
import type { ClusterSpec, ServerSpec } from './cluster-spec.js';

const [db1, db2, db3, db4] = ['db1', 'db2', 'db3', 'db4'].map(serverName) as [
  ReturnType<typeof serverName>, ReturnType<typeof serverName>, ReturnType<typeof serverName>,
  ReturnType<typeof serverName>,
];
const primaryUuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const otherUuid = '4f22fa47-71ca-11e1-9e33-c80aa9429562';

function spec(over: Partial<Record<string, Partial<ServerSpec>>> = {}, names = [db1, db2, db3]): ClusterSpec {
  return {
    servers: names.map((name) => ({ name, host: name, port: 3306, zone: null, candidate: 'allow', ...over[name] })),
    mysql: { user: 'u', password: 'env:A' },
    replication: { user: 'r', password: 'env:B' },
    durability: 'async',
    detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
    fencing: { policy: 'best-effort' },
    switchover: { maxPauseMs: 5000 },
  };
}

interface Sketch {
  readonly has?: string;
  readonly executed?: string;
  readonly errant?: string;
  readonly facts?: Partial<ServerFacts>;
  readonly replica?: Partial<ReplicaFacts> | null;
}

function surveyed(sketch: Sketch = {}): SurveyedCandidate {
  const replica = { receiver: 'off', applier: 'on', applierError: '', delayS: 0, ...sketch.replica };
  const has = sketch.has ?? `${primaryUuid}:1-10`;
  const facts = {
    version: '9.7.4', logBin: true, logReplicaUpdates: true, gtidMode: 'ON', executed: sketch.executed ?? has,
    replica: sketch.replica === null ? null : replica, ...sketch.facts,
  } as ServerFacts;
  return { facts, has: gtidSet(has), errant: gtidSet(sketch.errant ?? '') };
}

function choose(sketches: Record<string, Sketch>, over: Partial<ChoiceInput> = {}): ReturnType<typeof choosePrimary> {
  const candidates = Object.fromEntries(Object.entries(sketches).map(([name, sketch]) => [name, surveyed(sketch)]));
  const sound = Object.values(candidates).map(({ has, errant }) => has.subtract(errant));
  return choosePrimary({
    spec: spec(), oldPrimary: db1, requestedTarget: null, surveyed: candidates,
    reachableTransactions: GtidSet.unionOf(sound), ...over,
  });
}

describe('choosing the new primary', () => {
  it.each<[string, Sketch, RegExp]>([
    ['whose binary log is off', { facts: { logBin: false } }, /binary log is off/],
    ['that does not log what it replicates', { facts: { logReplicaUpdates: false } }, /log_replica_updates/],
    ['without GTIDs', { facts: { gtidMode: 'OFF_PERMISSIVE' } }, /gtid_mode is OFF_PERMISSIVE/],
    ['that is delayed', { replica: { delayS: 3600 } }, /delayed by 3600 s/],
    ['with errant transactions', { errant: `${otherUuid}:1` }, /errant transactions: 4f22/],
    ['whose applier broke', { replica: { applier: 'off', applierError: '1062 duplicate' } }, /1062 duplicate/],
    ['that replicates from nobody', { replica: null }, /replicates from nobody/],
    ['of a higher version', { facts: { version: '9.8.0' } }, /9\.8\.0 is above that of db3 \(9\.7\.4\)/],
  ])('passes over a server %s, even if it is the most advanced', (_, sketch, reason) => {
    const choice = choose({ db2: { has: `${primaryUuid}:1-12`, ...sketch }, db3: {} });
    expect(choice.chosen).toBe(db3);
    expect(choice.reasons['db2']).toMatch(reason);
    expect(choice.ranking).toEqual([db3]);
  });

  it('never chooses candidate: never, the old primary or an unsurveyed one, and says all reasons at once', () => {
    const choice = choose(
      { db1: {}, db2: { facts: { logBin: false } } },
      { spec: spec({ db2: { candidate: 'never' } }) },
    );
    expect(choice.chosen).toBeNull();
    expect(choice.reasons).toEqual({
      db1: 'not eligible: it is the old primary',
      db2: 'not eligible: its configuration says candidate: never; its binary log is off',
      db3: 'not eligible: it could not be surveyed',
    });
  });

  it('takes an applier that is merely stopped, and patch versions that differ', () => {
    const choice = choose({ db2: { replica: { applier: 'off' }, facts: { version: '9.7.9-log' } }, db3: {} });
    expect(choice.chosen).toBe(db2);
  });

  it('does not mind that a dead old primary could not follow a newer version', () => {
    expect(choose({ db2: { facts: { version: '9.8.0' } } }).chosen).toBe(db2);
  });

  it('prefers in the order of the design', () => {
    const ahead = { has: `${primaryUuid}:1-12` };
    const prefer = spec({ db3: { candidate: 'prefer' } });
    expect(choose({ db2: ahead, db3: {} }, { spec: prefer }).reasons).toMatchObject({
      db2: 'eligible, but db3 is a preferred candidate',
      db3: 'chosen: it is a preferred candidate (before db2); it lacks 2 transactions that others can give it',
    });
    const zones = spec({ db1: { zone: 'a' }, db2: { zone: 'b' }, db3: { zone: 'a' } });
    expect(choose({ db2: ahead, db3: {} }, { spec: zones }).reasons['db2']).toMatch(/in the zone of the old primary/);
    expect(choose({ db2: {}, db3: ahead }).reasons['db2']).toBe('eligible, but db3 has received more');
    const lagging = { executed: `${primaryUuid}:1-3` };
    expect(choose({ db2: lagging, db3: {} }).reasons['db2']).toBe('eligible, but db3 has less left to apply');
    expect(choose({ db2: {}, db3: {} }).reasons['db3']).toBe('eligible, but db2 comes first in the configuration');
  });

  it('says what nobody can hand on, and what another server could', () => {
    // db4 has 11-12 in its relay log and cannot apply them.
    const stuck = { replica: { applier: 'off', applierError: 'x' }, executed: `${primaryUuid}:1-10` } as const;
    const all = `${primaryUuid}:1-12`;
    const four = spec({ db3: { candidate: 'prefer' } }, [db1, db2, db3, db4]);
    const choice = choose({ db3: {}, db4: { has: all, ...stuck } }, { spec: four });
    expect(choice.reasons['db3']).toBe(
      'chosen: the only eligible server; it lacks 2 transactions, 2 of which nobody can give it',
    );
    const better = choose({ db2: { has: all }, db3: {}, db4: { has: all, ...stuck } }, { spec: four });
    expect(better.chosen).toBe(db3);
    expect(better.reasons['db3']).toMatch(/others can give it/);
  });

  it('takes the server that was asked for, or none, with the reason', () => {
    const wish = { requestedTarget: db3 };
    expect(choose({ db2: { has: `${primaryUuid}:1-12` }, db3: {} }, wish)).toMatchObject({
      chosen: db3,
      reasons: { db2: 'eligible, but db3 was asked for', db3: expect.stringMatching(/^chosen: asked for/) },
    });
    expect(choose({ db2: {}, db3: { facts: { logBin: false } } }, wish)).toMatchObject({
      chosen: null,
      reasons: { db2: 'eligible, but db3 was asked for', db3: 'not eligible: its binary log is off' },
    });
    const unknown = choose({ db2: {} }, { requestedTarget: serverName('db9') });
    expect(unknown.chosen).toBeNull();
    expect(unknown.reasons['db9']).toBe('not eligible: it is not a server of this cluster');
  });

  it('ranks the same whatever the order of the survey, best first', () => {
    const sketch = fc.record({
      has: fc.integer({ min: 1, max: 9 }).map((last) => `${primaryUuid}:1-${last}`),
      executed: fc.constant(`${primaryUuid}:1`),
    });
    fc.assert(
      fc.property(sketch, sketch, sketch, (two, three, four) => {
        const over = { spec: spec({ db4: { candidate: 'prefer' } }, [db1, db2, db3, db4]) };
        const choice = choose({ db2: two, db3: three, db4: four }, over);
        expect(choose({ db4: four, db3: three, db2: two }, over)).toEqual(choice);
        expect(choice.ranking[0]).toBe(choice.chosen);
        expect(choice.chosen).toBe(db4);
        expect(Object.keys(choice.reasons).sort()).toEqual(['db1', 'db2', 'db3', 'db4']);
      }),
      { numRuns: 50 },
    );
  });
});

describe('errant transactions', () => {
  const errantOf = (holdings: Record<string, string>, known: string, uuid = primaryUuid): Record<string, string> => {
    const sets = Object.fromEntries(Object.entries(holdings).map(([name, text]) => [name, gtidSet(text)]));
    const errant = findErrant({ holdings: sets, primaryKnownExecuted: gtidSet(known), primaryUuid: uuid });
    return Object.fromEntries(Object.entries(errant).map(([name, set]) => [name, String(set)]));
  };

  it('are those that one server alone has and the primary never had', () => {
    const common = `${primaryUuid}:1-10`;
    expect(errantOf({ db2: `${common},${otherUuid}:1-2`, db3: common }, common)).toEqual({ db2: `${otherUuid}:1-2` });
  });

  it('are not the latest ones of the primary, which only the most advanced has', () => {
    expect(errantOf({ db2: `${primaryUuid}:1-12`, db3: `${primaryUuid}:1-10` }, `${primaryUuid}:1-9`)).toEqual({});
  });

  it('are not those of a former primary that the primary had, nor those that two servers share', () => {
    expect(errantOf({ db2: `${otherUuid}:1-5`, db3: '' }, `${otherUuid}:1-5`)).toEqual({});
    expect(errantOf({ db2: `${otherUuid}:1-5`, db3: `${otherUuid}:1-5` }, '')).toEqual({});
  });
});
