import { describe, expect, it } from 'vitest';
import { quorumWords, renderManagers, renderPlan } from './render-managers.js';
import { testChange, testManagers, testMember } from './test-parts.js';

const plain = (_style: unknown, text: string): string => text;
const leader = testMember('m1', { role: 'leader', roundTripMs: null, lastHeardMs: null });

describe('hactl managers', () => {
  it('reads at a glance when all is well', () => {
    expect(renderManagers(testManagers(), plain)).toBe(
      `
managers of test: m1 leads (term 7) · quorum 3/3 · any 1 may fail
  id  part   role      answers  log    rpc             http            store
  m1  voter  leader             level  10.91.1.1:7400  10.91.1.1:7401  00000001
  m2  voter  follower  0.4ms    level  10.91.1.2:7400  10.91.1.2:7401  00000002
  m3  voter  follower  0.4ms    level  10.91.1.3:7400  10.91.1.3:7401  00000003
`.slice(1),
    );
  });

  it('shows who learns, who is gone, what stands out and what is under way', () => {
    const text = renderManagers(
      testManagers({
        quorum: { reachable: 2, voters: 3, has: true },
        reason: 'm1 leads; 2 of 3 managers reachable, m3 is not; the learner m5 is not',
        isChanging: true,
        removed: ['m0'],
        lineage: '20260110-1a2b3c4d',
        managers: [
          leader,
          testMember('m2', { isStuck: true, isDiskLow: true, behind: 4711 }),
          testMember('m3', { role: 'unknown', reachable: false, lastHeardMs: 12_000, behind: 8 }),
          testMember('m4', { part: 'learner', then: 'vote', replaces: 'm3', isReceivingSnapshot: true, reducerMax: 2 }),
          testMember('m5', {
            part: 'learner', then: 'stay', reachable: false, lastHeardMs: null, behind: null, storeId: null,
          }),
        ],
      }),
      plain,
    );
    expect(text).toContain('\n  m1 leads; 2 of 3 managers reachable, m3 is not; the learner m5 is not (seen from m1)');
    expect(text).toMatch(/m2 +voter +follower +0\.4ms +4711 behind .*! stuck: .*; ! its disk is almost full\n/);
    expect(text).toMatch(/m3 +voter +unreachable +heard 12s ago +8 behind /);
    expect(text).toMatch(/m4 +learner .* 2 +votes once it has caught up; replaces m3; receives a snapshot\n/);
    expect(text).toMatch(/m5 +learner +unreachable +never heard +- .* - +1 +stays a learner\n/);
    expect(text).toContain('version 1 is in use; a newer one will be when all voters understand it');
    expect(text).toContain('not committed yet');
    expect(text).toContain('removed: m0 (an id is used once)');
    expect(text).toContain('a new manager needs `init --join --lineage 20260110-1a2b3c4d`');
  });

  it('says where to ask when it is not the leader that answers, or nobody leads', () => {
    const follower = renderManagers(testManagers({ manager: 'm2' }), plain);
    expect(follower).toContain('only the leader m1 knows how far each log is: ask it at --url 10.91.1.1:7401');
    const quorum = { reachable: 1, voters: 3, has: false };
    const none = renderManagers(testManagers({ leader: null, quorum, reason: 'no quorum: why' }), plain);
    expect(none).toMatch(/^managers of test: no leader .* no quorum 1\/3 .*\n {2}no quorum: why \(seen from m1\)/);
    const joining = testManagers({ leader: null, managers: [], quorum: { reachable: 0, voters: 0, has: false } });
    expect(renderManagers(joining, plain)).not.toContain('may fail');
  });

  it('sums up what a change has led to', () => {
    expect(quorumWords(testManagers())).toBe('3 voters (m1, m2 and m3), any 1 may fail; m1 leads');
    const managers = [leader, testMember('m2', { part: 'learner' })];
    const one = testManagers({ managers, toleratedLosses: 0, leader: null });
    expect(quorumWords(one)).toBe('1 voter (m1), none may fail; nobody leads now; learner m2');
  });

  it('shows a plan with its risks, or why there is none', () => {
    expect(renderPlan('add m4', testChange({ risks: ['an even number'] }))).toBe(
      'add m4:\n  1. add m4\n  2. it votes\nmind:\n  - an even number\n',
    );
    const refused = testChange({ plan: [], refusals: ['m4 was removed'], next: 'another id' });
    expect(renderPlan('add m4', refused)).toBe(
      'add m4:\nit would be refused:\n  - m4 was removed\nnext: another id\n',
    );
  });
});
