import { describe, expect, it } from 'vitest';
import { classify, endsSession, mayBeHalfDone, silence, type FailureKind, type Phase } from './classify.js';

const system = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code, errno: -111 });
const packet = (errno: number, code = 'ER_X'): Error =>
  Object.assign(new Error(`said ${errno}`), { code, errno, sqlMessage: `said ${errno}`, sqlState: 'HY000' });

const table: readonly (readonly [string, unknown, Phase, FailureKind, string])[] = [
  ['closed port', system('ECONNREFUSED'), 'connecting', 'refused', 'refused'],
  ['reset while connecting', system('ECONNRESET'), 'connecting', 'reset', 'reset'],
  ['reset before the greeting', system('ECONNRESET'), 'greeting', 'reset', 'reset'],
  ['closed by the peer', { code: 'PROTOCOL_CONNECTION_LOST', message: 'x' }, 'established', 'reset', 'reset'],
  ['broken pipe', system('EPIPE'), 'established', 'reset', 'reset'],
  ['no route', system('EHOSTUNREACH'), 'connecting', 'timeout', 'timeout'],
  ['no network', system('ENETUNREACH'), 'connecting', 'unknown', 'unknown'],
  ['kernel gave up', system('ETIMEDOUT'), 'connecting', 'timeout', 'timeout'],
  ['kernel gave up later', system('ETIMEDOUT'), 'established', 'timeout', 'timeout'],
  ['unknown name', system('ENOTFOUND'), 'resolving', 'unknown', 'unknown'],
  ['resolver down', system('EAI_AGAIN'), 'connecting', 'unknown', 'unknown'],
  ['no file descriptors', system('EMFILE'), 'connecting', 'unknown', 'unknown'],
  ['no buffers', system('ENOBUFS'), 'connecting', 'unknown', 'unknown'],
  ['no local ports', system('EADDRNOTAVAIL'), 'connecting', 'unknown', 'unknown'],
  ['port out of range', system('ERR_SOCKET_BAD_PORT'), 'connecting', 'unknown', 'unknown'],
  ['wrong password', packet(1045), 'greeting', 'alive', 'denied'],
  ['too many connections', packet(1040), 'greeting', 'alive', 'too many connections'],
  ['too many of this user', packet(1203), 'greeting', 'alive', 'too many connections'],
  ['host blocked', packet(1129), 'greeting', 'alive', 'host blocked'],
  ['host not allowed', packet(1130), 'greeting', 'alive', 'host not allowed'],
  ['shutting down', packet(1053), 'established', 'alive', 'shutting down'],
  ['offline mode', packet(3032), 'established', 'alive', 'offline'],
  ['password expired', packet(1820), 'established', 'alive', 'password expired'],
  ['any other answer', packet(4711), 'established', 'alive', 'error 4711'],
  ['a protocol that is not ours', { code: 'HANDSHAKE_UNKNOWN_ERROR', message: 'x' }, 'greeting', 'alive', 'protocol'],
];

describe('classify', () => {
  it.each(table)('%s', (_name, thrown, phase, kind, reason) => {
    expect(classify(thrown, { phase, isSent: false })).toMatchObject({ kind, reason });
  });

  it('takes a system error number for no answer of the server', () => {
    expect(classify(system('ECONNREFUSED'), { phase: 'connecting', isSent: false }).errno).toBeNull();
    expect(classify(packet(1045), { phase: 'greeting', isSent: false }).errno).toBe(1045);
  });

  it('calls a name with two addresses refused only when both are', () => {
    const both = Object.assign(new Error(''), { errors: [system('ECONNREFUSED'), system('ECONNREFUSED')] });
    const one = Object.assign(new Error(''), { errors: [system('ECONNREFUSED'), system('ETIMEDOUT')] });
    const options = { phase: 'connecting', isSent: false } as const;
    expect(classify(both, options).kind).toBe('refused');
    expect(classify(one, options).kind).toBe('timeout');
  });

  it('is told by the address that it has a network to', () => {
    const told = (...codes: readonly string[]): FailureKind => {
      const thrown = Object.assign(new Error(''), { errors: codes.map(system) });
      return classify(thrown, { phase: 'connecting', isSent: false }).kind;
    };
    expect(told('ENETUNREACH', 'ECONNREFUSED')).toBe('refused');
    expect(told('ENETUNREACH', 'ETIMEDOUT')).toBe('timeout');
    expect(told('ECONNREFUSED', 'EADDRNOTAVAIL', 'ETIMEDOUT')).toBe('timeout');
    expect(told('ENETUNREACH', 'ENETUNREACH')).toBe('unknown');
  });

  it('keeps nothing of the message about a secret statement', () => {
    const said = { ...packet(1064, 'ER_PARSE_ERROR'), message: "near 'hunter2'", sqlMessage: "near 'hunter2'" };
    const failure = classify(said, { phase: 'established', isSent: true, isSecret: true });
    expect(failure.message).toBe('error 1064: ER_PARSE_ERROR (message withheld)');
    expect(JSON.stringify({ ...failure })).not.toContain('hunter2');
  });

  it('never carries the statement, which the driver hangs on its errors', () => {
    const said = Object.assign(packet(1064), { sql: "SOURCE_PASSWORD = 'hunter2'" });
    const failure = classify(said, { phase: 'established', isSent: true });
    expect(`${failure.stack} ${JSON.stringify({ ...failure })} ${String(failure.cause)}`).not.toContain('hunter2');
  });
});

describe('silence', () => {
  it.each([
    ['resolving', 'unknown'],
    ['connecting', 'timeout'],
    ['greeting', 'hung'],
    ['authenticating', 'hung'],
    ['established', 'hung'],
  ] as const)('while %s is %s', (phase, kind) => {
    expect(silence(phase, 100, false)).toMatchObject({ kind, silentIn: phase === 'resolving' ? null : phase });
  });
});

describe('error numbers', () => {
  it('tells which answers leave the work in doubt', () => {
    expect([1053, 1317, 1876, 3169].every(mayBeHalfDone)).toBe(true);
    expect([1045, 1205, 1290].some(mayBeHalfDone)).toBe(false);
  });

  it('tells which answers end the session', () => {
    expect(endsSession(1053)).toBe(true);
    expect(endsSession(1205)).toBe(false);
  });
});
