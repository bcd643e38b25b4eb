// Reductions over chains, in host memory.
import { DrawPairs } from './drawPairs.js';
import { estimateMetric } from './estimateMetric.js';
import type { HostPhaseSpace } from './hostPhaseSpace.js';
import { correctionOf, type LowRankLimits, type Metric } from './metric.js';
import { RunningMoments } from './moments.js';
import type { Moves, MoveStatistics, PooledOperations } from './pooled.js';

export class HostPooled implements PooledOperations {
  /** @param denseIndices dimensions of the metric's dense block; `lowRank`: the low-rank part that it is to have instead */
  constructor(
    private readonly spaces: readonly HostPhaseSpace[],
    private readonly dimension: number,
    private readonly denseIndices: Int32Array,
    private readonly lowRank?: LowRankLimits,
  ) {}

  moveStatistics({ before, after, momenta, weights }: Moves): MoveStatistics {
    const { spaces, dimension } = this;
    const { metric } = spaces[0];
    const even = new Float64Array(spaces.length).fill(1);
    const meanBefore = weightedMean(dimension, even, (chain) => spaces[chain].positionAt(before[chain]));
    const meanAfter = weightedMean(dimension, weights, (chain) => spaces[chain].positionAt(after[chain]));
    const changes = new Float64Array(spaces.length).fill(NaN);
    const slopes = new Float64Array(spaces.length).fill(NaN);
    const deviation = new Float64Array(dimension);
    for (const [chain, space] of spaces.entries()) {
      if (!(weights[chain] > 0)) continue;
      subtract(space.positionAt(before[chain]), meanBefore, deviation);
      const squareBefore = squaredDistance(deviation, metric);
      subtract(space.positionAt(after[chain]), meanAfter, deviation);
      changes[chain] = squaredDistance(deviation, metric) - squareBefore;
      slopes[chain] = innerProduct(deviation, space.momentumAt(momenta[chain]));
    }
    return { changes, slopes };
  }

  adapt(priorVariances: Float64Array): boolean {
    const { dimension, denseIndices, lowRank } = this;
    const pairs = lowRank && new DrawPairs(dimension, lowRank.keptDraws);
    const pooled = new RunningMoments(dimension, denseIndices, pairs);
    for (const space of this.spaces) pooled.merge(space.takeMoments());
    const metric = estimateMetric(pooled, priorVariances, lowRank);
    if (metric) for (const space of this.spaces) space.setMetric(metric);
    return metric !== undefined;
  }
}

/** Mean over chains `[dimension]`; chains of weight 0 are left out. */
function weightedMean(
  dimension: number,
  weights: Float64Array,
  vectorOf: (chain: number) => Float64Array,
): Float64Array {
  const mean = new Float64Array(dimension);
  let total = 0;
  weights.forEach((weight, chain) => {
    if (!(weight > 0)) return;
    total += weight;
    const vector = vectorOf(chain);
    for (let i = 0; i < dimension; i++) mean[i] += (weight / total) * (vector[i] - mean[i]);
  });
  return mean;
}

function subtract(vector: Float64Array, mean: Float64Array, difference: Float64Array): void {
  for (let i = 0; i < difference.length; i++) difference[i] = vector[i] - mean[i];
}

/** xᵀ M x: Σ x²/m⁻¹ over the diagonal, and what the metric's correction adds. */
function squaredDistance(x: Float64Array, metric: Metric): number {
  const { inverseMass } = metric;
  let square = 0;
  for (let i = 0; i < x.length; i++) if (inverseMass[i] > 0) square += (x[i] * x[i]) / inverseMass[i];
  return square + (correctionOf(metric)?.squaredDistance(x) ?? 0);
}

function innerProduct(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}
