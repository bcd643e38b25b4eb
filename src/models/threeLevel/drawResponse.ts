// A simulated response of each family given its linear predictor.
import type { ResponseFamily } from '../../data/countResponse.js';
import { drawBinomial, drawGamma, drawNegativeBinomial, drawPoisson } from '../distributions/counts.js';
import type { SimulationRandom } from '../simulation.js';

/** Beside the linear predictor: what the family needs. */
export interface ResponseParameters {
  readonly sigma: number;
  /** With studentT. */
  readonly df?: number;
  /** With negativeBinomial. */
  readonly phi?: number;
}

/** One response. Counts have log mean η; 0/1 and successes of `trials` log odds η. */
export function drawResponse(
  family: ResponseFamily,
  eta: number,
  { sigma, df = 4, phi = 1 }: ResponseParameters,
  trials: number,
  random: SimulationRandom,
): number {
  switch (family) {
    case 'gaussian':
      return eta + sigma * random.normal();
    case 'studentT':
      return eta + (sigma * random.normal()) / Math.sqrt(drawGamma(df / 2, random) / (df / 2));
    case 'bernoulli':
      return drawBinomial(1, sigmoid(eta), random);
    case 'binomial':
      return drawBinomial(trials, sigmoid(eta), random);
    case 'poisson':
      return drawPoisson(Math.exp(eta), random);
    case 'negativeBinomial':
      return drawNegativeBinomial(Math.exp(eta), phi, random);
    default:
      throw new Error(family satisfies never);
  }
}

const sigmoid = (eta: number): number => 1 / (1 + Math.exp(-eta));
