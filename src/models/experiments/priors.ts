// Priors of the experiments model: those of the paper (003, A.2.1) unless others are set.
import { InputError } from '../../data/inputError.js';
import { formatPrior, type PriorSpec } from '../../data/prior.js';
import type { CovariancePrior } from '../covariancePriors.js';
import type { ModelDescription } from '../model.js';
import { checkFamily, positiveFamilies } from '../priors.js';
import { round } from '../groupPriors.js';

export interface ExperimentPriors {
  readonly sigma: PriorSpec;
  /** Standard deviation of every coefficient's prior, around 0. */
  readonly thetaSd: number;
  /** Of the customers' deviations. */
  readonly covariance: CovariancePrior;
  /** Of campaigns' deviations from the regression on their attributes, on the baseline and on half the effect. */
  readonly campaign: CovariancePrior;
  readonly described: ModelDescription['priors'];
}

/** σ⁻² ~ Gamma(0.1, scale 10); θ ~ N(0, 1000 I); Ω_u⁻¹ ~ Wishart(k₁ + 3, I), so that Ω_u is inverse Wishart with these degrees of freedom. */
const paper = { shape: 0.1, rate: 0.1, thetaVariance: 1000, moreDf: 2 } as const;

/**
 * @param size coefficients of a customer, 1 + k₁; 0 without customer effects; @param isShrunk levels and moderators have another prior
 * Throws InputError for families that do not suit their sites.
 */
export function experimentPriors(
  set: Readonly<Record<string, PriorSpec>>,
  size: number,
  responseSd: number,
  isShrunk: boolean,
  hasAttributes: boolean,
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
  const whose = isShrunk ? ' for those that are not shrunk: the average effect, the intercept and x' : '';
  describe('theta', `normal(0, ${Number(thetaSd.toPrecision(6))})${whose}`);
  for (const site of ['sigma_u', 'corr_u']) {
    if (size === 0 && site in set)
      throw new InputError(`model.priors.${site}: the model has no effects of customers; leave it out`);
  }
  if (!hasAttributes && 'sigma_campaign' in set)
    throw new InputError('model.priors.sigma_campaign: needs model.campaignAttributes; leave it out');
  const covariance = covarianceOf(set, size, responseSd, describe);
  return { sigma, thetaSd, covariance, campaign: campaignOf(set, responseSd, hasAttributes, describe), described };
}

function campaignOf(
  set: Readonly<Record<string, PriorSpec>>,
  responseSd: number,
  hasAttributes: boolean,
  describe: (site: string, prior: string) => void,
): CovariancePrior {
  const own = set.sigma_campaign as PriorSpec | undefined;
  if (own !== undefined) checkFamily('sigma_campaign', own, positiveFamilies);
  if (hasAttributes)
    describe('sigma_campaign', own === undefined ? `halfStudentT(2, ${round(responseSd)})` : formatPrior(own));
  return own === undefined
    ? { kind: 'huangWand', df: 2, scales: [responseSd, responseSd] }
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
