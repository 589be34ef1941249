/**
 * Runs the commands of one scenario against a cluster and collects what the nodes say. README.md lists the commands.
 * Timeouts are not random here: node m<k> campaigns T + k ticks after it last heard something, so ten ticks (T) end
 * stickiness everywhere and start no election.
 */
import type { Prng } from '../../../src/base/index.js';
import { managerId } from '../../../src/base/index.js';
import { unknownMember } from '../../../src/raft/core/index.js';
import type { EntryPayload, MembershipChange, Message, Output, RaftCoreConfig } from '../../../src/raft/core/index.js';
import { TestCluster } from './cluster.js';
import { entryWords, membershipWords, messageWords, outputWords, viewWords } from './wording.js';

const electionTimeoutTicks = 10;
/** A settle that takes longer never ends. */
const settleRoundsMax = 200;
const quietKinds: ReadonlySet<Output['kind']> = new Set(['write', 'send', 'log']);

/** `events`: no writes, sends and log lines. `nothing`: only a halt. */
type Hearing = 'everything' | 'events' | 'nothing';

type Command = (script: Script, words: readonly string[]) => void;

export class Script {
  #cluster: TestCluster | null = null;
  #lines: string[] = [];
  #hearing: Hearing = 'everything';
  /** How many campaigns began; tells `timeout` when to stop. */
  campaigns = 0;
  readonly saved = new Map<string, { readonly link: string; readonly message: Message }>();
  #proposals = 0;

  /** The output of one block. */
  run(commandLines: readonly string[]): string {
    this.#lines = [];
    for (const line of commandLines) {
      const words = line.split(/\s+/);
      if (words[0] === 'quiet') this.hearing('nothing', () => this.#runOne(words.slice(1)));
      else this.#runOne(words);
    }
    return this.#lines.length === 0 ? 'ok' : this.#lines.join('\n');
  }

  #runOne([name = '', ...words]: readonly string[]): void {
    const command = commands[name];
    if (command === undefined) throw new Error(`unknown command: ${name}`);
    command(this, words);
  }

