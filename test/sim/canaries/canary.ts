/** A bug planted on purpose, as a change of one place in one source file: a run that does not find it has a hole. */
export interface Canary {
  readonly name: string;
  /** The rule that it breaks, as the first words of the violation that should be found. */
  readonly invariant: string;
  /** From the root of the project; in src. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Sizes of clusters in which it can show; all, if none are named. */
  readonly sizes?: readonly number[];
}

/** Throws when the canary is stale. */
export function plant({ name, file, find, replace }: Canary, text: string): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`canary ${name} is stale: what it changes stands ${count} times in ${file}`);
  return text.replace(find, () => replace);
}
