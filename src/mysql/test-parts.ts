/**
 * A server for tests that lets everybody in and then misbehaves: it answers what no version of MySQL would, keeps
 * silent, or closes the connection. Only tests import this file; it is left out of the build.
 */
import type net from 'node:net';
import { createServer } from 'mysql2';
import type { ServerAddress } from '../base/index.js';

/** One row by a word of the statement. Every other SHOW has no rows, every other statement is answered with OK. */
export type Answers = Readonly<Record<string, OddRow | (() => OddRow)>>;
export type OddRow = Readonly<Record<string, string>>;

export const serverUuid = 'aaaaaaaa-0000-0000-0000-000000000001';
/** What a look at the server itself needs at least. */
export const serverRow = {
  server_uuid: serverUuid, server_id: '1', version: '9.7.4', gtid_executed: `${serverUuid}:1-5`, now_s: '1000',
};

export interface OddServer {
  readonly address: ServerAddress;
  /** Times at which sessions logged in. */
  readonly loginsAtMs: readonly number[];
  /** Statements with this word are not answered until `answerAll`. */
  hangOn(word: string): void;
  /** Answers what hangs, and hangs no more. */
  answerAll(): void;
  /** Closes each connection right after it answered a statement with this word. */
  closeAfter(word: string): void;
  closeAll(): void;
  stop(): void;
}

/** What the driver's types leave out. */
interface ServerSide {
  readonly stream: net.Socket;
  on(event: string, listener: (sql: string) => void): void;
  writeOk(): void;
  _resetSequenceId(): void;
  writeTextResult(rows: readonly object[], columns: readonly object[]): void;
  serverHandshake(options: object): void;
}

interface Listening {
  listen(port: number, host: string, listener: () => void): void;
  close(): void;
  readonly _server: { address(): { port: number } };
}

class Misbehaviour {
  readonly loginsAtMs: number[] = [];
  readonly sockets = new Set<net.Socket>();
  hanging: string | null = null;
  closing: string | null = null;
  readonly #answers: Answers;
  readonly #held: (() => void)[] = [];

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  welcome(side: ServerSide): void {
    // Each command counts its packets from 0, and the driver's server side does not.
    const answer = (write: () => void): void => {
      if (side.stream.destroyed) return;
      write();
      side._resetSequenceId();
    };
    const reply = (sql: string, write: () => void): void => {
      const respond = (): void => {
        answer(write);
        if (this.closing !== null && sql.includes(this.closing)) side.stream.end();
      };
      if (this.hanging !== null && sql.includes(this.hanging)) this.#held.push(respond);
      else respond();
    };
    side.stream.setNoDelay(true);
    this.sockets.add(side.stream);
    side.on('error', () => undefined);
    // The driver's server side takes SET for a prepared statement.
    side.on('stmt_prepare', (sql) => reply(sql, () => side.writeOk()));
    side.on('query', (sql) => reply(sql, () => {
      const word = Object.keys(this.#answers).find((key) => sql.includes(key));
      const row = word === undefined ? undefined : this.#answers[word];
      if (row !== undefined) side.writeTextResult(...table(typeof row === 'function' ? row() : row));
      else if (sql.startsWith('SHOW')) side.writeTextResult(...table(null));
      else side.writeOk();
    }));
    side.serverHandshake({
      protocolVersion: 10, serverVersion: '9.7.4', connectionId: 1, statusFlags: 2, characterSet: 8,
      capabilityFlags: 0xff_ff_ff ^ 0x08_00,
      authCallback: (_who: unknown, letIn: (error: null) => void) => {
        this.loginsAtMs.push(performance.now());
        answer(() => letIn(null));
      },
    });
  }

  answerAll(): void {
    this.hanging = null;
    for (const respond of this.#held.splice(0)) respond();
  }
}

export async function startOddServer(answers: Answers): Promise<OddServer> {
  const odd = new Misbehaviour(answers);
  const created: unknown = createServer((connection) => odd.welcome(connection as unknown as ServerSide));
  const server = created as Listening;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const closeAll = (): void => {
    for (const socket of odd.sockets) socket.destroy();
  };
  return {
    address: { host: '127.0.0.1', port: server._server.address().port },
    loginsAtMs: odd.loginsAtMs,
    hangOn(word) {
      odd.hanging = word;
    },
    answerAll: () => odd.answerAll(),
    closeAfter(word) {
      odd.closing = word;
    },
    closeAll,
    stop() {
      closeAll();
      server.close();
    },
  };
}

function table(row: OddRow | null): [object[], object[]] {
  const columns = Object.keys(row ?? { none: '' }).map((name) => ({
    catalog: 'def', schema: '', table: '', orgTable: '', name, orgName: name, characterSet: 33, columnLength: 1000,
    columnType: 253, flags: 0, decimals: 0,
  }));
  return [row === null ? [] : [row], columns];
}
