// Hierarchical logistic regression: many groups of few rows, 20 slopes and a constant that vary by group.
import { gatherRows } from '../../src/kernels/ops/index.js';
import { bernoulliLogit, halfNormal, normal } from '../../src/models/distributions/index.js';
import { defineModel, type Model } from '../../src/models/model.js';
import { positive, real } from '../../src/models/parameters.js';
import { benchmarkRandom } from './random.js';

/** Coefficients of a group: a constant and 20 slopes. */
export const coefficients = 21;
const rowsPerGroup = 10;
/** What the data are made with: spreads of the groups' constants and slopes, and of the means. */
const spreads = { constant: 0.8, slope: 0.4, mean: 0.3 };

export interface HierarchicalData {
  readonly rows: number;
  readonly groups: number;
  /** `[row][coefficient]`, the first of them 1. */
  readonly x: Float32Array;
  /** `[row]`, 0 or 1. */
  readonly y: Float32Array;
  /** `[row]`, ascending. */
  readonly group: Int32Array;
  /** What the data were made with, `[coefficient]`. */
  readonly truth: { readonly mu: Float64Array; readonly tau: Float64Array };
}

export interface Hierarchical {
  readonly model: Model;
  readonly rows: number;
}

export const fullRows = 1_000_000;

/** The model's data: 10 rows a group. */
export function hierarchicalData(rows: number): HierarchicalData {
  const groups = Math.max(2, Math.round(rows / rowsPerGroup));
  const random = benchmarkRandom(2);
  const mu = Float64Array.from({ length: coefficients }, () => spreads.mean * random.normal());
  const tau = Float64Array.from({ length: coefficients }, (_, k) => (k === 0 ? spreads.constant : spreads.slope));
  const x = new Float32Array(rows * coefficients);
  const y = new Float32Array(rows);
  const group = Int32Array.from({ length: rows }, (_, row) => Math.floor((row * groups) / rows));
  const beta = new Float64Array(coefficients);
  for (let row = 0; row < rows; row++) {
    if (row === 0 || group[row] !== group[row - 1]) {
      for (let k = 0; k < coefficients; k++) beta[k] = mu[k] + tau[k] * random.normal();
    }
    let eta = 0;
    for (let k = 0; k < coefficients; k++) {
      const at = row * coefficients + k;
      x[at] = k === 0 ? 1 : random.normal();
      eta += x[at] * beta[k];
    }
    y[row] = random.uniform() < 1 / (1 + Math.exp(-eta)) ? 1 : 0;
  }
  return { rows, groups, x, y, group, truth: { mu, tau } };
}

/**
 * y_n ~ Bernoulli(logit⁻¹(x_n'β_g)), β_g = μ + τ ∘ z_g, z_g ~ N(0, I), μ ~ N(0, 1), τ ~ halfNormal(1); 10 rows a group, so that
 * 1,000,000 rows have 100,000 groups and 2,100,042 parameters.
 *
 * Non-centred: ten rows say little of 21 coefficients. They carry an information of about 1 on each (`roughStart`), the prior
 * 1 / 0.4² = 6, so a group's own share in its coefficients is about a seventh: far below the half where centring pays.
 */
export function hierarchicalLogistic(rows: number): Hierarchical {
  const { groups, x, y, group } = hierarchicalData(rows);
  const model = defineModel({
    name: 'hierarchical logistic regression',
    data: { x: { shape: [rows, coefficients], values: x }, y: { shape: [rows], values: y }, group },
    parameters: { mu: real(coefficients), tau: positive(coefficients), z: real(groups, coefficients) },
    logPrior: ({ mu, tau, z }) =>
      normal.logDensity(mu).sum().add(halfNormal.logDensity(tau).sum()).add(normal.logDensity(z).sum()),
    logLikelihood: ({ mu, tau, z }, data) =>
      bernoulliLogit.logDensity(
        data.y,
        gatherRows(mu.add(tau.mul(z)), data.group)
          .mul(data.x)
          .sum(1),
      ),
    derived: {
      sites: { beta: [groups, coefficients] },
      compute: ({ mu, tau, z }) => ({ beta: mu.add(tau.mul(z)) }),
    },
    start: roughStart(groups),
  });
  return { model, rows };
}

/**
 * Where to start, and rough posterior sds on the unconstrained scale. A row has weight w = p(1 − p) ≈ 0.16; the other coefficients of its
 * group blur its linear predictor by their variance v = Σ τ², which leaves an information I = 10 / (1/w + v) ≈ 1 on one coefficient.
 * The mean of G coefficients is then known to √((1/I + τ²) / G), the log of their spread to 1 / (λ √(2G)) with λ = Iτ² / (1 + Iτ²).
 */
function roughStart(groups: number) {
  const { meanSd, logSpreadSd } = roughSds(groups);
  const z = (value: number): Float64Array => new Float64Array(groups * coefficients).fill(value);
  return {
    mu: { centre: new Float64Array(coefficients), sd: meanSd },
    tau: { centre: new Float64Array(coefficients).fill(Math.log(0.3)), sd: logSpreadSd.map((sd) => Math.min(1, sd)) },
    z: { centre: z(0), sd: z(1) },
  };
}

/** Of the means and of the logarithms of the spreads, `[coefficient]`. */
export function roughSds(groups: number): { readonly meanSd: Float64Array; readonly logSpreadSd: Float64Array } {
  const tau = Float64Array.from({ length: coefficients }, (_, k) => (k === 0 ? spreads.constant : spreads.slope));
  const information = rowsPerGroup / (1 / 0.16 + tau.reduce((sum, t) => sum + t * t, 0));
  const meanSd = tau.map((t) => Math.sqrt((1 / information + t * t) / groups));
  const logSpreadSd = tau.map((t) => (1 + information * t * t) / (information * t * t * Math.sqrt(2 * groups)));
  return { meanSd, logSpreadSd };
}
