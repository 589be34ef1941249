/** `npm run sim`: see `usage`. First and last it says what was run, so that any failure can be run again. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { errorMessage } from '../../src/base/index.js';
import { buildWorker } from './build.js';
import { canaryRun } from './canary-run.js';
import { drawPlan } from './plan.js';
import type { Plan } from './plan.js';
import { Report } from './report.js';
import { runAll, runPlan } from './runner.js';
import type { Failure } from './runner.js';
import { remember, rememberedPlans } from './seeds.js';
import { shrink } from './shrink.js';
import { Workers } from './workers.js';

const usage = `usage: npm run sim -- [options]
  --seeds N        so many seeds, from --from on (default 200)
  --from N         the first seed (default 1; with --budget: drawn from the clock)
  --budget S       fresh seeds for S seconds
  --regressions    first the plans of test/sim/seeds.json
  --seed N         this one only
  --faults A,B     with --seed: leave out all faults but these (numbers as printed)
  --plan N         this one of test/sim/seeds.json
  --trace          with --seed: print every event
  --workers N      processes (default 2)
  --canary NAME    plant this bug and look how soon it is found; all: each of them in turn
  --json           the last line is one JSON object
ends with 0, or with 1: a rule was broken, 2: it could not be run, 3: it did not converge, 4: it died or hung
`;

/** For one failure: what is not made smaller by then stays as it is. */
const shrinkWithinMs = 40_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values: args } = parseArgs({
  options: {
    seeds: { type: 'string' }, from: { type: 'string' }, budget: { type: 'string' }, seed: { type: 'string' },
    faults: { type: 'string' }, plan: { type: 'string' }, canary: { type: 'string' },
    workers: { type: 'string', default: '2' },
    regressions: { type: 'boolean' }, trace: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' },
  },
});

function numberOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${name} takes a number, not ${text}`);
}

/** Seeds one after the other: so many, or until the time is up; before them what failed once. */
function plansOf(): () => Plan | null {
  const budgetS = numberOf('budget', args.budget);
  const count = budgetS === null ? (numberOf('seeds', args.seeds) ?? 200) : Infinity;
  const first = numberOf('from', args.from) ?? (budgetS === null ? 1 : Date.now() % 2 ** 32);
  const old = args.regressions === true ? rememberedPlans().map(({ plan }) => plan) : [];
  const before = old.length > 0 ? `, before them ${old.length} that failed once` : '';
  say(`commit ${commit()}, seeds from ${first} on${before}`);
  let endsAtMs = Infinity;
  let [drawn, at] = [0, 0];
  return () => {
    const again = old[at];
    at += 1;
    if (again !== undefined) return again;
    // The time is for fresh ones.
    if (drawn === 0 && budgetS !== null) endsAtMs = Date.now() + budgetS * 1000;
    if (drawn >= count || Date.now() >= endsAtMs) return null;
    drawn += 1;
    return drawPlan(first + drawn - 1);
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

async function explain(workers: Workers, { plan, violations }: Failure): Promise<void> {
  const kind = kindOf(violations);
  const number = remember(plan, violations[0] ?? '');
  const endsAtMs = Date.now() + shrinkWithinMs;
  const smallest = await shrink(plan, async (candidate) =>
    Date.now() < endsAtMs && kindOf((await runPlan(workers, candidate)).outcome.violations) === kind);
  remember(smallest, violations[0] ?? '', number);
  const drawn = drawPlan(plan.seed).faults.map((fault) => JSON.stringify(fault));
  const kept = smallest.faults.map((fault) => drawn.indexOf(JSON.stringify(fault)));
  const { trace } = await runPlan(workers, smallest, 60);
  const { faults, ...sizes } = smallest;
  say(`\ncommit ${commit()}, seed ${plan.seed} violates:\n  ${violations.join('\n  ')}`);
  say(`with ${JSON.stringify(sizes)} and these faults:`);
  for (const [at, fault] of faults.entries()) {
    say(`  ${kept[at]}: at ${fault.atMs} ms ${fault.kind} for ${fault.forMs} ms`);
  }
  say(`the last events:\n${trace}`);
  say(`again: npm run sim -- --plan ${number} --trace`);
  if (!kept.includes(-1)) say(`or:    npm run sim -- --seed ${plan.seed} --faults ${kept.join(',') || 'none'} --trace`);
}

/** Without names, numbers and times: what rule was broken. */
function kindOf(violations: readonly string[]): string {
  return (violations[0] ?? '')
    .replace(/\b(fo|sw)-[0-9a-f]+/g, 'operation')
    .replace(/\b(m|db)\d+\b|\d+(\.\d+)?/g, '#')
    .slice(0, 60);
}

function exitCodeOf(violations: readonly string[]): number {
  const [first] = violations;
  if (first === undefined) return 0;
  if (first.startsWith('the simulator')) return 4;
  return first.startsWith('liveness') ? 3 : 1;
}

async function one(workers: Workers, whole: Plan): Promise<number> {
  const kept = args.faults === undefined ? null : args.faults.split(',').map(Number);
  const plan = kept === null ? whole : { ...whole, faults: whole.faults.filter((_, at) => kept.includes(at)) };
  const { outcome, trace } = await runPlan(workers, plan, args.trace === true ? Infinity : 0);
  if (trace !== '') say(trace);
  for (const [at, fault] of plan.faults.entries()) say(`fault ${kept?.[at] ?? at}: ${fault.atMs} ms ${fault.kind}`);
  say(JSON.stringify({ seed: plan.seed, ...outcome }));
  return exitCodeOf(outcome.violations);
}

async function many(workers: Workers): Promise<number> {
  const report = new Report();
  const failures = await runAll({
    workers, next: plansOf(), report, failuresMax: 5,
    // At once: whoever ends this run early must know it.
    onFailure: ({ plan, violations }) => say(`seed ${plan.seed}: ${violations.join('; ')}`),
  });
  for (const failure of failures.slice(0, 3)) await explain(workers, failure);
  say(report.toText());
  if (args.json === true) say(JSON.stringify(report.toJson()));
  const codes = failures.map(({ violations }) => exitCodeOf(violations));
  return codes.includes(1) ? 1 : Math.max(0, ...codes);
}

async function main(): Promise<number> {
  const size = numberOf('workers', args.workers) ?? 2;
  if (args.canary !== undefined) return (await canaryRun(args.canary, size, say)) ? 0 : 1;
  const file = await buildWorker();
  const workers = new Workers(file, size);
  try {
    const [seed, number] = [numberOf('seed', args.seed), numberOf('plan', args.plan)];
    if (seed !== null) return await one(workers, drawPlan(seed));
    if (number === null) return await many(workers);
    const remembered = rememberedPlans()[number];
    if (remembered === undefined) throw new Error(`seeds.json has no plan ${number}`);
    return await one(workers, remembered.plan);
  } finally {
    workers.stop();
    rmSync(file, { force: true });
  }
}

if (args.help === true) say(usage);
else {
  try {
    process.exitCode = await main();
  } catch (thrown) {
    process.stderr.write(`sim: ${errorMessage(thrown)}\n`);
    process.exitCode = 2;
  }
}
