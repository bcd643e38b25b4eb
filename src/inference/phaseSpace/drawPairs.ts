// Draws of a metric's window with their gradients, in bounded memory: what a low-rank metric is estimated from.
import { RunningMoments } from './moments.js';
import type { SavedPairs } from './phaseSpaces.js';

/**
 * Draws evenly spaced over the window, at most `most` of them: when that many are kept every other one is dropped, and from then on
 * half as many are taken. They take 16 bytes a dimension each. Beside them the running moments of all gradients.
 */
export class DrawPairs implements SavedPairs {
  /** Of all gradients, `[dimension]` each. */
  readonly gradients: RunningMoments;
  /** Every how many draws one is kept. */
  stride = 1;
  /** Kept draws and their gradients, in order, `[dimension]` each. */
  keptDraws: Float64Array[] = [];
  keptGradients: Float64Array[] = [];

  constructor(
    dimension: number,
    private readonly most: number,
  ) {
    this.gradients = new RunningMoments(dimension, new Int32Array(0));
  }

  add(position: Float64Array, gradient: Float64Array): void {
    const { count } = this.gradients;
    this.gradients.add(gradient);
    if (this.keptDraws.length >= this.most && count % this.stride === 0) this.thin();
    if (count % this.stride > 0) return;
    this.keptDraws.push(position.slice());
    this.keptGradients.push(gradient.slice());
  }

  /** Takes in the pairs of another chain; all that it has kept are kept. */
  merge({ gradients, keptDraws, keptGradients }: SavedPairs): void {
    this.gradients.merge(gradients);
    this.keptDraws.push(...keptDraws);
    this.keptGradients.push(...keptGradients);
  }

  reset(): void {
    this.gradients.reset();
    this.stride = 1;
    this.keptDraws = [];
    this.keptGradients = [];
  }

  set({ gradients, stride, keptDraws, keptGradients }: SavedPairs): void {
    this.gradients.set(gradients);
    this.stride = stride;
    this.keptDraws = [...keptDraws];
    this.keptGradients = [...keptGradients];
  }

  /** The pairs as they are now: kept draws are never written to, so they may be shared. */
  save(): SavedPairs {
    const { gradients, stride, keptDraws, keptGradients } = this;
    return {
      gradients: gradients.save(),
      stride,
      keptDraws: [...keptDraws],
      keptGradients: [...keptGradients],
    };
  }

  private thin(): void {
    const isEven = (_: Float64Array, index: number): boolean => index % 2 === 0;
    this.keptDraws = this.keptDraws.filter(isEven);
    this.keptGradients = this.keptGradients.filter(isEven);
    this.stride *= 2;
  }
}
