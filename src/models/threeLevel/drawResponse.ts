// A simulated response of each family given its linear predictor.
import type { ResponseFamily } from '../../data/countResponse.js';
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
      return drawBinomial(1, eta, random);
    case 'binomial':
      return drawBinomial(trials, eta, random);
    case 'poisson':
      return drawPoisson(Math.exp(eta), random);
    case 'negativeBinomial':
      return drawPoisson((Math.exp(eta) * drawGamma(phi, random)) / phi, random);
    default:
      throw new Error(family satisfies never);
  }
}

function drawBinomial(trials: number, logOdds: number, random: SimulationRandom): number {
  const p = 1 / (1 + Math.exp(-logOdds));
  let successes = 0;
  for (let trial = 0; trial < trials; trial++) successes += Number(random.uniform() < p);
  return successes;
}

/** Arrivals up to a larger time are not drawn one by one. */
const mostArrivals = 30;

/**
 * Arrivals of a unit-rate process up to the mean. While it is large, the time of the m-th arrival is drawn as a gamma variate: with it before
 * the mean, m and those of the rest; else each of the m − 1 before it lies before the mean by chance (Ahrens and Dieter 1974).
 */
function drawPoisson(mean: number, random: SimulationRandom): number {
  let [rest, count] = [mean, 0];
  while (rest > mostArrivals) {
    const m = Math.floor(0.875 * rest);
    const time = drawGamma(m, random);
    if (time > rest) {
      for (let arrival = 1; arrival < m; arrival++) count += Number(random.uniform() < rest / time);
      return count;
    }
    count += m;
    rest -= time;
  }
  for (let time = -Math.log(random.uniform()); time <= rest; time -= Math.log(random.uniform())) count++;
  return count;
}

/** Unit scale (Marsaglia and Tsang 2000). */
function drawGamma(shape: number, random: SimulationRandom): number {
  if (shape < 1) return drawGamma(shape + 1, random) * random.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const z = random.normal();
    const v = (1 + z / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(random.uniform()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return d * v;
  }
}
