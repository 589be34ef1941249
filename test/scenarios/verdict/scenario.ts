/**
 * Runs one text scenario of the verdict. Each line of a block is something that the leader hears; `judge` asks for the
 * verdict. The language:
 *
 *   new [servers=db1,db2,db3] [voters=m1,m2,m3] [leader=m1]    forgets everything; db1 is the primary
 *   TIME WHO WHAT OUTCOME [late=MS] [nonce=N] [lost|stopped|beat|elsewhere|alone] [period=MS]
 *   round N sent=TIME                                          the round that judge gets; `round none` takes it away
 *   judge TIME
 *
 * TIME is the leader's clock at receipt, in ms; `late` is how long the observation was on its way. WHO is `all` or
 * managers, WHAT `all`, `replicas` or servers. Replicas keep their counters unless the line says `beat`.
 */
import { clusterName, managerId, serverName } from '../../../src/base/index.js';
import type { ManagerId, ProbeOutcome, ReplicaFacts, ServerFacts, ServerName } from '../../../src/base/index.js';
import type { ClusterSpec } from '../../../src/ha/cluster-spec.js';
import type { Observation } from '../../../src/ha/observation.js';
import { ObservationTable } from '../../../src/ha/observation-table.js';
import { judgePrimary } from '../../../src/ha/verdict.js';

const cluster = clusterName('app1');

interface Row {
  misses: number;
  firstMissAtMs: number;
}

export class Scenario {
  #servers: ServerName[] = [];
  #voters: ManagerId[] = [];
  #leader = managerId('m1');
  #table = new ObservationTable();
  #rows = new Map<string, Row>();
  #heartbeats = new Map<string, number>();
  /** Whatever carries a nonce, of all rounds: the judge has to take its own. */
  #answers: Observation[] = [];
  #round: { nonce: string; sentAtMs: number } | null = null;

  constructor() {
    this.#reset({});
  }

  /** Runs a block, returns what its `judge` lines say. */
  run(block: readonly string[]): string {
    const said: string[] = [];
    for (const line of block) {
      const words = line.replace(/#.*/, '').trim().split(/\s+/);
      if (words[0] === '') continue;
      if (words[0] === 'new') this.#reset(optionsOf(words));
      else if (words[0] === 'round') this.#setRound(words);
      else if (words[0] === 'judge') said.push(this.#judge(Number(words[1])));
      else this.#hear(words);
    }
    return said.join('\n');
  }

  #reset(options: Record<string, string>): void {
    this.#servers = (options['servers'] ?? 'db1,db2,db3').split(',').map(serverName);
    this.#voters = (options['voters'] ?? 'm1,m2,m3').split(',').map(managerId);
    this.#leader = managerId(options['leader'] ?? 'm1');
    this.#table = new ObservationTable();
    this.#table.retain([...this.#voters, managerId('learner')], { [cluster]: { spec: this.#spec() } });
    this.#rows.clear();
    this.#heartbeats.clear();
    this.#answers = [];
    this.#round = null;
  }

  #setRound(words: readonly string[]): void {
    const nonce = words[1] ?? '';
    this.#round = nonce === 'none' ? null : { nonce, sentAtMs: Number(optionsOf(words)['sent']) };
  }

  #hear(words: readonly string[]): void {
    const [time = '', who = '', what = '', outcome = ''] = words;
    const options = optionsOf(words);
    const managers = who === 'all' ? this.#voters : who.split(',').map(managerId);
    const replicas = this.#servers.slice(1);
    const all = what === 'all' ? this.#servers : what === 'replicas' ? replicas : what.split(',').map(serverName);
    for (const server of all) {
      if (words.includes('beat')) this.#heartbeats.set(server, (this.#heartbeats.get(server) ?? 0) + 1);
      for (const manager of managers) {
        const result = this.#outcome(outcome, server, words, options);
        const observation = this.#observe(manager, server, result, Number(time) - Number(options['late'] ?? 0));
        const nonce = options['nonce'] ?? null;
        if (nonce !== null) this.#answers.push({ ...observation, nonce });
        if (!this.#table.record({ ...observation, nonce }, Number(time))) throw new Error(`not declared: ${server}`);
      }
    }
  }

