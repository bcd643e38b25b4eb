// Priors of the experiments model: those of the paper (003, A.2.1) unless others are set.
import { InputError } from '../../data/inputError.js';
import { formatPrior, type PriorSpec } from '../../data/prior.js';
import type { CovariancePrior } from '../covariancePriors.js';
import type { ModelDescription } from '../model.js';
import { checkFamily, positiveFamilies } from '../priors.js';
import { round } from '../groupPriors.js';
import { type Poolable, poolable, spreadName } from './poolable.js';

export interface ExperimentPriors {
  readonly sigma: PriorSpec;
  /** Standard deviation of every coefficient's prior, around 0. */
  readonly thetaSd: number;
  /** Of the customers' deviations. */
  readonly covariance: CovariancePrior;
  /** Of the spreads of a set that is pooled, on the baseline and on half the effect. */
  readonly pooled: (name: Poolable) => PriorSpec;
  /** Of campaigns' deviations from the regression on their attributes, on the baseline and on half the effect. */
  readonly campaign: CovariancePrior;
  readonly described: ModelDescription['priors'];
}

/** σ⁻² ~ Gamma(0.1, scale 10); θ ~ N(0, 1000 I); Ω_u⁻¹ ~ Wishart(k₁ + 3, I), so that Ω_u is inverse Wishart with these degrees of freedom. */
const paper = { shape: 0.1, rate: 0.1, thetaVariance: 1000, moreDf: 2 } as const;
/** Own choice: of half-t spreads of sets, which are nearly flat below the standard deviation of the response. */
const spreadDf = 2;

/** What of a model decides which priors it has. */
interface PriorsOf {
  /** Coefficients of a customer, 1 + k₁; 0 without customer effects. */
  readonly size: number;
  readonly responseSd: number;
  /** Levels and moderators have another prior. */
  readonly isShrunk: boolean;
  /** Campaigns have attributes. */
  readonly hasAttributes: boolean;
  readonly pooled: readonly Poolable[];
}

/**
 * Throws InputError for families that do not suit their sites.
 */
export function experimentPriors(
  set: Readonly<Record<string, PriorSpec>>,
  { size, responseSd, isShrunk, hasAttributes, pooled }: PriorsOf,
): ExperimentPriors {
  const described: ModelDescription['priors'][number][] = [];
  const describe = (site: string, prior: string): void => {
    described.push({ site, prior, source: site in set ? 'set' : 'default' });
  };
  const sigma = (set.sigma as PriorSpec | undefined) ?? {
    family: 'precisionGamma',
    parameters: [paper.shape, paper.rate],
  };
  checkFamily('sigma', sigma, positiveFamilies);
  describe('sigma', formatPrior(sigma));
  const thetaSd = thetaSdOf(set);
  const whose = isShrunk
    ? ' for those that are not shrunk: the average effect, the intercept and x'
    : pooled.length > 0
      ? ' for those that are not pooled'
      : '';
  describe('theta', `normal(0, ${Number(thetaSd.toPrecision(6))})${whose}`);
  for (const site of ['sigma_u', 'corr_u']) {
    if (size === 0 && site in set)
      throw new InputError(`model.priors.${site}: the model has no effects of customers; leave it out`);
  }
  for (const name of poolable) {
    if (!(spreadName(name) in set) || pooled.includes(name) || (name === 'campaign' && hasAttributes)) continue;
    const what = `model.pooling: [${name}]${name === 'campaign' ? ' or model.campaignAttributes' : ''}`;
    throw new InputError(`model.priors.${spreadName(name)}: needs ${what}; leave it out`);
  }
  const covariance = covarianceOf(set, size, responseSd, describe);
  const campaign = campaignOf(set, responseSd, hasAttributes, describe);
  const pooledPrior = (name: Poolable): PriorSpec =>
    set[spreadName(name)] ?? { family: 'halfStudentT', parameters: [spreadDf, responseSd] };
  for (const name of pooled) {
    checkFamily(spreadName(name), pooledPrior(name), positiveFamilies);
    const [df, scale] = pooledPrior(name).parameters;
    describe(
      spreadName(name),
      spreadName(name) in set ? formatPrior(pooledPrior(name)) : `halfStudentT(${df}, ${round(scale)})`,
    );
  }
  return { sigma, thetaSd, covariance, campaign, pooled: pooledPrior, described };
}

function campaignOf(
  set: Readonly<Record<string, PriorSpec>>,
  responseSd: number,
  hasAttributes: boolean,
  describe: (site: string, prior: string) => void,
): CovariancePrior {
  const own = hasAttributes ? (set.sigma_campaign as PriorSpec | undefined) : undefined;
  if (own !== undefined) checkFamily('sigma_campaign', own, positiveFamilies);
  if (hasAttributes)
    describe(
      'sigma_campaign',
      own === undefined ? `halfStudentT(${spreadDf}, ${round(responseSd)})` : formatPrior(own),
    );
  return own === undefined
    ? { kind: 'huangWand', df: spreadDf, scales: [responseSd, responseSd] }
    : { kind: 'separate', sd: own, eta: 1 };
}

function thetaSdOf(set: Readonly<Record<string, PriorSpec>>): number {
  if (!('theta' in set)) return Math.sqrt(paper.thetaVariance);
  const { family, parameters } = set.theta;
  if (family === 'normal' && parameters[0] === 0) return parameters[1];
  throw new InputError(`model.priors.theta: must be normal(0, sd), not ${formatPrior(set.theta)}`);
}

function covarianceOf(
  set: Readonly<Record<string, PriorSpec>>,
  size: number,
  responseSd: number,
  describe: (site: string, prior: string) => void,
): CovariancePrior {
  const sd = set.sigma_u as PriorSpec | undefined;
  const correlation = set.corr_u as PriorSpec | undefined;
  if (correlation !== undefined) checkFamily('corr_u', correlation, ['lkj']);
  if (correlation !== undefined && size === 1)
    throw new InputError('model.priors.corr_u: customers have one coefficient; leave it out');
  if (sd !== undefined) checkFamily('sigma_u', sd, ['huangWand', 'inverseWishart', ...positiveFamilies]);
  const isJoint = sd?.family === 'huangWand' || sd?.family === 'inverseWishart';
  if (isJoint && correlation !== undefined)
    throw new InputError(
      `model.priors.corr_u: ${sd.family} of sigma_u is a prior of the correlations too; keep one of them`,
    );
  if (isJoint || (sd === undefined && correlation === undefined)) {
    const prior: PriorSpec = sd ?? { family: 'inverseWishart', parameters: [size + paper.moreDf, 1] };
    const [df, scale] = prior.parameters;
    if (prior.family === 'inverseWishart' && !(df > size - 1))
      throw new InputError(
        `model.priors.sigma_u: inverseWishart needs df above ${size - 1} for ${size} coefficients, not ${df}`,
      );
    if (size > 0) describe('sigma_u', `${formatPrior(prior)}${size > 1 ? ' with its correlations' : ''}`);
    return prior.family === 'huangWand'
      ? { kind: 'huangWand', df, scales: Array.from({ length: size }, () => scale) }
      : { kind: 'inverseWishart', df, scale };
  }
  const own: PriorSpec = sd ?? { family: 'halfStudentT', parameters: [3, responseSd] };
  describe('sigma_u', formatPrior(own));
  if (size > 1) describe('corr_u', formatPrior(correlation ?? { family: 'lkj', parameters: [1] }));
  return { kind: 'separate', sd: own, eta: correlation?.parameters[0] ?? 1 };
}
