/** `host:port` and hosts as they stand in configuration files. Nothing is looked up in DNS here. */
import { isIP } from 'node:net';
import type { ServerAddress } from '../base/index.js';

const hostName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/;

/** A host name, an IPv4 address, or an IPv6 address without brackets. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  // Digits and dots that are no address are a mistyped address, not a name.
  return hostName.test(text) && !/^[\d.]+$/.test(text);
}

/** null when `text` is not `host:port`. IPv6 wants brackets: `[::1]:7400`. */
export function parseHostPort(text: string): ServerAddress | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const bracketed = match[1];
  if (bracketed !== undefined && isIP(bracketed) !== 6) return null;
  const host = bracketed ?? match[2] ?? '';
  const port = Number(match[3]);
  return isHost(host) && port >= 1 && port <= 65_535 ? { host, port } : null;
}

export function formatHostPort(address: ServerAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
