// Proposals learnt from a chain's burn-in: Student's t around its mean, and steps of its shape. They stay as they are afterwards.
import { cholesky, solve } from '../linearAlgebra.js';
import { drawGamma, drawNormal } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';

/** Degrees of freedom of the independent proposals: heavier tails than what they are to cover. */
const df = 6;

/** Mean and factor of the covariance that proposals are made with. */
interface Fitted {
  readonly centre: Float64Array;
  /** Lower, `[dimension][dimension]`. */
  readonly factor: Float64Array;
}

export class AdaptiveProposal {
  private count = 0;
  private readonly mean: Float64Array;
  /** Sums of products of deviations from the running mean, lower triangle. */
  private readonly products: Float64Array;
  /** Sums of squared steps from one state to the next, and the last state. */
  private readonly steps: Float64Array;
  private last: Float64Array;
  private fitted: Fitted | undefined;
  /** Independent proposals since the last call of `refit` or `forget`, and how many of them were accepted. */
  private tried = 0;
  private accepted = 0;

  constructor(readonly dimension: number) {
    this.mean = new Float64Array(dimension);
    this.products = new Float64Array(dimension * dimension);
    this.steps = new Float64Array(dimension);
    this.last = new Float64Array(dimension);
  }

  get isFitted(): boolean {
    return this.fitted !== undefined;
  }

  /** Takes a state of the chain in (Welford 1962). */
  observe(x: Float64Array): void {
    const { mean, products, dimension, steps, last } = this;
    if (this.count > 0) for (let i = 0; i < dimension; i++) steps[i] += (x[i] - last[i]) ** 2;
    this.last = x.slice();
    this.count++;
    const before = x.map((value, i) => value - mean[i]);
    for (let i = 0; i < dimension; i++) mean[i] += before[i] / this.count;
    for (let i = 0; i < dimension; i++)
      for (let j = 0; j <= i; j++) products[i * dimension + j] += before[i] * (x[j] - mean[j]);
  }

  /** Largest autocorrelation at lag 1 of the coordinates since the last call of `refit` or `forget`: von Neumann's ratio (1941). */
  get slowest(): number {
    const { steps, products, dimension } = this;
    return steps.reduce((most, step, i) => Math.max(most, 1 - step / (2 * products[i * dimension + i])), -1);
  }

  /** Takes in whether an independent proposal was accepted. */
  note(isAccepted: boolean): void {
    this.tried++;
    if (isAccepted) this.accepted++;
  }

  /** Share of independent proposals that were accepted since the last call of `refit` or `forget`. */
  get acceptance(): number {
    return this.tried === 0 ? 0 : this.accepted / this.tried;
  }

  /** Makes the proposals fit the states since the last call; keeps the old ones where those were too few. */
  refit(): void {
    const { count, mean, products, dimension } = this;
    if (count > dimension + 2) {
      // A covariance of few states may be too narrow in some direction.
      const inflation = (1 + (2 * dimension) / count) / (count - 1);
      const covariance = products.map((value) => value * inflation);
      for (let i = 0; i < dimension; i++) covariance[i * dimension + i] *= 1 + 1e-6;
      const factor = cholesky(covariance, dimension);
      if (factor !== undefined) this.fitted = { centre: mean.slice(), factor };
    }
    this.forget();
  }

  /** Drops the states taken in since the last call. */
  forget(): void {
    this.count = this.tried = this.accepted = 0;
    this.mean.fill(0);
    this.products.fill(0);
    this.steps.fill(0);
  }

  /** A draw that does not depend on the chain's state. */
  drawIndependent(stream: RandomStream): Float64Array {
    const { centre } = this.fitted!;
    const scale = Math.sqrt(df / (2 * drawGamma(stream, df / 2)));
    return this.deviation(stream, scale).map((value, i) => centre[i] + value);
  }

  /** Log density of `drawIndependent` at x, up to a constant. */
  logDensity(x: Float64Array): number {
    const { centre, factor } = this.fitted!;
    const z = x.map((value, i) => value - centre[i]);
    solve(factor, z);
    const square = z.reduce((sum, value) => sum + value * value, 0);
    return -0.5 * (df + this.dimension) * Math.log1p(square / df);
  }

  /** A symmetric step from x, of the size that Roberts, Gelman and Gilks (1997) give. */
  drawStep(stream: RandomStream, x: Float64Array): Float64Array {
    return this.deviation(stream, 2.38 / Math.sqrt(this.dimension)).map((value, i) => x[i] + value);
  }

  /** All numbers, for a snapshot. */
  pack(): Float64Array {
    const { count, mean, products, fitted, dimension, steps, last } = this;
    const none = { centre: new Float64Array(dimension), factor: new Float64Array(dimension * dimension) };
    const { centre, factor } = fitted ?? none;
    const flags = [count, Number(this.isFitted), this.tried, this.accepted];
    return Float64Array.of(...flags, ...mean, ...products, ...centre, ...factor, ...steps, ...last);
  }

  /** Takes up where the packed one was. */
  unpack(packed: Float64Array): void {
    const { dimension: d } = this;
    let at = 4;
    const next = (length: number): Float64Array => packed.slice(at, (at += length));
    this.count = packed[0];
    [this.tried, this.accepted] = [packed[2], packed[3]];
    this.mean.set(next(d));
    this.products.set(next(d * d));
    const fitted = { centre: next(d), factor: next(d * d) };
    this.fitted = packed[1] === 1 ? fitted : undefined;
    this.steps.set(next(d));
    this.last = next(d);
  }

  private deviation(stream: RandomStream, scale: number): Float64Array {
    const { dimension } = this;
    const { factor } = this.fitted!;
    const z = Float64Array.from({ length: dimension }, () => scale * drawNormal(stream));
    const result = new Float64Array(dimension);
    for (let i = 0; i < dimension; i++) for (let j = 0; j <= i; j++) result[i] += factor[i * dimension + j] * z[j];
    return result;
  }
}
