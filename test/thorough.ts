// How much statistical tests try: as much as ends in time on two slow cores, or with HIERAX_TEST_THOROUGH=1 all of it.
export const isThorough = process.env.HIERAX_TEST_THOROUGH === '1';

/** Simulations or replications: a third of them, or all. */
export const someOf = (count: number): number => (isThorough ? count : Math.ceil(count / 3));

/** Cases alike: every other one, or all. */
export const everyOther = <T>(all: readonly T[]): readonly T[] =>
  isThorough ? all : all.filter((_, i) => i % 2 === 0);

/** Seeds or data sets: the first, or all. */
export const firstOf = <T>(all: readonly T[]): readonly T[] => (isThorough ? all : all.slice(0, 1));