  get cluster(): TestCluster {
    if (this.#cluster === null) throw new Error('a scenario begins with: cluster SIZE');
    return this.#cluster;
  }

  say(line: string): void {
    if (this.#hearing !== 'nothing') this.#lines.push(line.trimEnd());
  }

  create(size: number, config: Partial<RaftCoreConfig>): void {
    const timing = { electionTimeoutTicks, heartbeatTicks: 3 };
    this.#cluster = new TestCluster({
      size,
      config: { ...timing, ...config },
      prng: (id) => fixedPrng(Number(id.slice(1))),
      onOutput: (id, output) => {
        if (output.kind === 'log' && output.event === 'pre-campaign-started') this.campaigns += 1;
        if (this.#hears(output)) this.#lines.push(`${id} ${outputWords(output)}`.trimEnd());
      },
    });
  }

  propose(id: string, payload: EntryPayload, isUrgent = false): void {
    this.#proposals += 1;
    const { nowMs } = this.cluster;
    this.cluster.step(id, { kind: 'propose', proposalId: this.#proposals, payload, nowMs, isUrgent });
  }

  change(id: string, change: MembershipChange): void {
    this.#proposals += 1;
    const { nowMs } = this.cluster;
    this.cluster.step(id, { kind: 'change-membership', proposalId: this.#proposals, change, nowMs });
  }

  /** Does this while hearing less; never more than was heard before. */
  hearing(hearing: Hearing, work: () => void): void {
    const before = this.#hearing;
    if (before !== 'nothing') this.#hearing = hearing;
    work();
    this.#hearing = before;
  }

  #hears(output: Output): boolean {
    if (output.kind === 'halt' || this.#hearing === 'everything') return true;
    return this.#hearing === 'events' && !quietKinds.has(output.kind);
  }

  /** Persists and delivers among these nodes until nothing moves; messages to and from others stay where they are. */
  settle(ids: readonly string[]): void {
    for (let round = 0; round < settleRoundsMax; round += 1) {
      let isMoving = false;
      for (const id of ids) isMoving = this.cluster.persist(id, Infinity) || isMoving;
      for (const link of this.cluster.busyLinks()) {
        const [from = '', to = ''] = link.split('->');
        if (!ids.includes(from) || !ids.includes(to)) continue;
        isMoving = true;
        this.cluster.deliver(link);
      }
      if (!isMoving) return;
    }
    throw new Error('the cluster does not come to rest');
  }

  cut(ids: readonly string[], isCut: boolean): void {
    const others = this.cluster.ids.filter((id) => !ids.includes(id));
    for (const a of ids) {
      for (const b of others) {
        for (const link of [`${a}->${b}`, `${b}->${a}`]) {
          if (isCut) this.cluster.cuts.add(link);
          else this.cluster.cuts.delete(link);
          if (isCut) this.cluster.links.delete(link);
        }
      }
    }
  }
}

const commands: Readonly<Record<string, Command>> = {
  cluster: (script, [size, ...settings]) => {
    script.create(Number(size), Object.fromEntries(settings.map((setting) => {
      const [key, value] = setting.split('=');
      return [key, Number(value)];
    })));
  },
  tick: (script, words) => {
    const count = Number(words.at(-1));
    for (let done = 0; done < count; done += 1) for (const id of words.slice(0, -1)) script.cluster.tick(id);
  },
  /** A timeout, then a settle among these nodes (all, if none are named). */
  elect: (script, [id = '', ...among]) => {
    script.hearing('events', () => {
      untilCampaign(script, id);
      script.settle(among.length === 0 ? script.cluster.ids : [id, ...among]);
    });
  },
  timeout: (script, [id = '']) => untilCampaign(script, id),
  time: (script, [nowMs]) => {
    script.cluster.nowMs = Number(nowMs);
  },
  propose: (script, [id = '', text = '', urgent]) =>
    script.propose(id, commandOf(new TextEncoder().encode(text)), urgent === 'urgent'),
  'propose-bytes': (script, [id = '', size]) => script.propose(id, commandOf(new Uint8Array(Number(size)))),
  join: (script, ids) => ids.forEach((id) => script.cluster.join(id)),
  wipe: (script, ids) => ids.forEach((id) => script.cluster.wipe(id)),
  /** By the first node; `stay`: never votes. */
  add: (script, [by = '', id = '', ...words]) => {
    const of = words.indexOf('for');
    const replaces = of < 0 ? null : managerId(words[of + 1] ?? '');
    const then = words.includes('stay') ? 'stay' : 'vote';
    script.change(by, { kind: 'add', learner: { ...unknownMember(managerId(id)), then, replaces } });
  },
  remove: (script, [by = '', id = '']) => script.change(by, { kind: 'remove', id: managerId(id) }),
  describe: (script, [by = '', id = '', rpc = null]) =>
    script.change(by, { kind: 'describe', member: { ...unknownMember(managerId(id)), rpc } }),
  members: (script, ids) => {
    for (const id of ids) {
      const { membership, isMembershipCommitted } = script.cluster.node(id).core!.inspect();
      script.say(`${id} knows ${membershipWords(membership)}${isMembershipCommitted ? '' : ' (not committed)'}`);
    }
  },
  /** A copy of the oldest message, which can come again at any time. */
  save: (script, [link = '', name = '']) => {
    const message = script.cluster.links.get(link)?.[0];
    if (message === undefined) throw new Error(`nothing is under way on ${link}`);
    script.saved.set(name, { link, message });
  },
  replay: (script, [name = '']) => {
    const saved = script.saved.get(name);
    if (saved === undefined) throw new Error(`nothing was saved as ${name}`);
    const { link, message } = saved;
    script.say(`${link} once more ${messageWords(message)}`);
    script.cluster.links.set(link, [message, ...(script.cluster.links.get(link) ?? [])]);
    script.cluster.deliver(link);
  },
  /** A bit of the oldest chunk flips on the way. */
  damage: (script, [link = '']) => {
    const queue = script.cluster.links.get(link) ?? [];
    const chunk = queue[0];
    if (chunk?.kind !== 'snapshot-chunk') throw new Error(`no chunk comes next on ${link}`);
    const bytes = chunk.bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
    queue[0] = { ...chunk, bytes };
  },
  transfer: (script, [by = '', target]) =>
    script.cluster.step(by, {
      kind: 'transfer-leadership', target: target === undefined ? null : managerId(target),
    }),
  'disk-low': (script, [id = '', isLow = 'yes']) =>
    script.cluster.step(id, { kind: 'disk-space', isLow: isLow === 'yes' }),
  /** What each state machine holds. */
  state: (script, ids) => {
    for (const node of script.cluster.nodes) {
      if (ids.includes(node.id)) script.say(`${node.id} ${node.appliedIndex}: ${node.applied.join(' ')}`);
    }
  },
  read: (script, [id = '', readId]) => script.cluster.step(id, { kind: 'read-request', readId: Number(readId) }),
  persist: (script, [id = '', count]) => {
    if (!script.cluster.persist(id, count === undefined ? Infinity : Number(count))) script.say('nothing to persist');
  },
  'fail-storage': (script, [id = '', ...reason]) =>
    script.cluster.step(id, { kind: 'storage-failed', reason: reason.join(' ') }),
  deliver: (script, [link = '', count = '1']) => {
    for (let done = 0; done < Number(count); done += 1) {
      const message = script.cluster.links.get(link)?.[0];
      script.say(`${link} ${message === undefined ? 'nothing' : messageWords(message)}`);
      script.cluster.deliver(link);
    }
  },
  /** `m1->*` with everything under way from m1; or one link, and how many. */
  drop: (script, [link = '', count = '1']) => {
    if (link.endsWith('*')) {
      for (const name of script.cluster.busyLinks()) {
        if (name.startsWith(link.slice(0, -1))) script.cluster.links.delete(name);
      }
      return;
    }
    for (let done = 0; done < Number(count); done += 1) {
      const message = script.cluster.drop(link);
      script.say(`${link} lost ${message === null ? 'nothing' : messageWords(message)}`);
    }
  },
  /** The oldest message is overtaken by all others of its link. */
  delay: (script, [link = '']) => {
    const queue = script.cluster.links.get(link) ?? [];
    queue.push(...queue.splice(0, 1));
  },
  settle: (script, ids) => script.hearing('events', () => script.settle(ids.length === 0 ? script.cluster.ids : ids)),
  isolate: (script, ids) => script.cut(ids, true),
  heal: (script) => script.cluster.cuts.clear(),
  crash: (script, ids) => ids.forEach((id) => script.cluster.crash(id)),
  restart: (script, ids) => {
    for (const id of ids) {
      try {
        script.cluster.start(id);
        script.say(`${id} ${viewWords(script.cluster.node(id).core!.inspect())}`);
      } catch (thrown) {
        script.say(`${id} refuses to start: ${(thrown as Error).message}`);
      }
    }
  },
  /** A disk that loses acknowledged entries; `hide` also sets the stored commit index back: nothing shows at start. */
  'lose-entries': (script, [id = '', from, hide]) => {
    const { disk } = script.cluster.node(id);
    disk.entries.length = Number(from) - 1;
    if (hide === 'hide') disk.hardState = { ...disk.hardState, commitIndex: 0 as never };
  },
  status: (script, ids) => {
    for (const node of script.cluster.nodes) {
      if (ids.length > 0 && !ids.includes(node.id)) continue;
      script.say(`${node.id} ${node.core === null ? 'crashed' : viewWords(node.core.inspect())}`);
    }
  },
  peers: (script, [id = '']) => {
    for (const peer of script.cluster.node(id).core?.inspect().peers ?? []) {
      const activity = (peer.recentlyActive ? 'active' : 'silent') + (peer.isStuck ? ' stuck' : '');
      script.say(`${id} sees ${peer.id} ${peer.state} match=${peer.match} next=${peer.next} ${activity}`);
    }
  },
  disk: (script, ids) => {
    for (const id of ids) {
      const { hardState, entries, snapshot } = script.cluster.node(id).disk;
      const held = snapshot === null ? '' : ` snapshot=${snapshot.index}@${snapshot.term}`;
      const vote = `term=${hardState.term} vote=${hardState.votedFor ?? '-'} commit=${hardState.commitIndex}`;
      script.say(`${id} disk ${vote}${held} [${entryWords(entries)}]`);
    }
  },
  times: (script, ids) => {
    for (const id of ids) script.say(`${id} ${script.cluster.node(id).disk.entries.map((e) => e.timeMs).join(' ')}`);
  },
  network: (script) => {
    for (const link of script.cluster.busyLinks()) {
      for (const message of script.cluster.links.get(link) ?? []) script.say(`${link} ${messageWords(message)}`);
    }
  },
};

function untilCampaign(script: Script, id: string): void {
  const before = script.campaigns;
  for (let done = 0; done < 2 * electionTimeoutTicks && script.campaigns === before; done += 1) script.cluster.tick(id);
  if (script.campaigns === before) script.say(`${id} did not campaign`);
}

function commandOf(command: Uint8Array): EntryPayload {
  return { kind: 'command', session: { id: 's', serial: 1 }, command };
}

function fixedPrng(number: number): Prng {
  return { next: () => 0, int: (min) => min + number, hex: (digits) => '0'.repeat(digits) };
}
