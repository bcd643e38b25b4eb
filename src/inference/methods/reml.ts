// Restricted maximum likelihood as a method: the frequentist multilevel model, for comparison.
import { type LinearHierarchy, linearStructure } from '../../models/linearHierarchy/structure.js';
import type { Model } from '../../models/model.js';
import { DrawQueue } from '../marginal/drawQueue.js';
import { marginalRefusal } from '../marginal/refusal.js';
import type { NaturalScales } from '../marginal/scales.js';
import { randomKey, sites, stepKey } from '../random/streams.js';
import { flatRefusal, withFlatPriors } from '../frequentist/flat.js';
import { Multilevel, type RemlEstimate } from '../frequentist/multilevel.js';
import { type IndependentDraws, usualApproximation } from './approximation.js';
import { aroundEstimate } from './aroundEstimate.js';
import type { DrawInfo, Finding, Method, PreparedMethod } from './method.js';

/** A standard deviation below this share of σ, and a correlation beyond this, are on the edge of what is possible. */
const edge = { sd: 1e-4, correlation: 0.9999 };

export const reml: Method = {
  name: 'reml',
  title: 'REML',
  effort: 'gradients',
  statistics: [],
  draws: 'independent',
  usual: usualApproximation,
  devices: ['cpu'],
  refusal: (model) => {
    const structure = linearStructure(model);
    if (structure === undefined) return `${model.name} declares no linear Gaussian hierarchy`;
    const flat = flatRefusal(structure);
    if (flat !== undefined) return flat;
    if (structure.terms.length === 0) return `${model.name} has no groups; ols and ridge are for these`;
    return marginalRefusal({ ...model, structure: withFlatPriors(structure).structure });
  },
  prepare: (model) => prepareMultilevel(model, linearStructure(model)!),
};

const finding = (words: string, faults: readonly string[]): Finding => ({
  name: 'REML',
  status: faults.length === 0 ? 'pass' : 'review',
  detail: [words, ...faults].join('; '),
});

/** Scales around their estimates, as wide as the curvature of the restricted likelihood says, and coefficients given them. */
async function prepareMultilevel(model: Model, structure: LinearHierarchy): Promise<PreparedMethod> {
  const nest = await Multilevel.compile(model, structure);
  const make: IndependentDraws = async ({ chains, draws, seed }, listener, signal) => {
    const estimate = await nest.estimate(model.start, signal);
    const key = randomKey(seed);
    const queue = new DrawQueue<DrawInfo>(nest.coefficients, key, 0, listener);
    const position = new Float64Array(nest.scaleDimension);
    for (let chain = 0; chain < chains; chain++) {
      for (let index = 0; index < draws; index++) {
        stepKey(key, chain, index).stream(sites.approximation).fillNormal(position);
        queue.add({ chain, phase: 'sampling', index, position, info: {} });
      }
    }
    queue.flush();
    const words = `REML criterion ${estimate.criterion.toFixed(3)} (−2 log restricted likelihood, predictors as the model scales them)`;
    return { evaluations: chains, findings: [finding(words, faultsOf(estimate, structure))] };
  };
  return aroundEstimate('reml', nest.coefficients.dimension, nest.memoryBytes, make, () => nest.dispose());
}

/** What lies on the edge of what is possible, as lme4's singular fits. */
function faultsOf({ scales }: RemlEstimate, { terms: [{ levels }] }: LinearHierarchy): string[] {
  return levels.flatMap(({ covariance }, l) => {
    const own = scales.levels[l];
    return [...smallSds(own, scales.sigma), ...tightCorrelations(own)].map(
      (which) => `singular: ${which} of ${covariance.sds}`,
    );
  });
}

const smallSds = ({ sds }: NaturalScales['levels'][number], sigma: number): string[] =>
  [...sds].flatMap((sd, i) => (sd < edge.sd * sigma ? [`standard deviation ${i + 1} is 0`] : []));

function tightCorrelations({ sds, lower }: NaturalScales['levels'][number]): string[] {
  if (lower === undefined) return [];
  const size = sds.length;
  const row = (i: number): Float64Array => lower.subarray(i * size, (i + 1) * size);
  return Array.from(sds.keys()).flatMap((i) =>
    Array.from({ length: i }, (_, j) => j).flatMap((j) => {
      const correlation = row(i).reduce((sum, value, k) => sum + value * row(j)[k], 0);
      return Math.abs(correlation) > edge.correlation
        ? [`correlation of ${j + 1} and ${i + 1} is ${Math.sign(correlation)}`]
        : [];
    }),
  );
}
