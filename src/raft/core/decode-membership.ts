/** A membership as it comes from the wire or the disk: built anew, or null. Unknown keys fall away. */
import type { ManagerId } from '../../base/index.js';
import { managerId, namePattern } from '../../base/index.js';
import type { Learner, Member, Membership } from './membership.js';
import { membersMax } from './membership.js';

/** Far above what replacing one manager a day for years would make. */
const removedMax = 10_000;
const textCharsMax = 300;

export function decodeMembership(value: unknown): Membership | null {
  const from = asFields(value);
  if (from === null) return null;
  const voters = listOf(from['voters'], membersMax, memberOf);
  const learners = listOf(from['learners'], membersMax, learnerOf);
  const removed = listOf(from['removed'], removedMax, idOf);
  if (voters === null || learners === null || removed === null) return null;
  const ids = [...voters, ...learners].map((member) => member.id);
  return new Set(ids).size === ids.length ? { voters, learners, removed } : null;
}

function listOf<One>(value: unknown, max: number, one: (item: unknown) => One | null): readonly One[] | null {
  if (!Array.isArray(value) || value.length > max) return null;
  const list: One[] = [];
  // Not `map`: it would skip holes, and leave them unchecked.
  for (const item of value as unknown[]) {
    const decoded = one(item);
    if (decoded === null) return null;
    list.push(decoded);
  }
  return list;
}

function memberOf(value: unknown): Member | null {
  const from = asFields(value);
  if (from === null) return null;
  const id = idOf(from['id']);
  const replaces = from['replaces'] === null ? null : idOf(from['replaces']);
  const { rpc, http, storeId, reducerMax } = from;
  if (id === null || (replaces === null && from['replaces'] !== null)) return null;
  if (!isTextOrNull(rpc) || !isTextOrNull(http) || !isTextOrNull(storeId)) return null;
  if (!Number.isSafeInteger(reducerMax) || (reducerMax as number) < 1) return null;
  return { id, rpc, http, storeId, reducerMax: reducerMax as number, replaces };
}

function learnerOf(value: unknown): Learner | null {
  const member = memberOf(value);
  const then = asFields(value)?.['then'];
  return member !== null && (then === 'vote' || then === 'stay') ? { ...member, then } : null;
}

function idOf(value: unknown): ManagerId | null {
  return typeof value === 'string' && namePattern.test(value) ? managerId(value) : null;
}

const isTextOrNull = (value: unknown): value is string | null =>
  value === null || (typeof value === 'string' && value.length <= textCharsMax);

function asFields(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}
