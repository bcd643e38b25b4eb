// Small data sets of every model, whose fits take a fraction of a second: the coverage benchmark's.
import { simulatedModel as simulated } from '../simulatedModel.js';
import type { PreparedModel } from '../../src/models/modelEntry.js';

export type CoverageProblem = Pick<PreparedModel, 'model' | 'rebuild'>;

const twoLevels = { rows: 360, products: 20, markets: 0, x: 1, z: 0 };
const threeLevels = { rows: 360, products: 3, markets: 12, x: 1, z: 0, w: 1 };
const panel = { consumers: 60, markets: 12, months: 6, channels: 2, controls: 1, traits: 1 };
/** Of responses through a link: the default priors allow means beyond what a count can be. */
export const linked = { gamma: 'normal(0, 0.7)', sigma_u: 'halfNormal(0.5)' };
const experiments = { customers: 60, weeks: 16, campaigns: 6, interventions: 10 };
const national = { weeks: 80, geos: 0, channels: 2 };

export const problems: Readonly<Record<string, () => CoverageProblem>> = {
  'two levels, diagonal': () => simulated('three-level', twoLevels),
  'two levels, full': () => simulated('three-level', { ...twoLevels, covariance: 'full' }),
  'three levels, diagonal': () => simulated('three-level', threeLevels),
  'three levels, full': () => simulated('three-level', { ...threeLevels, covariance: 'full' }),
  'two levels, a latent factor': () => simulated('three-level', { ...twoLevels, products: 36, x: 3, factors: 1 }),
  'two levels, horseshoe': () =>
    simulated('three-level', { ...twoLevels, rows: 480, x: 8, shrinkage: 'regularisedHorseshoe' }),
  'two levels, Student-t': () => simulated('three-level', { ...twoLevels, family: 'studentT' }),
  'two levels, Bernoulli': () =>
    simulated('three-level', { ...twoLevels, family: 'bernoulli' }, { section: { priors: linked } }),
  'two levels, binomial': () =>
    simulated('three-level', { ...twoLevels, family: 'binomial' }, { section: { priors: linked } }),
  'two levels, Poisson': () =>
    simulated('three-level', { ...twoLevels, family: 'poisson' }, { section: { priors: linked } }),
  'two levels, negative binomial': () =>
    simulated('three-level', { ...twoLevels, family: 'negativeBinomial' }, { section: { priors: linked } }),
  'hbmmm, diagonal': () => simulated('hbmmm', { ...panel, covariance: 'diagonal' }),
  'hbmmm, full': () => simulated('hbmmm', { ...panel, covariance: 'full' }),
  'regression, horseshoe': () => simulated('regression', { rows: 100, columns: 12, relevant: 3 }),
  experiments: () => simulated('experiments', experiments, { section: { pooling: [] } }),
  'experiments, pooled': () => simulated('experiments', experiments),
  'media-mix, national': () => simulated('media-mix', national),
  'media-mix, places': () => simulated('media-mix', { ...national, weeks: 60, geos: 6 }),
};
