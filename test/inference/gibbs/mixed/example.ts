// Small hierarchies with responses through a link, drawn from values that a study might find.
import type { GeneralisedHierarchy, Likelihood } from '../../../../src/models/linearHierarchy/structure.js';
import { type HierarchyValues, levelMeans, type TermValues } from '../../../../src/models/linearHierarchy/values.js';
import { groupOfRow } from '../../../../src/models/linearHierarchy/hierarchyModel.js';
import { type HierarchyShape, hierarchyExample } from '../../../models/hierarchyExample.js';
import { type RandomNumbers, randomNumbers } from '../../../models/random.js';

export type Family = Likelihood['kind'];

/** Groups' spreads 0.6, means 0.4, effects of the fixed block 0.3. */
export function generalisedExample(family: Family, shape: HierarchyShape): GeneralisedHierarchy {
  const { rows, y, terms, fixed } = hierarchyExample(shape);
  const random = randomNumbers(`response ${shape.seed ?? ''}`);
  const values: PredictorValues = {
    terms: terms.map((term) => {
      const last = term.levels.at(-1)!;
      const own = {
        population: random.normals(last.size * last.covariateCount, 0.4),
        levels: term.levels.map(({ groups, size }) => ({
          coefficients: new Float64Array(groups * size),
          sds: new Float64Array(size).fill(0.6),
          lower: undefined,
        })),
      };
      for (let l = term.levels.length - 1; l >= 0; l--) {
        const { coefficients } = own.levels[l];
        levelMeans(term, l, own, coefficients);
        for (let i = 0; i < coefficients.length; i++) coefficients[i] += 0.6 * random.normal();
      }
      return own;
    }),
    fixed: fixed && { coefficients: new Float64Array(fixed.prior.sds.length).fill(0.3) },
  };
  const trials = Float64Array.from({ length: rows }, () => 1 + Math.floor(6 * random.uniform()));
  const logExposure = random.normals(rows, 0.3);
  const likelihood = likelihoodOf(family, trials, logExposure);
  return withResponse({ rows, y, terms, fixed, likelihood }, values, 3, random);
}

type PredictorValues = Pick<HierarchyValues, 'fixed'> & {
  readonly terms: readonly Pick<TermValues, 'levels' | 'population'>[];
};

/** The same hierarchy with a response drawn given its values; of the fixed block dense columns and categories without multipliers. */
export function withResponse(
  structure: GeneralisedHierarchy,
  values: PredictorValues,
  dispersion: number,
  random: Pick<RandomNumbers, 'uniform' | 'normal'>,
): GeneralisedHierarchy {
  const { rows, terms, fixed, likelihood } = structure;
  const eta = new Float64Array(rows);
  for (const [t, term] of terms.entries()) {
    const group = groupOfRow(term);
    const [{ size }] = term.levels;
    const { coefficients } = values.terms[t].levels[0];
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < size; k++) eta[row] += term.columns[k][row] * coefficients[group[row] * size + k];
  }
  const effects = [...(values.fixed?.coefficients ?? [])];
  for (const column of fixed?.dense ?? []) {
    const effect = effects.shift()!;
    for (let row = 0; row < rows; row++) eta[row] += effect * column[row];
  }
  for (const { levels, levelOfRow } of fixed?.categories ?? []) {
    const free = effects.splice(0, levels - 1);
    const all = [...free, -free.reduce((sum, x) => sum + x, 0)];
    for (let row = 0; row < rows; row++) eta[row] += all[levelOfRow[row]];
  }
  const y = eta.map((own, row) => {
    const share = 1 / (1 + Math.exp(-own));
    switch (likelihood.kind) {
      case 'bernoulli':
        return Number(random.uniform() < share);
      case 'binomial': {
        let successes = 0;
        for (let trial = 0; trial < likelihood.trials[row]; trial++) successes += Number(random.uniform() < share);
        return successes;
      }
      case 'poisson':
        return poisson(random, Math.exp(own + (likelihood.logExposure?.[row] ?? 0)));
      case 'negativeBinomial': {
        const mean = Math.exp(own + (likelihood.logExposure?.[row] ?? 0));
        return poisson(random, (mean * gamma(random, dispersion)) / dispersion);
      }
      default:
        throw new Error((likelihood satisfies never as Likelihood).kind);
    }
  });
  return { ...structure, y };
}

function likelihoodOf(family: Family, trials: Float64Array, logExposure: Float64Array): Likelihood {
  switch (family) {
    case 'bernoulli':
      return { kind: family };
    case 'binomial':
      return { kind: family, trials };
    case 'poisson':
      return { kind: family, logExposure };
    case 'negativeBinomial':
      return {
        kind: family,
        logExposure,
        dispersion: 'phi',
        prior: { family: 'gamma', parameters: [2, 0.5] },
      };
    default:
      throw new Error(family satisfies never);
  }
}

/** By Knuth's products of uniforms; of large means about normal. */
function poisson(random: Pick<RandomNumbers, 'uniform' | 'normal'>, mean: number): number {
  if (mean > 500) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  let [count, product] = [0, random.uniform()];
  for (const least = Math.exp(-mean); product > least; count++) product *= random.uniform();
  return count;
}

/** Marsaglia and Tsang (2000). */
function gamma(random: Pick<RandomNumbers, 'uniform' | 'normal'>, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * random.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(random.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v;
  }
}
