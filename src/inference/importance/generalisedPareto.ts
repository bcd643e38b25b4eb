// The generalised Pareto distribution of exceedances: fit by the quasi-Bayesian estimate of Zhang and Stephens, and quantiles.

export interface GeneralisedPareto {
  /** Shape k: moments of order 1/k and higher do not exist; +∞ where no fit was possible. */
  readonly shape: number;
  readonly scale: number;
}

/** Observations that the prior of the profile parameter counts as (Zhang and Stephens 2009, §3). */
const PRIOR = 3;
/** The shape shrinks towards 0.5 as by ten further observations (Vehtari et al. 2024, appendix G). */
const SHAPE_PRIOR_COUNT = 10;

/**
 * Fits ascending positive exceedances. With θ = −k/σ the profile likelihood gives k = mean log(1 − θ x); θ is averaged over a grid
 * of quantiles of its prior, weighted by the likelihood (Zhang and Stephens 2009, equations 5 to 8).
 */
export function fitGeneralisedPareto(ascending: ArrayLike<number>): GeneralisedPareto {
  const count = ascending.length;
  const points = 30 + Math.floor(Math.sqrt(count));
  const quartile = ascending[Math.floor(count / 4 + 0.5) - 1];
  const largest = ascending[count - 1];
  const thetas = Float64Array.from(
    { length: points },
    (_, j) => 1 / largest + (1 - Math.sqrt(points / (j + 0.5))) / PRIOR / quartile,
  );
  const shapeAt = (theta: number): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.log1p(-theta * ascending[i]);
    return sum / count;
  };
  const logLikelihoods = thetas.map((theta) => {
    const shape = shapeAt(theta);
    return count * (Math.log(-theta / shape) - shape - 1);
  });
  const most = logLikelihoods.reduce((a, b) => Math.max(a, b), -Infinity);
  let [weights, weighted] = [0, 0];
  logLikelihoods.forEach((logLikelihood, j) => {
    const weight = Math.exp(logLikelihood - most);
    weights += weight;
    weighted += weight * thetas[j];
  });
  const theta = weighted / weights;
  const shape = shapeAt(theta);
  const shrunk = (shape * count + 0.5 * SHAPE_PRIOR_COUNT) / (count + SHAPE_PRIOR_COUNT);
  return { shape: Number.isNaN(shrunk) ? Infinity : shrunk, scale: -shape / theta };
}

/** The quantile at `probability`; NaN where the scale is not positive. */
export function generalisedParetoQuantile({ shape, scale }: GeneralisedPareto, probability: number): number {
  if (!(scale > 0)) return NaN;
  const logSurvival = Math.log1p(-probability);
  return shape === 0 ? -scale * logSurvival : (scale * Math.expm1(-shape * logSurvival)) / shape;
}
