/** What no real server does at will: to throw a relay log away in the instant of the change. */
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../base/index.js';
import { ActionStatements } from './action-statements.js';
import { pointAt } from './receiver.js';
import { Session } from './session.js';
import { serverRow, serverUuid, startOddServer, type OddRow } from './test-parts.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A replica that has received 1-9 and executed 1-5 and applies on; `receivedAfter` is what CHANGE leaves. */
async function replicaThat(receivedAfter: string): Promise<ActionStatements> {
  let port = '1';
  let received = `${serverUuid}:1-9`;
  const channel = (): OddRow => ({
    Channel_Name: '', Source_Host: 'old', Source_Port: port, Source_User: 'repl', Replica_IO_Running: 'No',
    Replica_SQL_Running: 'Yes', Auto_Position: '1', Retrieved_Gtid_Set: received,
  });
  const change = (): OddRow => {
    port = '2';
    received = receivedAfter;
    return { ok: '1' };
  };
  const server = await startOddServer({
    'server_uuid': serverRow, 'SHOW REPLICA STATUS': channel, 'GTID_SUBSET': { is_contained: '0' },
    'WAIT_FOR_EXECUTED': { is_late: '1' }, 'CHANGE REPLICATION': change,
  });
  const password = new Secret('p');
  const session = await Session.open({
    address: server.address, user: 'u', password, withinMs: 2000, attributes: {},
  });
  ends.push(() => session.close(), () => server.stop());
  return new ActionStatements(session, 'db2');
}

const point = (on: ActionStatements): Promise<void> =>
  pointAt(on, { host: 'old', port: 2, user: 'repl', passwordRef: 'env:X' }, () => new Secret('x'));

describe('pointAt', () => {
  it('names what a change threw away', async () => {
    await expect(point(await replicaThat(''))).rejects.toMatchObject({
      failure: 'rejected', message: expect.stringContaining(`thrown away by the change: ${serverUuid}:6-9`),
    });
    await expect(point(await replicaThat(`${serverUuid}:1-7`))).rejects.toMatchObject({
      message: expect.stringContaining(`${serverUuid}:8-9`),
    });
  });

  it('is content when everything received is executed or still there', async () => {
    await expect(point(await replicaThat(`${serverUuid}:1-9`))).resolves.toBeUndefined();
    await expect(point(await replicaThat(`${serverUuid}:6-9`))).resolves.toBeUndefined();
  });
});
