// Known posteriors in plain JavaScript, as batched densities, with the moments and quantiles that samplers must find.
import type { BatchedLogDensity } from '../../src/inference/logDensity.js';

/** Log density at `position`, gradient written to `gradient`. */
export type PlainDensity = (position: Float64Array, gradient: Float64Array) => number;

export interface KnownPosterior {
  readonly name: string;
  readonly dimension: number;
  readonly density: PlainDensity;
  /** Functions of the position with their exact expectations; indicators give quantiles. */
  readonly expectations: readonly { name: string; of: (q: Float64Array) => number; value: number }[];
}

/** `PlainDensity` for a batch of lanes, evaluated lane by lane. */
export function batched(dimension: number, density: PlainDensity, lanes = 4): BatchedLogDensity {
  const position = new Float64Array(dimension);
  const gradient = new Float64Array(dimension);
  const batch = {
    dimension,
    lanes,
    positions: new Float64Array(dimension * lanes),
    logDensities: new Float64Array(lanes),
    gradients: new Float64Array(dimension * lanes),
    evaluate() {
      for (let lane = 0; lane < lanes; lane++) {
        for (let i = 0; i < dimension; i++) position[i] = batch.positions[i * lanes + lane];
        batch.logDensities[lane] = density(position, gradient);
        for (let i = 0; i < dimension; i++) batch.gradients[i * lanes + lane] = gradient[i];
      }
    },
  };
  return batch;
}

/** Quantiles of the standard normal at 5, 50 and 95 %. */
const NORMAL_QUANTILES = [
  [0.05, -1.6448536269514722],
  [0.5, 0],
  [0.95, 1.6448536269514722],
] as const;

function normalExpectations(index: number, mean: number, sd: number): KnownPosterior['expectations'] {
  return [
    { name: `mean ${index}`, of: (q) => q[index], value: mean },
    { name: `variance ${index}`, of: (q) => (q[index] - mean) ** 2, value: sd * sd },
    ...NORMAL_QUANTILES.map(([probability, z]) => ({
      name: `P(q${index} < q${probability})`,
      of: (q: Float64Array) => Number(q[index] < mean + sd * z),
      value: probability,
    })),
  ];
}

/** Independent normals with means 1, 2, … and sds 0.1, 1, 10. */
export const independentNormal: KnownPosterior = {
  name: 'independent normal',
  dimension: 3,
  density: (q, gradient) => {
    let total = 0;
    for (let i = 0; i < 3; i++) {
      const z = (q[i] - (i + 1)) / 10 ** (i - 1);
      gradient[i] = -z / 10 ** (i - 1);
      total -= (z * z) / 2;
    }
    return total;
  },
  expectations: [0, 1, 2].flatMap((i) => normalExpectations(i, i + 1, 10 ** (i - 1))),
};

/** Stationary first-order autoregression of unit variance: a normal with corr(q_i, q_j) = ρ^|i−j|. */
export function correlatedNormal(dimension: number, rho: number): KnownPosterior {
  const innovation = 1 - rho * rho;
  const last = dimension - 1;
  return {
    name: `correlated normal ${dimension}-D`,
    dimension,
    density: (q, gradient) => {
      gradient.fill(0);
      gradient[0] = -q[0];
      let total = (-q[0] * q[0]) / 2;
      for (let i = 1; i < dimension; i++) {
        const error = q[i] - rho * q[i - 1];
        total -= (error * error) / (2 * innovation);
        gradient[i] -= error / innovation;
        gradient[i - 1] += (rho * error) / innovation;
      }
      return total;
    },
    expectations: [
      ...normalExpectations(0, 0, 1),
      ...normalExpectations(last, 0, 1),
      { name: 'correlation', of: (q) => q[0] * q[1], value: rho },
    ],
  };
}

/** Neal's funnel, non-centred: v = 3 q₀, x = exp(v/2) q₁; expectations of the funnel itself. */
export const funnel: KnownPosterior = {
  name: 'non-centred funnel',
  dimension: 2,
  density: (q, gradient) => {
    gradient[0] = -q[0];
    gradient[1] = -q[1];
    return -(q[0] * q[0] + q[1] * q[1]) / 2;
  },
  expectations: [
    { name: 'mean v', of: (q) => 3 * q[0], value: 0 },
    { name: 'variance v', of: (q) => 9 * q[0] * q[0], value: 9 },
    { name: 'P(x < 0)', of: (q) => Number(Math.exp(1.5 * q[0]) * q[1] < 0), value: 0.5 },
    { name: 'mean log x²', of: (q) => 3 * q[0] + Math.log(q[1] * q[1]), value: -1.2703628454614782 },
  ],
};

