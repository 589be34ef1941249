/** One planted bug for each rule of src/raft/DESIGN.md. What the core's own assertions would find first is here too. */
import type { Canary } from './canary.js';

const core = (name: string): string => `src/raft/core/${name}.ts`;

const heldBy = 'const held = majorityIndex(state.voters, (voter) =>';

const persistence: readonly Canary[] = [
  {
    name: 'vote-spoken-before-durable',
    invariant: 'durable votes',
    file: core('election'),
    find: "const answer: VoteResponse = { kind: 'vote-response', term: state.term, granted };\n"
      + '  state.send(to, answer, state.durability.afterAll());',
    replace: "const answer: VoteResponse = { kind: 'vote-response', term: state.term, granted };\n"
      + '  state.send(to, answer, null);',
  },
  {
    name: 'vote-request-before-durable',
    invariant: 'durable votes',
    file: core('election'),
    find: 'for (const voter of state.otherVoters) state.send(voter, message, after);',
    replace: 'for (const voter of state.otherVoters) state.send(voter, message, null);',
  },
  {
    name: 'leads-before-own-vote-durable',
    invariant: 'durable votes',
    file: core('election'),
    find: 'const after = state.durability.afterAll();\n  state.ownVoteSeq = after;',
    replace: 'const after = null;\n  state.ownVoteSeq = after;\n  state.votes.set(state.config.id, true);',
  },
  {
    name: 'acknowledged-before-durable',
    invariant: 'durable acknowledgements',
    file: core('following'),
    find: 'state.durability.afterEntries(matchIndex),',
    replace: 'null,',
  },
  {
    name: 'heartbeat-acknowledges-undurable',
    invariant: 'durable acknowledgements',
    file: core('following'),
    find: 'const matchIndex = request.entries.length === 0 && durableIndex < agreed ? durableIndex : agreed;\n'
      + '  acknowledge(state, to, matchIndex, request.readRound);',
    replace: 'const isSlow = durableIndex < agreed;\n  state.send(to, { kind: "append-response", accepted: true, '
      + 'term: state.term, matchIndex: agreed, readRound: request.readRound, isDiskLow: false }, '
      + 'isSlow && request.entries.length > 0 ? state.durability.afterEntries(agreed) : state.durability.afterVote());',
  },
  {
    name: 'leader-counts-undurable-own',
    invariant: 'quorum log',
    file: core('replication'),
    find: 'voter === state.config.id ? state.durability.durableIndex :',
    replace: 'voter === state.config.id ? state.log.lastIndex :',
  },
  {
    name: 'vote-not-persisted',
    invariant: 'durable votes',
    file: core('core-state'),
    find: 'this.votedFor = candidate;\n    this.#voteChanged();',
    replace: 'this.votedFor = candidate;',
  },
  {
    name: 'persisted-notice-aba',
    invariant: 'durable',
    file: core('durability'),
    find: 'for (const write of this.#pending) if (write.upTo > kept) write.upTo = kept;',
    replace: '',
  },
  {
    name: 'applied-before-durable',
    invariant: 'durable apply',
    file: core('raft-core'),
    find: 'const upTo = durableIndex < state.commitIndex ? durableIndex : state.commitIndex;',
    replace: 'const upTo = durableIndex < 0 ? durableIndex : state.commitIndex;',
  },
];

const elections: readonly Canary[] = [
  {
    name: 'no-no-op',
    invariant: 'a leader opened its term',
    file: core('election'),
    find: "state.appendOwn({ kind: 'no-op' });",
    replace: '',
  },
  {
    name: 'vote-without-comparing-logs',
    invariant: 'election restriction',
    file: core('election'),
    find: 'const granted = isFree && mayVote(state) && state.log.isUpToDate(request.lastIndex, request.lastTerm);',
    replace: 'const granted = isFree && mayVote(state);',
  },
  {
    name: 'pre-vote-without-comparing-logs',
    invariant: 'election restriction',
    file: core('election'),
    find: 'const granted = isOpen && mayVote(state) && state.log.isUpToDate(request.lastIndex, request.lastTerm);',
    replace: 'const granted = isOpen && mayVote(state);',
  },
  {
    name: 'vote-compares-index-only',
    invariant: 'election restriction',
    file: core('log'),
    find: 'return otherLastTerm > this.lastTerm || (otherLastTerm === this.lastTerm '
      + '&& otherLastIndex >= this.lastIndex);',
    replace: 'return otherLastIndex >= this.lastIndex;',
  },
  {
    name: 'votes-twice-in-a-term',
    invariant: 'one vote per term',
    file: core('election'),
    find: 'const isFree = state.votedFor === from || (state.votedFor === null && state.leader === null);',
    replace: 'const isFree = true;',
  },
  {
    name: 'forgets-its-vote-quietly',
    invariant: 'one vote per term',
    file: core('election'),
    find: 'const isFree = state.votedFor === from || (state.votedFor === null && state.leader === null);',
    replace: 'const isFree = true;\n  state.votedFor = null;',
  },
  {
    name: 'no-stickiness',
    invariant: 'stickiness',
    file: core('raft-core'),
    find: 'if (wantsVote && !isTransfer && election.isLeaderFresh(state)) {',
    replace: "if (wantsVote && !isTransfer && state.role === 'leader') {",
  },
  {
    name: 'restart-forgets-stickiness',
    invariant: 'stickiness',
    file: core('core-state'),
    find: 'this.leaderSilentTicks = hardState.term > 0 ? 0 : Infinity;',
    replace: 'this.leaderSilentTicks = Infinity;',
  },
  {
    name: 'no-check-quorum',
    invariant: 'check quorum',
    file: core('replication'),
    find: 'if (!isMajority(state.voters, (voter) => isHeard(state, voter))) {',
    replace: 'if (state.voters.length === 0 && isHeard(state, state.config.id)) {',
  },
  {
    name: 'joining-node-votes',
    invariant: 'joining',
    file: core('election'),
    find: 'return state.voters.length > 0;',
    replace: 'return true;',
  },
  {
    name: 'timeout-now-of-any-term',
    invariant: 'transfer',
    file: core('raft-core'),
    find: 'if (message.term < state.term) {',
    replace: "if (message.term < state.term && message.kind !== 'timeout-now') {",
  },
  {
    name: 'leads-on-after-handing-over',
    invariant: 'transfer',
    file: core('transfer'),
    find: "state.note('handed-over', { to: transfer.target, term: state.term });\n"
      + '  state.becomeFollower(state.term, null);',
    replace: "state.note('handed-over', { to: transfer.target, term: state.term });",
  },
];

