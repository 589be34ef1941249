/** Which verdicts a failover may act on. One list, asked before it starts and when a new leader confirms it again. */
import type { VerdictKind } from './verdict.js';

export function failoverSubject(kind: VerdictKind): boolean {
  return kind === 'DeadPrimary';
}
