/**
 * A seeded pseudo-random generator (sfc32 by Chris Doty-Humphrey, public domain, from PractRand): pure folders draw
 * from it, so that a run can be repeated from its seed.
 */
export interface Prng {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [min, max). */
  int(min: number, max: number): number;
  /** `digits` lower-case hexadecimal digits. */
  hex(digits: number): string;
}

export function createPrng(seed: number): Prng {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162 ^ Math.trunc(seed / 2 ** 32);
  let counter = seed >>> 0 || 1;
  const next32 = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  // The first outputs of nearby seeds resemble each other.
  for (let round = 0; round < 15; round += 1) next32();
  const next = (): number => next32() / 2 ** 32;
  return {
    next,
    int: (min, max) => min + Math.floor(next() * (max - min)),
    hex: (digits) => {
      let text = '';
      while (text.length < digits) text += next32().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
  };
}
