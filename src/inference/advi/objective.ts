// The ELBO of a family against a density over a set of draws, all evaluated as lanes of one batch, with its gradient.
import type { BatchedLogDensity } from '../logDensity.js';
import { BLOCK, blockSizes, type Family } from './family.js';

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

/** A block of draws: how many, the number of its first, and its arrays, `[element][draw]`. */
interface Block {
  readonly first: number;
  readonly draws: number;
  readonly positions: Float64Array;
  readonly slopes: Float64Array;
}

/** Draws are worked on in blocks, whatever the lanes of the density: sums over them are the same for any number of lanes. */
export class ElboObjective {
  /** Evaluations of the density and its gradient so far. */
  evaluations = 0;
  /** Log densities of the last draws, `[draws]`. */
  readonly logDensities: Float64Array;
  /** Log densities of the family at the last draws, `[draws]`; filled by `pathGradient` and `evaluateDraws` only. */
  readonly logApproximation: Float64Array;
  private readonly blocks: readonly Block[];
  private readonly logScale: number;

  /** @param draws an even number */
  constructor(
    private readonly density: BatchedLogDensity,
    readonly family: Family,
    private readonly standardisation: Standardisation,
    readonly draws: number,
  ) {
    const { dimension } = family;
    this.blocks = blockSizes(draws).map((count, b) => ({
      first: b * BLOCK,
      draws: count,
      positions: family.array(dimension * count),
      slopes: family.array(dimension * count),
    }));
    this.logDensities = new Float64Array(draws);
    this.logApproximation = new Float64Array(draws);
    this.logScale = standardisation.scale.reduce((sum, value) => sum + Math.log(value), 0);
  }

  /**
   * The ELBO with the entropy in closed form, and its gradient: for fixed draws, where the same noise comes again and again. Not finite where the density is not.
   * @param noise of every block, `[element][draw]`
   */
  async closedForm(phi: Float64Array, noise: readonly Float64Array[], gradient: Float64Array): Promise<number> {
    const { family, draws, blocks } = this;
    gradient.fill(0);
    for (const [b, block] of blocks.entries()) {
      await this.evaluate(phi, noise[b], block, b, block.draws);
      family.pullback(phi, noise[b], block.draws, block.positions, block.slopes, gradient, b);
    }
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
  async pathGradient(phi: Float64Array, noise: readonly Float64Array[], gradient: Float64Array): Promise<ElboEstimate> {
    const { family, draws, blocks, logDensities, logApproximation } = this;
    gradient.fill(0);
    let [sum, failures] = [0, 0];
    for (const [b, block] of blocks.entries()) {
      const { first, positions, slopes } = block;
      await this.evaluate(phi, noise[b], block, b, block.draws);
      const own = logApproximation.subarray(first, first + block.draws);
      family.subtractScore(phi, noise[b], block.draws, positions, slopes, own);
      for (let m = 0; m < block.draws; m++) {
        sum += logDensities[first + m] - own[m] + this.logScale;
        if (this.isFinite(block, m)) continue;
        failures++;
        for (let k = m; k < slopes.length; k += block.draws) slopes[k] = 0;
      }
      family.pullback(phi, noise[b], block.draws, positions, slopes, gradient, b);
    }
    const used = Math.max(1, draws - failures);
    for (let i = 0; i < gradient.length; i++) gradient[i] /= used;
    return { elbo: failures > 0 ? NaN : sum / draws, failures };
  }

  /** The first `count` draws of the first block, and both their log densities (in `logDensities` and `logApproximation`), no gradient. */
  async evaluateDraws(phi: Float64Array, noise: Float64Array, count: number): Promise<void> {
    const [block] = this.blocks;
    const { draws, positions } = block;
    await this.evaluate(phi, noise, block, 0, count);
    this.family.logDensity(phi, noise, draws, positions, this.logApproximation.subarray(0, draws));
    for (let m = 0; m < count; m++) this.logApproximation[m] -= this.logScale;
  }

  /** The unconstrained position of a draw of the first block, `[dimension]`. */
  positionOf(draw: number, target: Float64Array): void {
    const { centre, scale } = this.standardisation;
    const { positions, draws } = this.blocks[0];
    for (let i = 0; i < target.length; i++) target[i] = centre[i] + scale[i] * positions[i * draws + draw];
  }

  private isFinite({ first, draws, slopes }: Block, draw: number): boolean {
    if (!Number.isFinite(this.logDensities[first + draw])) return false;
    for (let k = draw; k < slopes.length; k += draws) if (!Number.isFinite(slopes[k])) return false;
    return true;
  }

  /** Draws of a block, and the density and its slopes at `count` of them, as many at a time as there are lanes. */
  private async evaluate(
    phi: Float64Array,
    noise: Float64Array,
    { first: firstOfBlock, draws, positions, slopes }: Block,
    index: number,
    wanted: number,
  ): Promise<void> {
    const { density, family, logDensities } = this;
    const { centre, scale } = this.standardisation;
    const { lanes } = density;
    family.transform(phi, noise, draws, positions, index);
    for (let first = 0; first < wanted; first += lanes) {
      const count = Math.min(lanes, wanted - first);
      const { positions: inputs, gradients } = density;
      place(positions, draws, first, inputs, lanes, 0, count, scale, centre);
      const running = density.evaluate();
      if (running) await running;
      logDensities.set(density.logDensities.subarray(0, count), firstOfBlock + first);
      place(gradients, lanes, 0, slopes, draws, first, count, scale, undefined);
    }
    this.evaluations += wanted;
  }
}

/** Writes scale ∘ source (+ centre) for `count` draws, from arrays `[element][sourceDraws]` to `[element][targetDraws]`, from a draw of each on. */
function place(
  source: Float64Array,
  sourceDraws: number,
  sourceFirst: number,
  target: Float64Array,
  targetDraws: number,
  targetFirst: number,
  count: number,
  scale: Float64Array,
  centre: Float64Array | undefined,
): void {
  for (let i = 0, from = sourceFirst, to = targetFirst; i < scale.length; i++, from += sourceDraws, to += targetDraws) {
    const factor = scale[i];
    const middle = centre === undefined ? 0 : centre[i];
    for (let m = 0; m < count; m++) target[to + m] = middle + factor * source[from + m];
  }
}
