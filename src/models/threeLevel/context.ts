// What the pieces of the three-level model share: sizes, design, priors, centring, and the values of the levels.
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import type { ResponseFamily } from '../../data/countResponse.js';
import type { ThreeLevelDesign } from './design.js';
import type { Covariances, ThreeLevelPriors } from './priors.js';

/** How far the coefficients of each level are centred: 1 sampled as themselves, 0 as standardised deviations. */
export interface Centring {
  readonly unit: readonly number[];
  readonly market: readonly number[];
}

/** What the pieces of the model share. Sizes: p row coefficients, q unit coefficients, r market coefficients. */
export interface ThreeLevelContext {
  readonly data: ThreeLevelData;
  readonly family: ResponseFamily;
  /** Degrees of freedom of Student-t errors. */
  readonly df: number;
  readonly design: ThreeLevelDesign;
  readonly priors: ThreeLevelPriors;
  readonly covariance: Covariances;
  readonly centring: Centring;
  readonly p: number;
  readonly q: number;
  readonly r: number;
}

export interface LevelValues {
  /** `[unit][p]`, model units. */
  readonly beta: Tensor;
  /** `[market][p·q]` with three levels, `[p·q]` with two. */
  readonly gamma: Tensor;
  /** `[p·q·r]`, or with two levels gamma. */
  readonly population: Tensor;
}

/** The column that names units; `unit` where product and market together do. */
export function unitDimension(data: ThreeLevelData): string {
  return data.units.dimensions.length === 1 ? data.units.dimensions[0] : 'unit';
}
