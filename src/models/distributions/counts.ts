// Random counts, one by one, from uniform and normal numbers.
import type { SimulationRandom } from '../simulation.js';

/** Trials up to a larger number are not drawn one by one. */
const mostTrials = 40;

/**
 * Successes of `trials` with probability p. While the trials are many, the value of the middle one of as many uniforms is drawn as a beta variate, and
 * those on the other side of p from it need not be looked at (Relles 1972).
 */
export function drawBinomial(trials: number, p: number, random: SimulationRandom): number {
  let [left, probability, successes] = [trials, p, 0];
  while (left > mostTrials && probability > 0 && probability < 1) {
    const middle = (left + 1) >> 1;
    const below = drawGamma(middle, random);
    const value = below / (below + drawGamma(left + 1 - middle, random));
    if (value <= probability) {
      successes += middle;
      left -= middle;
      probability = (probability - value) / (1 - value);
    } else {
      left = middle - 1;
      probability /= value;
    }
  }
  for (let trial = 0; trial < left; trial++) successes += Number(random.uniform() < probability);
  return successes;
}

/** Arrivals up to a larger time are not drawn one by one. */
const mostArrivals = 30;

/**
 * Arrivals of a unit-rate process up to the mean. While it is large, the time of the m-th arrival is drawn as a gamma variate: with it before
 * the mean, m and those of the rest; else each of the m − 1 before it lies before the mean by chance (Ahrens and Dieter 1974).
 */
export function drawPoisson(mean: number, random: SimulationRandom): number {
  // Beyond the whole numbers that a double tells apart.
  if (!(mean < Number.MAX_SAFE_INTEGER)) return mean;
  let [rest, count] = [mean, 0];
  while (rest > mostArrivals) {
    const m = Math.floor(0.875 * rest);
    const time = drawGamma(m, random);
    if (time > rest) return count + drawBinomial(m - 1, rest / time, random);
    count += m;
    rest -= time;
  }
  for (let time = -Math.log(random.uniform()); time <= rest; time -= Math.log(random.uniform())) count++;
  return count;
}

/** Mean μ, variance μ + μ²/φ: Poisson whose mean is gamma. */
export function drawNegativeBinomial(mean: number, phi: number, random: SimulationRandom): number {
  return drawPoisson((mean * drawGamma(phi, random)) / phi, random);
}

/** Unit scale (Marsaglia and Tsang 2000). */
export function drawGamma(shape: number, random: SimulationRandom): number {
  if (shape < 1) return drawGamma(shape + 1, random) * random.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const z = random.normal();
    const v = (1 + z / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(random.uniform()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return d * v;
  }
}
