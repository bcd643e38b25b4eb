// Default priors that models of groups share: of the response's own parameter, and of the covariances of levels.
import { isCountFamily, type ResponseFamily } from '../data/countResponse.js';
import { InputError } from '../data/inputError.js';
import { formatPrior, type PriorSpec } from '../data/prior.js';
import type { CovariancePrior } from './covariancePriors.js';
import type { FactorCovariance, LevelCovariance } from './linearHierarchy/structure.js';
import { checkFamily, positiveFamilies } from './priors.js';

export interface PriorDescription {
  readonly site: string;
  readonly prior: string;
  readonly source: 'default' | 'set';
}

/** Multiples of the response's standard deviation, over those of the predictors, that default priors take as their scale. */
export const defaultScale = { sigma: 1, population: 5, spread: 1 } as const;
/** Degrees of freedom of half-t priors; with two, Huang–Wand correlations are uniform. */
const spreadDf = 2;
const residualDf = 3;
/** Inverse gamma of φ: little weight on variances more than ten times the mean's square, a long tail towards Poisson. */
const dispersionShapeAndScale = [0.4, 0.3] as const;

/** The parameter of the response's distribution beside its mean. */
export function scaleParameter(family: ResponseFamily): 'sigma' | 'phi' | undefined {
  if (family === 'negativeBinomial') return 'phi';
  return isCountFamily(family) ? undefined : 'sigma';
}

function defaultOfScale(site: 'sigma' | 'phi', sd: number): PriorSpec {
  return site === 'sigma'
    ? { family: 'halfStudentT', parameters: [residualDf, defaultScale.sigma * sd] }
    : { family: 'inverseGamma', parameters: [...dispersionShapeAndScale] };
}

/** The prior of that parameter: what was set, else the default; undefined where there is none. Throws InputError for a family that does not suit. */
export function scalePrior(
  set: Readonly<Record<string, PriorSpec>>,
  family: ResponseFamily,
  responseSd: number,
  describe: (site: string, prior: string) => void,
): PriorSpec | undefined {
  const site = scaleParameter(family);
  if (site === undefined) return undefined;
  const prior = (set[site] as PriorSpec | undefined) ?? defaultOfScale(site, responseSd);
  checkFamily(site, prior, positiveFamilies);
  describe(site, shortPrior(prior));
  return prior;
}

/** What is said of a level's covariance: no correlations, any, or those that so many common factors make. */
export type CovarianceKind = 'diagonal' | 'full' | { readonly factors: number };

/** Whether coefficients of the level are correlated. */
export const isCorrelated = (kind: CovarianceKind): boolean => kind !== 'diagonal';

/**
 * The declared covariance of level `u` or `v`, whose parameters are named after it: `sigma_u` and `cholesky_u`, or `psi_u` and `loadings_u`.
 * @param scales of the defaults, by coefficient
 */
export function levelCovariance(
  set: Readonly<Record<string, PriorSpec>>,
  level: 'u' | 'v',
  kind: CovarianceKind,
  scales: readonly number[],
  describe: (site: string, prior: string) => void,
): LevelCovariance {
  const [sds, correlations] = [`sigma_${level}`, `corr_${level}`];
  if (typeof kind === 'object') {
    const [loadings, uniques] = [`loadings_${level}`, `psi_${level}`];
    const own = factorPrior(set, { loadings, uniques }, scales, describe);
    return { loadings, factors: kind.factors, sds: uniques, prior: own };
  }
  const prior = covariancePrior(set, { sdSite: sds, correlationSite: correlations }, kind, scales, describe);
  return { sds, cholesky: kind === 'full' ? `cholesky_${level}` : undefined, prior };
}

/**
 * The prior of common factors: loadings are as large as spreads may be; what factors leave has one prior for all coefficients. Throws InputError for
 * families that do not suit.
 * @param scales of the defaults, by coefficient
 */
export function factorPrior(
  set: Readonly<Record<string, PriorSpec>>,
  { loadings, uniques: sds }: { readonly loadings: string; readonly uniques: string },
  scales: readonly number[],
  describe: (site: string, prior: string) => void,
): FactorCovariance['prior'] {
  const own = set[loadings] as PriorSpec | undefined;
  if (own !== undefined && !(own.family === 'normal' && own.parameters[0] === 0)) {
    throw new InputError(
      `model.priors.${loadings}: must be normal(0, sd), which is the same for rotated factors, not ${formatPrior(own)}`,
    );
  }
  const sd = (set[sds] as PriorSpec | undefined) ?? {
    family: 'halfStudentT',
    parameters: [residualDf, Math.max(...scales)],
  };
  checkFamily(sds, sd, positiveFamilies);
  describe(loadings, own ? shortPrior(own) : scales.map((scale) => `normal(0, ${round(scale)})`).join(', '));
  describe(sds, shortPrior(sd));
  return { loadingSds: own ? scales.map(() => own.parameters[1]) : scales, sd };
}

/**
 * The prior of a level's covariance: what was set of its standard deviations and correlations, else half-t standard deviations, with
 * correlations those of Huang and Wand. Throws InputError for families that do not suit.
 * @param scales of the default's half-t, by coefficient
 */
export function covariancePrior(
  set: Readonly<Record<string, PriorSpec>>,
  { sdSite, correlationSite }: { readonly sdSite: string; readonly correlationSite: string },
  covariance: 'diagonal' | 'full',
  scales: readonly number[],
  describe: (site: string, prior: string) => void,
): CovariancePrior {
  const sd = set[sdSite] as PriorSpec | undefined;
  const correlation = set[correlationSite] as PriorSpec | undefined;
  if (correlation !== undefined) checkFamily(correlationSite, correlation, ['lkj']);
  if (sd !== undefined) checkFamily(sdSite, sd, ['huangWand', 'inverseWishart', ...positiveFamilies]);
  if (sd?.family === 'huangWand' || sd?.family === 'inverseWishart') {
    if (correlation !== undefined) {
      throw new InputError(
        `model.priors.${correlationSite}: ${sd.family} of ${sdSite} is a prior of the correlations too; keep one of them`,
      );
    }
    const [df, scale] = sd.parameters;
    const k = scales.length;
    if (sd.family === 'inverseWishart' && !(df > k - 1)) {
      throw new InputError(
        `model.priors.${sdSite}: inverseWishart needs df above ${k - 1} for ${k} coefficients, not ${df}`,
      );
    }
    describe(sdSite, `${shortPrior(sd)}${covariance === 'full' ? ' with its correlations' : ''}`);
    return sd.family === 'huangWand'
      ? { kind: 'huangWand', df, scales: scales.map(() => scale) }
      : { kind: 'inverseWishart', df, scale };
  }
  if (sd === undefined && correlation === undefined) {
    const family = covariance === 'full' ? 'huangWand' : 'halfStudentT';
    describe(sdSite, scales.map((scale) => `${family}(${spreadDf}, ${round(scale)})`).join(', '));
    return { kind: 'huangWand', df: spreadDf, scales };
  }
  const sdPrior: PriorSpec = sd ?? { family: 'halfStudentT', parameters: [residualDf, Math.max(...scales)] };
  describe(sdSite, shortPrior(sdPrior));
  if (covariance === 'full') describe(correlationSite, shortPrior(correlation ?? { family: 'lkj', parameters: [1] }));
  return { kind: 'separate', sd: sdPrior, eta: correlation?.parameters[0] ?? 1 };
}

export const round = (x: number): number => Number(x.toPrecision(4));
export const shortPrior = (prior: PriorSpec): string =>
  formatPrior({ ...prior, parameters: prior.parameters.map(round) });
