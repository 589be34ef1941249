/**
 * How long until a put is acknowledged again after SIGKILL to the leader. The client knows nothing: it sends a put to
 * both survivors every few milliseconds and takes the first acknowledgement. (A follower of etcd holds or forwards a
 * put, one of hactl refuses it at once; sent anew every few milliseconds, this makes no difference.)
 */
import { keyOf, valueOf } from './load.js';
import { waitForAll, type Member, type Trio } from './member.js';
import { spreadOf, type Spread } from './numbers.js';
import { valueBytes } from './plan.js';

export interface LeaderChangeResult {
  readonly kills: number;
  readonly ms: Spread;
  readonly eachMs: readonly number[];
}

const askEveryMs = 10;
const withinMs = 30_000;

export async function measureLeaderChanges(trio: Trio, kills: number): Promise<LeaderChangeResult> {
  const eachMs: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const leader = await waitForAll(trio);
    const survivors = trio.members.filter((member) => member !== leader);
    const killedAtMs = performance.now();
    const gone = leader.kill();
    eachMs.push((await firstAcknowledged(survivors)) - killedAtMs);
    await gone;
    leader.start();
  }
  await waitForAll(trio);
  return { kills, ms: spreadOf(eachMs), eachMs };
}

/** When the first put was acknowledged by any of them. */
async function firstAcknowledged(members: readonly Member[]): Promise<number> {
  const untilMs = performance.now() + withinMs;
  const value = valueOf(valueBytes);
  return new Promise((resolve, reject) => {
    let asked = 0;
    const timer = setInterval(() => {
      if (performance.now() > untilMs) {
        clearInterval(timer);
        reject(new Error(`no put was acknowledged within ${withinMs} ms after the leader died`));
        return;
      }
      for (const member of members) {
        asked += 1;
        member.put(keyOf(asked), value, withinMs).then(
          () => {
            clearInterval(timer);
            resolve(performance.now());
          },
          () => undefined,
        );
      }
    }, askEveryMs);
  });
}
