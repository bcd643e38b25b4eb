// The ELBO of a family against a density over a set of draws, all evaluated as lanes of one batch, with its gradient.
import type { BatchedLogDensity } from '../logDensity.js';
import type { Family } from './family.js';

/** Positions are centre + scale ∘ u with u of the family. */
export interface Standardisation {
  readonly centre: Float64Array;
  readonly scale: Float64Array;
}

export interface ElboEstimate {
  /** Mean over the draws; −∞ or NaN where one of them cannot be evaluated. */
  readonly elbo: number;
  /** Draws that could not be evaluated. */
  readonly failures: number;
}

export class ElboObjective {
  /** Evaluations of the density and its gradient so far. */
  evaluations = 0;
  /** Log densities of the last draws, `[draws]`. */
  readonly logDensities: Float64Array;
  /** Log densities of the family at the last draws, `[draws]`; filled by `pathGradient` and `evaluateDraws` only. */
  readonly logApproximation: Float64Array;
  /** Standardised positions of the last draws, `[dimension][draws]`. */
  readonly positions: Float64Array;
  private readonly slopes: Float64Array;
  private readonly logScale: number;

  constructor(
    private readonly density: BatchedLogDensity,
    readonly family: Family,
    private readonly standardisation: Standardisation,
    readonly draws: number,
  ) {
    this.positions = new Float64Array(family.dimension * draws);
    this.slopes = new Float64Array(family.dimension * draws);
    this.logDensities = new Float64Array(draws);
    this.logApproximation = new Float64Array(draws);
    this.logScale = standardisation.scale.reduce((sum, value) => sum + Math.log(value), 0);
  }

  /** The ELBO with the entropy in closed form, and its gradient: for fixed draws, where the same noise comes again and again. Not finite where the density is not. */
  async closedForm(phi: Float64Array, noise: Float64Array, gradient: Float64Array): Promise<number> {
    const { family, draws } = this;
    await this.evaluate(phi, noise);
    gradient.fill(0);
    family.pullback(phi, noise, draws, this.positions, this.slopes, gradient);
    for (let i = 0; i < gradient.length; i++) gradient[i] /= draws;
    family.addEntropyGradient(phi, 1, gradient);
    let sum = 0;
    for (const value of this.logDensities) sum += value;
    return sum / draws + family.entropy(phi) + this.logScale;
  }

  /**
   * The ELBO as the mean of log p − log q, and its path derivative: φ in log q held fixed, so that the gradient has no variance where q = p
   * (Roeder, Wu and Duvenaud 2017). Draws that cannot be evaluated are left out of the gradient.
   */
  async pathGradient(phi: Float64Array, noise: Float64Array, gradient: Float64Array): Promise<ElboEstimate> {
    const { family, draws, slopes, logDensities, logApproximation } = this;
    await this.evaluate(phi, noise);
    family.subtractScore(phi, noise, draws, this.positions, slopes, logApproximation);
    for (let m = 0; m < draws; m++) {
      if (this.isFinite(m)) continue;
      for (let k = m; k < slopes.length; k += draws) slopes[k] = 0;
    }
    gradient.fill(0);
    const estimate = this.meanOf(logDensities.map((value, m) => value - logApproximation[m] + this.logScale));
    family.pullback(phi, noise, draws, this.positions, slopes, gradient);
    const used = Math.max(1, draws - estimate.failures);
    for (let i = 0; i < gradient.length; i++) gradient[i] /= used;
    return estimate;
  }

  /** Draws and both their log densities (in `logDensities` and `logApproximation`), no gradient. */
  async evaluateDraws(phi: Float64Array, noise: Float64Array): Promise<void> {
    await this.evaluate(phi, noise);
    this.family.subtractScore(phi, noise, this.draws, this.positions, this.slopes, this.logApproximation);
    for (let m = 0; m < this.draws; m++) this.logApproximation[m] -= this.logScale;
  }

  /** The unconstrained position of a draw, `[dimension]`. */
  positionOf(draw: number, target: Float64Array): void {
    const { centre, scale } = this.standardisation;
    for (let i = 0; i < target.length; i++) target[i] = centre[i] + scale[i] * this.positions[i * this.draws + draw];
  }

  private isFinite(draw: number): boolean {
    if (!Number.isFinite(this.logDensities[draw])) return false;
    for (let k = draw; k < this.slopes.length; k += this.draws) if (!Number.isFinite(this.slopes[k])) return false;
    return true;
  }

  private meanOf(values: Float64Array): ElboEstimate {
    let sum = 0;
    for (const value of values) sum += value;
    const failures = values.reduce((count, _, m) => count + Number(!this.isFinite(m)), 0);
    return { elbo: failures > 0 ? NaN : sum / values.length, failures };
  }

  private async evaluate(phi: Float64Array, noise: Float64Array): Promise<void> {
    const { density, draws, family, positions, slopes, logDensities } = this;
    const { centre, scale } = this.standardisation;
    const { lanes, dimension } = density;
    family.transform(phi, noise, draws, positions);
    for (let first = 0; first < draws; first += lanes) {
      const count = Math.min(lanes, draws - first);
      for (let i = 0; i < dimension; i++) {
        const [from, to] = [i * draws + first, i * lanes];
        for (let m = 0; m < count; m++) density.positions[to + m] = centre[i] + scale[i] * positions[from + m];
      }
      const running = density.evaluate();
      if (running) await running;
      logDensities.set(density.logDensities.subarray(0, count), first);
      for (let i = 0; i < dimension; i++) {
        const [from, to] = [i * lanes, i * draws + first];
        for (let m = 0; m < count; m++) slopes[to + m] = scale[i] * density.gradients[from + m];
      }
    }
    this.evaluations += draws;
  }
}
