/**
 * Who may change something over HTTP. With a token: whoever sends it. Without one: programs on this host only, and no
 * web page (browsers send `Origin` with every POST; a page could otherwise reach a loopback port of its reader).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv4 } from 'node:net';
import type { Secret } from '../base/index.js';
import { HactlError } from '../base/index.js';

export interface Caller {
  /** Address of the socket's other end, never a forwarded header. */
  readonly address: string;
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return isIPv4(plain) ? loopback.check(plain, 'ipv4') : loopback.check(plain, 'ipv6');
}

/** Equal time for every wrong token: digests have one length, so not even the token's length shows. */
function isSameSecret(given: string, expected: Secret): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected.reveal()));
}

/** Throws HactlError `forbidden`. */
export function requireMayChange(caller: Caller, token: Secret | null): void {
  if (token === null) {
    if (isLoopback(caller.address) && caller.origin === undefined) return;
    throw new HactlError({
      code: 'forbidden',
      what: 'this manager takes no changes from here',
      why: 'no token is configured, so only programs on the manager\'s own host may change something',
      next: 'set `token: file:/path` in every manager.yaml and HACTL_TOKEN_FILE for hactl, or run hactl on that host',
    });
  }
  const given = /^Bearer +(\S+)$/i.exec(caller.authorization ?? '')?.[1];
  if (given !== undefined && isSameSecret(given, token)) return;
  throw new HactlError({
    code: 'forbidden',
    what: given === undefined ? 'changes need a token' : 'the token is wrong',
    next: 'give the managers\' token to hactl in HACTL_TOKEN_FILE or HACTL_TOKEN',
  });
}