const replication: readonly Canary[] = [
  {
    name: 'commits-older-term-by-counting',
    invariant: 'own term',
    file: core('replication'),
    find: 'if (held <= state.commitIndex || !state.log.matches(held, state.term)) return;',
    replace: 'if (held <= state.commitIndex) return;',
  },
  {
    name: 'tells-commit-beyond-match',
    invariant: 'told commit',
    file: core('replication'),
    find: 'return progress.match < state.commitIndex ? progress.match : state.commitIndex;',
    replace: 'return state.commitIndex > progress.match ? state.commitIndex : progress.match;',
  },
  {
    name: 'stale-append-cuts-acknowledged',
    invariant: 'append only',
    file: core('following'),
    find: 'const conflict = firstUnknown(state, request.entries.filter((entry) => entry.index > baseIndex));',
    replace: 'const conflict = request.entries.find((entry) => entry.index > state.commitIndex '
      + '&& entry.index > baseIndex) ?? firstUnknown(state, []);',
  },
  {
    name: 'appends-without-comparing-the-entry-before',
    invariant: 'log matching',
    file: core('following'),
    find: 'if (request.prevIndex >= baseIndex && !state.log.matches(request.prevIndex, request.prevTerm)) {',
    replace: 'if (request.prevIndex > state.log.lastIndex) {',
  },
  {
    name: 'inflight-messages-unbounded',
    invariant: 'the window is overrun',
    file: core('progress'),
    find: 'progress.inflights.length < window.inflightMessagesMax && progress.inflightBytes < window.inflightBytesMax',
    replace: 'progress.inflightBytes < window.inflightBytesMax',
  },
  {
    name: 'inflight-bytes-unbounded',
    invariant: 'window',
    file: core('progress'),
    find: 'progress.inflights.length < window.inflightMessagesMax && progress.inflightBytes < window.inflightBytesMax',
    replace: 'progress.inflights.length < window.inflightMessagesMax',
  },
  {
    name: 'cluster-time-goes-back',
    invariant: 'the time of entry',
    file: core('core-state'),
    find: 'Math.max(Math.trunc(this.nowMs), this.log.lastTimeMs)',
    replace: 'Math.trunc(this.nowMs)',
  },
  {
    name: 'read-without-a-round',
    invariant: 'reads',
    file: core('reads'),
    find: '(voter) => voter === state.config.id || (state.peers.get(voter)?.ackedRound ?? 0) >= running.round,',
    replace: '() => running.round > 0,',
  },
  {
    name: 'read-joins-an-older-round',
    invariant: 'reads',
    file: core('read-index'),
    find: 'this.#round += 1;\n    this.#running',
    replace: 'this.#round = Math.max(1, this.#round);\n    this.#running',
  },
  {
    name: 'read-before-the-no-op',
    invariant: 'reads',
    file: core('reads'),
    find: 'state.reads.hasParked && state.knowsCommit) {',
    replace: 'state.reads.hasParked) {',
  },
];

