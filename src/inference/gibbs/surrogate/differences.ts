// Differences of log likelihoods between pairs of scales, the last ones, as numbers that a snapshot can hold.

/** What the log likelihood of the rows is at `to`, less what it is at `from`: scales as `toCoordinates` gives them, or displacements. */
export interface Difference {
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly difference: number;
}

export class Differences {
  /** How many were observed, then for each that is kept both places and the difference. */
  readonly numbers: Float64Array;

  constructor(
    private readonly dimension: number,
    private readonly most: number,
  ) {
    this.numbers = new Float64Array(1 + most * this.length);
  }

  /** Takes one in; the oldest makes room. Places where a density is 0 say nothing that a quadratic could follow. */
  observe(from: Float64Array, to: Float64Array, difference: number): void {
    if (!Number.isFinite(difference)) return;
    const { numbers, dimension, length, most } = this;
    const offset = 1 + (numbers[0]++ % most) * length;
    numbers.set(from, offset);
    numbers.set(to, offset + dimension);
    numbers[offset + 2 * dimension] = difference;
  }

  forget(): void {
    this.numbers[0] = 0;
  }

  /** Those that are kept. */
  all(): Difference[] {
    const { numbers, dimension, length, most } = this;
    return Array.from({ length: Math.min(numbers[0], most) }, (_, i) => {
      const own = numbers.subarray(1 + i * length, 1 + (i + 1) * length);
      return {
        from: own.subarray(0, dimension),
        to: own.subarray(dimension, 2 * dimension),
        difference: own[2 * dimension],
      };
    });
  }

  private get length(): number {
    return 2 * this.dimension + 1;
  }
}
