/** A server that logs us in and then answers what no version of MySQL would: it must end in words, never in a crash. */
import { afterEach, describe, expect, it } from 'vitest';
import { ActionError, Secret, serverName, type ProbeOutcome, type ServerAddress } from '../base/index.js';
import { look, openActionSession, type MysqlActionSession } from './action-session.js';
import { createProber } from './probe.js';
import { serverRow, serverUuid as uuid, startOddServer, type Answers } from './test-parts.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function serve(answers: Answers): Promise<ServerAddress> {
  const server = await startOddServer(answers);
  ends.push(() => server.stop());
  return server.address;
}

async function open(address: ServerAddress): Promise<MysqlActionSession> {
  const session = await openActionSession({
    server: serverName('db1'), address, user: 'u', password: new Secret('p'), passwordOf: () => new Secret('p'),
    fence: { cluster: 'shop', epoch: 1, operation: 'op-1', manager: 'm1' }, withinMs: 2000,
  });
  ends.push(() => session.close());
  return session;
}

const thrownBy = (work: Promise<unknown>): Promise<unknown> => work.then(() => null, (thrown: unknown) => thrown);

async function expectRejected(work: Promise<unknown>, sentence: string): Promise<void> {
  const thrown = await thrownBy(work);
  expect(thrown).toBeInstanceOf(ActionError);
  expect(thrown).toMatchObject({ failure: 'rejected', message: expect.stringContaining(sentence) });
}

const badGtids = { ...serverRow, gtid_executed: '0-1-5' };
const locked = { GET_LOCK: { got: '1' } };

describe('an answer that cannot be read', () => {
  it('is life to a probe, held or confirming', async () => {
    const address = await serve({ server_uuid: badGtids });
    let heard: (outcome: ProbeOutcome) => void = () => undefined;
    const first = new Promise<ProbeOutcome>((resolve) => { heard = resolve; });
    const prober = createProber({
      address, user: 'u', password: () => new Secret('p'), intervalMs: 10_000, timeoutMs: 1000,
      onOutcome: (outcome) => heard(outcome),
    });
    ends.push(() => prober.stop());
    const detail = expect.stringContaining('no GTID set in column gtid_executed, but 0-1-5');
    const wanted = { kind: 'alive', reason: 'unreadable answer', detail };
    expect(await first).toEqual(wanted);
    expect(await prober.probeNow()).toEqual(wanted);
  });

  it('rejects a look', async () => {
    const address = await serve({ server_uuid: badGtids });
    const sentence = 'cannot look: the server\'s answer has no GTID set';
    await expectRejected(look(address, 'u', new Secret('p'), 1000), sentence);
  });

  it('rejects taking the lock', async () => {
    const sentence = 'cannot take the lock: the server\'s answer has no number';
    await expectRejected(open(await serve({ GET_LOCK: { got: 'maybe' } })), sentence);
  });

  it('rejects the action, and the session can still be used', async () => {
    const address = await serve({
      ...locked, server_uuid: serverRow, PROCESSLIST: { id: 'seven' }, WAIT_FOR_EXECUTED: { is_late: 'perhaps' },
    });
    const session = await open(address);
    await expectRejected(session.countClients(), 'no number in column id');
    await expectRejected(session.killClients(), 'no number in column id');
    await expectRejected(session.waitExecuted('', 10), 'no number in column is_late');
    await expect(session.look()).resolves.toMatchObject({ serverUuid: uuid });
  });

  it('does not read as a server at all when an action has to know the received set', async () => {
    const address = await serve({
      ...locked, server_uuid: serverRow,
      'SHOW REPLICA STATUS': { Channel_Name: '', Source_Host: 'db2', Source_Port: '1', Retrieved_Gtid_Set: 'x:1' },
    });
    await expectRejected((await open(address)).forgetSource(), 'no GTID set in column Retrieved_Gtid_Set');
  });
});
