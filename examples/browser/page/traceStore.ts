// The population's draws as they have come so far, by scalar and chain.
import type { DrawBatch, FitBegin } from '../messages.js';

export class TraceStore {
  /** `[chain]` of `[scalar][transition]` */
  private readonly values: readonly Float64Array[];
  /** Transitions that each chain has made. */
  readonly counts: Int32Array;
  private readonly length: number;

  constructor(private readonly begin: FitBegin) {
    this.length = begin.warmup + begin.draws;
    this.values = Array.from({ length: begin.chains }, () => new Float64Array(begin.scalars.length * this.length));
    this.counts = new Int32Array(begin.chains);
  }

  take({ chain, transition, values }: DrawBatch): void {
    const scalars = this.begin.scalars.length;
    for (let i = 0; i < chain.length; i++) {
      const target = this.values[chain[i]];
      for (let s = 0; s < scalars; s++) target[s * this.length + transition[i]] = values[i * scalars + s];
      this.counts[chain[i]] = transition[i] + 1;
    }
  }

  /** Values of a scalar in one chain, warm-up first; a view. */
  trace(scalar: number, chain: number): Float64Array {
    const start = scalar * this.length;
    return this.values[chain].subarray(start, start + this.counts[chain]);
  }
}