/** Student t with five degrees of freedom: variance 5/3; quantile t₀.₉₅ = 2.015048372669157. */
export const studentT: KnownPosterior = {
  name: 'Student t(5)',
  dimension: 1,
  density: (q, gradient) => {
    gradient[0] = (-6 * q[0]) / (5 + q[0] * q[0]);
    return -3 * Math.log1p((q[0] * q[0]) / 5);
  },
  expectations: [
    { name: 'mean', of: (q) => q[0], value: 0 },
    { name: 'E|q|', of: (q) => Math.abs(q[0]), value: 0.9490167245562361 },
    { name: 'P(q < t05)', of: (q) => Number(q[0] < -2.015048372669157), value: 0.05 },
    { name: 'P(q < t95)', of: (q) => Number(q[0] < 2.015048372669157), value: 0.95 },
  ],
};

/** Banana: q₀ ~ N(0, 1), q₁ | q₀ ~ N(q₀², 1). */
export const banana: KnownPosterior = {
  name: 'banana',
  dimension: 2,
  density: (q, gradient) => {
    const error = q[1] - q[0] * q[0];
    gradient[0] = -q[0] + 2 * q[0] * error;
    gradient[1] = -error;
    return -(q[0] * q[0] + error * error) / 2;
  },
  expectations: [
    ...normalExpectations(0, 0, 1),
    { name: 'mean q1', of: (q) => q[1], value: 1 },
    { name: 'variance q1', of: (q) => (q[1] - 1) ** 2, value: 3 },
  ],
};

const EFFECTS = [28, 8, -3, 7, -1, 1, 18, 12];
const ERRORS = [15, 10, 16, 11, 9, 11, 10, 18];

/** Eight schools (Rubin 1981), non-centred: q = (μ, log τ, η₁ … η₈), μ ~ N(0, 5²), τ ~ half-Cauchy(0, 5), θ = μ + τ η. */
const eightSchoolsDensity: PlainDensity = (q, gradient) => {
  const [mu, logTau] = q;
  const tau = Math.exp(logTau);
  const ratio = (tau / 5) ** 2;
  let total = -(mu * mu) / 50 - Math.log1p(ratio) + logTau;
  gradient[0] = -mu / 25;
  gradient[1] = 1 - (2 * ratio) / (1 + ratio);
  EFFECTS.forEach((effect, j) => {
    const eta = q[2 + j];
    const error = (effect - mu - tau * eta) / ERRORS[j];
    total -= (eta * eta + error * error) / 2;
    gradient[0] += error / ERRORS[j];
    gradient[1] += (error / ERRORS[j]) * tau * eta;
    gradient[2 + j] = -eta + (error / ERRORS[j]) * tau;
  });
  return total;
};

/**
 * Exact posterior of (μ, τ) by quadrature: given τ, y_j ~ N(μ, s_j² + τ²) with η integrated out, and μ is normal.
 * Substitution τ = 5 tan(φ) makes the half-Cauchy prior uniform in φ on (0, π/2).
 */
export function eightSchools(): KnownPosterior {
  const points = 20_000;
  const sums = { weight: 0, mu: 0, muSquared: 0, tau: 0, logTau: 0, small: 0 };
  for (let k = 0; k < points; k++) {
    const tau = 5 * Math.tan(((k + 0.5) / points) * (Math.PI / 2));
    let [precision, weighted, constant] = [1 / 25, 0, 0];
    EFFECTS.forEach((effect, j) => {
      const variance = ERRORS[j] ** 2 + tau * tau;
      precision += 1 / variance;
      weighted += effect / variance;
      constant += Math.log(variance) + (effect * effect) / variance;
    });
    const mean = weighted / precision;
    const weight = Math.exp((-constant + weighted * mean - Math.log(precision)) / 2 + 20);
    sums.weight += weight;
    sums.mu += weight * mean;
    sums.muSquared += weight * (mean * mean + 1 / precision);
    sums.logTau += weight * Math.log(tau);
    sums.small += weight * Number(tau < 2);
    sums.tau += weight * Math.min(tau, 20);
  }
  const average = (sum: number) => sum / sums.weight;
  return {
    name: 'eight schools',
    dimension: 10,
    density: eightSchoolsDensity,
    expectations: [
      { name: 'mean mu', of: (q) => q[0], value: average(sums.mu) },
      { name: 'mean mu²', of: (q) => q[0] * q[0], value: average(sums.muSquared) },
      { name: 'mean min(tau, 20)', of: (q) => Math.min(Math.exp(q[1]), 20), value: average(sums.tau) },
      { name: 'mean log tau', of: (q) => q[1], value: average(sums.logTau) },
      { name: 'P(tau < 2)', of: (q) => Number(Math.exp(q[1]) < 2), value: average(sums.small) },
    ],
  };
}
