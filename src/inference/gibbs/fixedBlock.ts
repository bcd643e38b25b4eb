// The Gaussian draw of the fixed block: crossproducts in indicator columns, contrasts, and one eigendecomposition where it serves.
import { estimatedIn } from '../../models/linearHierarchy/coefficientPrior.js';
import { categoryOffset, freeCoefficients } from '../../models/linearHierarchy/fixedBlock.js';
import type { FixedBlock } from '../../models/linearHierarchy/structure.js';
import { coefficientSds } from '../../models/linearHierarchy/values.js';
import { cholesky, solve, solveTransposed } from '../linearAlgebra.js';
import type { RandomStream } from '../random/streams.js';
import { type Eigensystem, symmetricEigensystem } from '../symmetricEigensystem.js';
import type { ChainValues } from './chainValues.js';
import { updateShrinkage } from './shrinkage.js';

/** What the rows say of θ: F'ΩF `[free][free]` and F'Ωr `[free]`, σ² left out. */
export interface FixedNormalEquations {
  readonly gram: Float64Array;
  readonly cross: Float64Array;
}

/** Values of the block; arrays change in place. */
export type FixedState = NonNullable<ChainValues['fixed']>;

/** Prior precisions of the free coefficients, `[free]`. */
export function priorPrecisions({ prior }: FixedBlock, { shrinkage }: FixedState): Float64Array {
  return coefficientSds(prior, shrinkage).map((sd) => 1 / (sd * sd));
}

export class FixedDraws {
  readonly free: number;
  /** Indicator columns: the dense ones, then every level of every category. */
  readonly indicators: number;
  private readonly firstIndicator: readonly number[];
  private readonly gram: Float64Array | undefined;
  private readonly eigen: Eigensystem | undefined;

  /** @param isWeighted the rows have weights that change, so nothing can be prepared */
  constructor(
    private readonly block: FixedBlock,
    rows: number,
    isWeighted: boolean,
  ) {
    const { dense, categories, prior } = block;
    this.free = freeCoefficients(block);
    const starts: number[] = [];
    let next = dense.length;
    for (const { levels } of categories) {
      starts.push(next);
      next += levels;
    }
    this.firstIndicator = starts;
    this.indicators = next;
    if (isWeighted) return;
    this.gram = this.contrastGram(this.indicatorGram(rows, undefined));
    const isMultipleOfIdentity = estimatedIn(prior) === undefined && prior.sds.every((sd) => sd === prior.sds[0]);
    if (isMultipleOfIdentity) this.eigen = symmetricEigensystem(this.gram, this.free);
  }

  /** F'ΩF in free coefficients: that of the data, or with weights. */
  gramOf(rows: number, weights: Float64Array | undefined): Float64Array {
    return this.gram ?? this.contrastGram(this.indicatorGram(rows, weights));
  }

  /** F'Ωr in free coefficients from that in indicator columns. */
  contrast(indicatorCross: ArrayLike<number>): Float64Array {
    const { block, firstIndicator } = this;
    const cross = new Float64Array(this.free);
    for (let d = 0; d < block.dense.length; d++) cross[d] = indicatorCross[d];
    for (const [c, { levels }] of block.categories.entries()) {
      const last = indicatorCross[firstIndicator[c] + levels - 1];
      const offset = categoryOffset(block, c);
      for (let l = 0; l + 1 < levels; l++) cross[offset + l] = indicatorCross[firstIndicator[c] + l] - last;
    }
    return cross;
  }

  /** θ given its prior's scales, from standard normals `[free]`. */
  drawCoefficients(
    noise: Float64Array,
    { gram, cross }: FixedNormalEquations,
    inverseVariance: number,
    state: FixedState,
  ): void {
    const { free, eigen } = this;
    const prior = priorPrecisions(this.block, state);
    if (eigen !== undefined) return drawByEigenvectors(noise, eigen, cross, inverseVariance, prior[0], state);
    const precision = gram.map((value) => value * inverseVariance);
    for (let i = 0; i < free; i++) precision[i * free + i] += prior[i];
    const factor = cholesky(precision, free);
    if (factor === undefined) throw new Error('the precision of the fixed block is not positive definite');
    const { coefficients } = state;
    for (let i = 0; i < free; i++) coefficients[i] = cross[i] * inverseVariance;
    solve(factor, coefficients);
    for (let i = 0; i < free; i++) coefficients[i] += noise[i];
    solveTransposed(factor, coefficients);
  }