  #observe(manager: ManagerId, server: ServerName, outcome: ProbeOutcome, madeAtMs: number): Observation {
    const key = `${manager}/${server}`;
    if (outcome.kind === 'ok' || outcome.kind === 'alive') this.#rows.delete(key);
    else if (outcome.kind !== 'unknown') {
      const row = this.#rows.get(key) ?? { misses: 0, firstMissAtMs: madeAtMs };
      this.#rows.set(key, { ...row, misses: row.misses + 1 });
    }
    const row = this.#rows.get(key);
    return {
      manager,
      cluster,
      server,
      outcome,
      misses: row?.misses ?? 0,
      missingForMs: row === undefined ? 0 : madeAtMs - row.firstMissAtMs,
      nonce: null,
    };
  }

  #outcome(
    kind: string,
    server: ServerName,
    words: readonly string[],
    options: Record<string, string>,
  ): ProbeOutcome {
    switch (kind) {
      case 'ok':
        return { kind, latencyMs: 1, facts: this.#facts(server, words, options) };
      case 'refused':
      case 'reset':
      case 'timeout':
      case 'hung':
        return { kind, detail: kind };
      case 'denied':
        return { kind: 'alive', reason: 'access denied', detail: "Access denied for user 'hactl'" };
      case 'full':
        return { kind: 'alive', reason: 'too many connections', detail: 'Too many connections' };
      case 'unknown':
        return { kind, detail: 'the name could not be resolved' };
      default:
        throw new Error(`unknown outcome ${kind}`);
    }
  }

  #facts(server: ServerName, words: readonly string[], options: Record<string, string>): ServerFacts {
    const isAlone = server === this.#servers[0] || words.includes('alone');
    const source = words.includes('elsewhere') ? 'db3' : (this.#servers[0] ?? '');
    const replica: ReplicaFacts = {
      sourceHost: source,
      sourcePort: 3306,
      sourceUser: 'repl',
      sourceUuid: `uuid-${source}`,
      receiver: words.includes('lost') ? 'connecting' : words.includes('stopped') ? 'off' : 'on',
      applier: 'on',
      receiverError: '',
      applierError: '',
      autoPosition: true,
      received: '',
      delayS: 0,
      lagMs: 0,
      heartbeats: this.#heartbeats.get(server) ?? 0,
      heartbeatPeriodMs: Number(options['period'] ?? 1000),
    };
    return {
      serverUuid: `uuid-${server}`,
      serverId: 1,
      version: '9.7.4',
      readOnly: !isAlone,
      superReadOnly: !isAlone,
      offline: false,
      logBin: true,
      logReplicaUpdates: true,
      gtidMode: 'ON',
      executed: '',
      startedAtS: 0,
      replica: isAlone ? null : replica,
      semiSync: null,
      replicaUuids: [],
    };
  }

  #judge(nowMs: number): string {
    const round = this.#round;
    const verdict = judgePrimary({
      spec: this.#spec(),
      primary: this.#servers[0] ?? serverName('none'),
      voters: this.#voters,
      leader: this.#leader,
      observations: this.#table.latest(cluster),
      testimony: this.#table.testimony(cluster, this.#servers[0] ?? serverName('none')),
      nowMs,
      round: round === null ? null : { ...round, observations: [...this.#answers] },
    });
    const wants = verdict.wantsRound ? ', wants a round' : '';
    return `${nowMs} ${verdict.rule} ${verdict.kind}${wants}\n  ${verdict.reason}`;
  }

  #spec(): ClusterSpec {
    return {
      servers: this.#servers.map((name) => ({ name, host: name, port: 3306, zone: null, candidate: 'allow' })),
      mysql: { user: 'hactl', password: 'env:A' },
      replication: { user: 'repl', password: 'env:B' },
      durability: 'async',
      detection: { intervalMs: 1000, confirmMs: 1000, probeTimeoutMs: 1000 },
      fencing: { policy: 'best-effort' },
      switchover: { maxPauseMs: 5000 },
    };
  }
}

function optionsOf(words: readonly string[]): Record<string, string> {
  const pairs = words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]);
  return Object.fromEntries(pairs);
}
