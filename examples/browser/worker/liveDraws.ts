// Gathers transitions for the page and posts them a few times a second.
import type { Draw } from '../../../src/inference/index.js';
import type { DrawBatch } from '../messages.js';

/** Milliseconds between two batches. */
const interval = 120;

export class LiveDraws {
  private pending: Omit<Draw, 'position'>[] = [];
  private values: number[] = [];
  private lastPost = performance.now();

  constructor(
    private readonly warmup: number,
    private readonly post: (batch: DrawBatch) => void,
  ) {}

  take({ chain, phase, index, info }: Draw, population: Iterable<number>): void {
    this.pending.push({ chain, phase, index, info });
    this.values.push(...population);
    if (performance.now() - this.lastPost >= interval) this.flush();
  }

  flush(): void {
    this.lastPost = performance.now();
    const { pending, values, warmup } = this;
    if (pending.length === 0) return;
    this.pending = [];
    this.values = [];
    this.post({
      chain: Int32Array.from(pending, ({ chain }) => chain),
      transition: Int32Array.from(pending, ({ phase, index }) => (phase === 'warmup' ? index : warmup + index)),
      isDivergent: Uint8Array.from(pending, ({ info }) => Number(info.isDivergent)),
      stepSize: Float64Array.from(pending, ({ info }) => info.stepSize),
      leapfrogSteps: Int32Array.from(pending, ({ info }) => info.leapfrogSteps),
      values: Float64Array.from(values),
    });
  }
}
