// Measures several ways of doing the same work in turns, so that what disturbs the machine disturbs all of them alike.

export interface Contender {
  readonly name: string;
  /** Does the work a few times and returns milliseconds per time. */
  measure(): number | Promise<number>;
}

/** A contender that runs `work` `times` times in a row. */
export function repeated(name: string, times: number, work: () => void): Contender {
  return {
    name,
    measure: () => {
      const start = performance.now();
      for (let i = 0; i < times; i++) work();
      return (performance.now() - start) / times;
    },
  };
}

/** Milliseconds of every contender in every round, by name. Rounds before the first counted one let code be optimised. */
export async function interleave(
  contenders: readonly Contender[],
  rounds: number,
  warmUpRounds: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const contender of contenders) {
      const milliseconds = await contender.measure();
      if (round >= 0) times.get(contender.name)!.push(milliseconds);
    }
  }
  return times;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median over the rounds of a's time over b's. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / b[round]));
}
