/** A terminal that remembers, and answers of managers, for the tests of this folder. */
import type {
  JournalStatus,
  ManagerChangeResponse,
  ManagerMember,
  ManagersResponse,
  ManagerStatus,
  OperationStatus,
  ServerStatus,
  StatusResponse,
} from '../http/api-types.js';
import type { Terminal } from './terminal.js';

export interface FakeTerminal extends Terminal {
  readonly stdout: string[];
  readonly stderr: string[];
  readonly questions: string[];
}

export interface FakeTerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** What the person types; none: nobody is there. */
  readonly answer?: string;
  readonly outIsTty?: boolean;
}

/** 2026-01-10 12:00:00 UTC. */
export const testNowMs = Date.UTC(2026, 0, 10, 12);

/** Its clock moves only by sleeping, so that waiting takes no time. */
export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const questions: string[] = [];
  let nowMs = testNowMs;
  let ids = 0;
  return {
    stdout,
    stderr,
    questions,
    env: options.env ?? {},
    outIsTty: options.outIsTty ?? false,
    inIsTty: options.answer !== undefined,
    out: (text) => void stdout.push(text),
    err: (text) => void stderr.push(text),
    ask: async (question) => {
      questions.push(question);
      return options.answer ?? '';
    },
    readFile: (path) => {
      const text = options.files?.[path];
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
      return text;
    },
    sleep: async (ms) => {
      nowMs += ms;
      // Lets sockets have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
    nowMs: () => nowMs,
    newId: () => `request-${(ids += 1)}`,
  };
}

export function testServer(name: string, part: Partial<ServerStatus> = {}): ServerStatus {
  return {
    name,
    address: `10.91.0.${name.slice(-1)}:3306`,
    role: 'replica',
    reachable: true,
    writable: false,
    lagMs: 0,
    version: '9.7.4',
    sync: false,
    candidate: 'allow',
    problems: [],
    ...part,
  };
}

export function testStep(step: string, part: Partial<JournalStatus> = {}): JournalStatus {
  return {
    step,
    epoch: 4,
    by: 'm1',
    startedAt: '2026-01-10T11:59:58.000Z',
    finishedAt: '2026-01-10T11:59:58.035Z',
    durationMs: 35,
    summary: `${step} went well`,
    result: {},
    ...part,
  };
}

export function testOperation(part: Partial<OperationStatus> = {}): OperationStatus {
  return {
    id: 'op-1',
    kind: 'failover',
    cluster: 'app1',
    phase: 'done',
    reason: '',
    step: null,
    epoch: 4,
    epochs: [4],
    oldPrimary: 'db1',
    newPrimary: 'db2',
    startedAt: '2026-01-07T11:59:58.000Z',
    endedAt: '2026-01-07T11:59:59.250Z',
    startedBy: 'm1',
    steps: [],
    ...part,
  };
}

export function testManager(id: string, part: Partial<ManagerStatus> = {}): ManagerStatus {
  return { id, part: 'voter', role: 'follower', reachable: true, roundTripMs: 0.4, problems: [], ...part };
}

export function testMember(id: string, part: Partial<ManagerMember> = {}): ManagerMember {
  const at = id.slice(-1);
  return {
    id, part: 'voter', role: 'follower', reachable: true, roundTripMs: 0.4, lastHeardMs: 20, then: null, replaces: null,
    behind: 0, isReceivingSnapshot: false, isStuck: false, isDiskLow: false, storeId: `0000000${at}`,
    rpc: `10.91.1.${at}:7400`, http: `10.91.1.${at}:7401`, reducerMax: 1, ...part,
  };
}

export function testManagers(part: Partial<ManagersResponse> = {}): ManagersResponse {
  return {
    manager: 'm1', clusterId: 'test', lineage: null, leader: 'm1', term: 7,
    quorum: { reachable: 3, voters: 3, has: true },
    toleratedLosses: 1, reason: 'm1 leads; 3 of 3 managers reachable', reducerVersion: 1, isChanging: false,
    managers: [testMember('m1', { role: 'leader', roundTripMs: null, lastHeardMs: null }), testMember('m2'),
      testMember('m3')],
    removed: [], ...part,
  };
}

export function testChange(part: Partial<ManagerChangeResponse> = {}): ManagerChangeResponse {
  return {
    dryRun: false, outcome: 'changed', sentence: 'm4 is a learner now', plan: ['add m4', 'it votes'], risks: [],
    refusals: [], next: null, leader: 'm1', ...part,
  };
}

export function testStatus(part: Partial<StatusResponse> = {}): StatusResponse {
  return {
    manager: 'm1',
    clusterId: 'test',
    leader: 'm1',
    term: 7,
    quorum: { reachable: 3, voters: 3, has: true },
    reason: 'm1 leads; 3 of 3 managers reachable',
    managers: [
      testManager('m1', { role: 'leader', roundTripMs: null }),
      testManager('m2'),
      testManager('m3', { roundTripMs: 0.52 }),
    ],
    clusters: [
      {
        name: 'app1',
        primary: 'db1',
        state: 'healthy',
        reason: 'all is well',
        durability: 'async',
        epoch: 4,
        servers: [
          testServer('db1', { role: 'primary', writable: true, lagMs: null }),
          testServer('db2', { sync: true, candidate: 'prefer' }),
          testServer('db3', { lagMs: 120, candidate: 'never' }),
        ],
        operation: null,
        lastOperation: testOperation(),
      },
    ],
    ...part,
  };
}
