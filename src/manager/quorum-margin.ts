/** How much may fail: of a number of voters, and of the voters that answer now. Sentences for plans and refusals. */
import type { ManagerId } from '../base/index.js';
import { listed, toleratedLosses } from '../http/index.js';

/** What a person should know of a quorum of this size. */
export function sizeRisks(voters: number): string[] {
  if (voters === 1) return ['1 voter tolerates no loss, and its disk holds the only copy of the log'];
  if (voters === 2) return ['2 voters tolerate no loss: while either is away nothing is decided; go on to 3 soon'];
  if (voters % 2 === 1) return [];
  const losses = toleratedLosses(voters);
  return [`${voters} voters tolerate ${losses === 1 ? '1 loss' : `${losses} losses`}, no more than ${voters - 1} do`];
}

/** Null: those that answer are a majority. */
export function whyTooFew(voters: readonly ManagerId[], counts: (id: ManagerId) => boolean): string | null {
  const present = voters.filter(counts);
  const needed = majority(voters.length);
  if (present.length >= needed) return null;
  const answers = present.length === 1 ? 'answers' : 'answer';
  const seen = present.length === 0 ? 'none answers' : `only ${listed(present)} ${answers}`;
  const all = voters.join(', ');
  return `of the voters that remain (${all}) ${seen}, and a majority is ${needed}: nothing could be decided`;
}

/** Empty: one more may fail. Where all answer, the size alone tells. */
export function marginRisk(voters: readonly ManagerId[], counts: (id: ManagerId) => boolean): string[] {
  const away = voters.filter((id) => !counts(id));
  if (away.length === 0 || voters.length - away.length > majority(voters.length)) return [];
  const is = away.length === 1 ? 'does' : 'do';
  return [`${listed(away)} ${is} not answer: the loss of one more voter would stop everything`];
}

const majority = (voters: number): number => Math.floor(voters / 2) + 1;