const memberships: readonly Canary[] = [
  {
    name: 'no-change-barrier',
    invariant: 'change barrier',
    file: core('membership-changing'),
    find: 'if (!state.knowsCommit) return {',
    replace: 'if (state.log.lastIndex === 0) return {',
  },
  {
    name: 'two-changes-at-once',
    invariant: 'one change at a time',
    file: core('membership-changing'),
    find: 'if (state.membershipIndex > state.commitIndex) {',
    replace: 'if (state.membershipIndex > state.log.lastIndex) {',
  },
  {
    name: 'learners-count',
    invariant: 'quorum log',
    file: core('replication'),
    find: heldBy,
    replace: 'const held = majorityIndex([...state.peers.keys(), state.config.id], (voter) =>',
  },
  {
    name: 'removed-leader-counts-itself',
    invariant: 'quorum log',
    file: core('replication'),
    find: heldBy,
    replace: 'const held = majorityIndex([...new Set([...state.voters, state.config.id])], (voter) =>',
  },
  {
    name: 'removed-leader-leads-on',
    invariant: 'removed',
    file: core('replication'),
    find: 'if (!state.isVoter && state.membershipIndex <= state.commitIndex) {',
    replace: 'if (!state.isVoter && state.membershipIndex > state.log.lastIndex) {',
  },
  {
    name: 'removed-leader-may-not-campaign',
    invariant: 'a healed cluster',
    file: core('core-state'),
    find: 'if (this.isVoter) return true;\n    return this.#memberships',
    replace: 'if (!this.isVoter) return false;\n    return this.#memberships',
    // With two voters only: else the others can elect one of themselves.
    sizes: [2],
  },
  {
    name: 'membership-survives-truncation',
    invariant: 'order',
    file: core('core-state'),
    find: 'if (this.#memberships.truncatedFrom(index)) this.#followMembership();',
    replace: '',
  },
];

const snapshots: readonly Canary[] = [
  {
    name: 'snapshot-outrun-by-a-compaction',
    invariant: 'a healed cluster',
    file: core('progress'),
    find: 'if (isInstalled) becomeProbe(progress, logIndex(progress.match + 1));',
    replace: 'if (isInstalled) progress.silentTicks = 0;',
  },
  {
    name: 'snapshot-acknowledged-before-durable',
    invariant: 'durable acknowledgements',
    file: core('snapshot-receiving'),
    find: 'answer(state, from, base.index, incoming.offset);\n  acknowledge(state, from, base.index, 0);',
    replace: "state.send(from, { kind: 'append-response', accepted: true, term: state.term, matchIndex: base.index, "
      + 'readRound: 0, isDiskLow: false }, null);',
  },
  {
    name: 'snapshot-checksums-ignored',
    invariant: 'equal snapshots',
    file: core('snapshot-receiving'),
    find: `  if (chunk.offset === incoming.offset && crc32(chunk.bytes) === chunk.crc) {
    incoming.data.set(chunk.bytes, incoming.offset);
    incoming.offset += chunk.bytes.length;
  }
  if (incoming.offset < incoming.data.length) {
    answer(state, from, base.index, incoming.offset);
    return;
  }
  state.incoming = null;
  if (crc32(incoming.data) !== chunk.totalCrc) {`,
    replace: `  if (chunk.offset === incoming.offset) {
    incoming.data.set(chunk.bytes, incoming.offset);
    incoming.offset += chunk.bytes.length;
  }
  if (incoming.offset < incoming.data.length) {
    answer(state, from, base.index, incoming.offset);
    return;
  }
  state.incoming = null;
  if (crc32(incoming.data) < 0) {`,
  },
  {
    name: 'compacts-before-the-snapshot-is-written',
    invariant: 'snapshots',
    file: core('core-state'),
    find: 'this.#write.snapshot(this.snapshot);',
    replace: '',
  },
  {
    name: 'snapshot-with-the-newest-members',
    invariant: 'equal snapshots',
    file: core('core-state'),
    find: 'this.snapshot = { ...base, membership: this.#memberships.at(index), data };',
    replace: 'this.snapshot = { ...base, membership: this.#memberships.current, data };',
  },
  {
    name: 'stands-on-a-snapshot-before-durable',
    invariant: 'durable apply',
    file: core('raft-core'),
    find: 'if (state.installing !== null && state.installing.seq <= seq) installedPersisted(state);',
    replace: 'if (state.installing !== null) installedPersisted(state);',
  },
];

const stores: readonly Canary[] = [
  {
    name: 'retried-command-runs-twice',
    invariant: 'once',
    file: 'src/raft/sessions.ts',
    find: 'const isRetry = known !== undefined && session.serial === known.serial;',
    replace: 'const isRetry = known !== undefined && session.serial === known.serial - 1;',
  },
  {
    name: 'hash-chain-not-checked',
    invariant: 'audit',
    file: 'src/raft/log-audit.ts',
    find: "if (!sameHash(decoded.parent, parent)) return broken('does not follow from the entry before it');",
    replace: '',
  },
  {
    name: 'acknowledged-tail-cut',
    invariant: 'audit',
    file: 'src/raft/log-audit.ts',
    find: 'if (!beyondMarker || markerHash === undefined || !sameHash(markerHash, marker.tail.hash)) {',
    replace: 'if (beyondMarker && markerHash === undefined) {',
  },
  {
    name: 'lost-write-not-noticed',
    invariant: 'audit',
    file: 'src/raft/log-audit.ts',
    find: 'if (stored.generation < marker.generation) {',
    replace: 'if (stored.generation < 0) {',
  },
];

export const raftCanaries: readonly Canary[] = [
  ...persistence, ...elections, ...replication, ...memberships, ...snapshots, ...stores,
];