  /** Scales of a horseshoe or spreads of pooled coefficients, where there are any, and the coefficients that move with them. */
  drawScales(
    stream: RandomStream,
    { gram, cross }: FixedNormalEquations,
    sigma: number,
    { coefficients, shrinkage }: FixedState,
  ): void {
    if (shrinkage === undefined) return;
    const { free } = this;
    const precision = 1 / (sigma * sigma);
    const slopes = cross.map((own, i) => {
      let rest = own;
      for (let j = 0; j < free; j++) rest -= gram[i * free + j] * coefficients[j];
      return precision * rest;
    });
    const quadratic = { gram: gram.map((value) => precision * value), slopes };
    updateShrinkage(stream, this.block.prior, sigma, quadratic, coefficients, shrinkage);
  }

  /** Crossproducts of the indicator columns: every row touches the dense columns and one level of each category. */
  private indicatorGram(rows: number, weights: Float64Array | undefined): Float64Array {
    const { dense, categories } = this.block;
    const size = this.indicators;
    const gram = new Float64Array(size * size);
    const touched = dense.length + categories.length;
    const columns = new Int32Array(touched).map((_, d) => d);
    const values = new Float64Array(touched);
    for (let row = 0; row < rows; row++) {
      for (let d = 0; d < dense.length; d++) values[d] = dense[d][row];
      for (let c = 0; c < categories.length; c++) {
        columns[dense.length + c] = this.firstIndicator[c] + categories[c].levelOfRow[row];
        values[dense.length + c] = categories[c].multiplier?.[row] ?? 1;
      }
      const weight = weights?.[row] ?? 1;
      for (let i = 0; i < touched; i++) {
        const left = weight * values[i];
        for (let j = 0; j <= i; j++) gram[columns[i] * size + columns[j]] += left * values[j];
      }
    }
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) gram[j * size + i] = gram[i * size + j];
    return gram;
  }

  /** T'GT, T the map from free coefficients to effects of all levels. */
  private contrastGram(gram: Float64Array): Float64Array {
    const { free, indicators } = this;
    const half = new Float64Array(indicators * free);
    for (let i = 0; i < indicators; i++)
      half.set(this.contrast(gram.subarray(i * indicators, (i + 1) * indicators)), i * free);
    const result = new Float64Array(free * free);
    const column = new Float64Array(indicators);
    for (let j = 0; j < free; j++) {
      for (let i = 0; i < indicators; i++) column[i] = half[i * free + j];
      this.contrast(column).forEach((value, i) => (result[i * free + j] = value));
    }
    return result;
  }
}

/** Effects of every level of category c, the last minus the sum of the others. */
export function effectsOf(block: FixedBlock, c: number, coefficients: Float64Array): Float64Array {
  const { levels } = block.categories[c];
  const offset = categoryOffset(block, c);
  const effects = new Float64Array(levels);
  for (let l = 0; l + 1 < levels; l++) {
    effects[l] = coefficients[offset + l];
    effects[levels - 1] -= effects[l];
  }
  return effects;
}

/** θ = E (D + κI)^−½ ((D + κI)^−½ E'c + ε), with F'F/σ² = E D E' and the prior precision κ. */
function drawByEigenvectors(
  noise: Float64Array,
  { values, vectors }: Eigensystem,
  cross: Float64Array,
  inverseVariance: number,
  prior: number,
  { coefficients }: FixedState,
): void {
  const size = values.length;
  coefficients.fill(0);
  for (const [m, vector] of vectors.entries()) {
    const precision = inverseVariance * Math.max(0, values[m]) + prior;
    let projected = 0;
    for (let i = 0; i < size; i++) projected += vector[i] * cross[i];
    const z = (inverseVariance * projected) / precision + noise[m] / Math.sqrt(precision);
    for (let i = 0; i < size; i++) coefficients[i] += vector[i] * z;
  }
}
