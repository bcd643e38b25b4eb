// E-BFMI of every transition as it comes, also of those that thinning does not keep.

/** Per chain: energies seen, their mean and sum of squared deviations, sum of squared steps, and the last energy. */
export interface EbfmiSnapshot {
  readonly counts: Float64Array;
  readonly means: Float64Array;
  readonly squares: Float64Array;
  readonly steps: Float64Array;
  readonly last: Float64Array;
}

/** What `ebfmi` computes from all energies of a chain (Betancourt 2016, §3), without keeping them. */
export class RunningEbfmi {
  private readonly state: EbfmiSnapshot;

  /** @param saved a snapshot to go on from */
  constructor(chains: number, saved?: EbfmiSnapshot) {
    const zeros = () => new Float64Array(chains);
    this.state = saved ?? { counts: zeros(), means: zeros(), squares: zeros(), steps: zeros(), last: zeros() };
  }

  push(chain: number, energy: number): void {
    const { counts, means, squares, steps, last } = this.state;
    if (counts[chain] > 0) steps[chain] += (energy - last[chain]) ** 2;
    last[chain] = energy;
    counts[chain]++;
    const delta = energy - means[chain];
    means[chain] += delta / counts[chain];
    squares[chain] += delta * (energy - means[chain]);
  }

  /** By chain; NaN for fewer than two energies, and for constant or non-finite ones. */
  values(): number[] {
    const { squares, steps } = this.state;
    return Array.from(squares, (spread, chain) => (spread > 0 ? steps[chain] / spread : NaN));
  }

  /** The live state: encode it before the next `push`. */
  snapshot(): EbfmiSnapshot {
    return this.state;
  }
}
