export interface Place {
  /** From the root of the project; in src. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A bug planted on purpose, as a change of one place in one source file: a run that does not find it has a hole. */
export interface Canary extends Place {
  readonly name: string;
  /** The rule that it breaks, as the first words of the violation that should be found. */
  readonly invariant: string;
  /** Where a rule is kept twice, the second place. */
  readonly also?: readonly Place[];
  /** Sizes of clusters in which it can show; all, if none are named. */
  readonly sizes?: readonly number[];
}

/** Throws when the canary is stale. */
export function plant({ name, file, find, replace }: Place & { readonly name: string }, text: string): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`canary ${name} is stale: what it changes stands ${count} times in ${file}`);
  return text.replace(find, () => replace);
}

/** All the places of a canary, by file: for whoever builds from patched sources. */
export function planted(canary: Canary, read: (file: string) => string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const place of [canary, ...(canary.also ?? [])]) {
    const text = texts.get(place.file) ?? read(place.file);
    texts.set(place.file, plant({ ...place, name: canary.name }, text));
  }
  return texts;
}
