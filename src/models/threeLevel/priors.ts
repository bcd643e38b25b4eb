// Priors of the three-level model: what the user set, else weakly informative defaults on the scale of the data.
import { isCountFamily, type ResponseFamily } from '../../data/countResponse.js';
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import { formatPrior, type PriorSpec } from '../../data/prior.js';
import type { CovariancePrior } from '../covariancePriors.js';
import { checkFamily, positiveFamilies, realFamilies } from '../priors.js';
import type { LevelDesign, ThreeLevelDesign } from './design.js';

export interface PriorDescription {
  readonly site: string;
  readonly prior: string;
  readonly source: 'default' | 'set';
}

/** Priors with every default filled in, in model units. */
export interface ThreeLevelPriors {
  /** Of the family's parameter: sigma, or phi; undefined where it has none. */
  readonly scale: PriorSpec | undefined;
  /** Population coefficients: one normal each by default, or one prior for all. */
  readonly population:
    | { readonly kind: 'normal'; readonly means: readonly number[]; readonly sds: readonly number[] }
    | { readonly kind: 'common'; readonly prior: PriorSpec };
  readonly unit: CovariancePrior;
  /** Undefined with two levels. */
  readonly market: CovariancePrior | undefined;
  readonly described: readonly PriorDescription[];
}

export interface Covariances {
  readonly product: 'diagonal' | 'full';
  readonly market: 'diagonal' | 'full';
}

/** Multiples of the response's standard deviation, over those of the predictors, that default priors take as their scale. */
const defaultScale = { sigma: 1, population: 5, spread: 1 } as const;
/** Degrees of freedom of half-t priors; with two, Huang–Wand correlations are uniform. */
const spreadDf = 2;
const residualDf = 3;
/** Inverse gamma of φ: little weight on variances more than ten times the mean's square, a long tail towards Poisson. */
const dispersionShapeAndScale = [0.4, 0.3] as const;

/**
 * Resolves the priors. Throws InputError for a site the model does not have, and for a family that does not suit its site.
 * @param coefficientSds typical size of one unit of each population coefficient's predictors, `[coefficient]`
 */
export function threeLevelPriors(
  set: Readonly<Record<string, PriorSpec>>,
  design: ThreeLevelDesign,
  covariance: Covariances,
  response: { readonly mean: number; readonly sd: number },
  family: ResponseFamily = 'gaussian',
): ThreeLevelPriors {
  const three = design.markets !== null;
  const populationSite = three ? 'delta' : 'gamma';
  checkSites(set, three, covariance, family);
  const described: PriorDescription[] = [];
  const describe = (site: string, prior: string): void => {
    described.push({ site, prior, source: site in set ? 'set' : 'default' });
  };

  const scaleSite = scaleParameter(family);
  const scale = scaleSite && ((set[scaleSite] as PriorSpec | undefined) ?? defaultOfScale(scaleSite, response.sd));
  if (scaleSite !== undefined) {
    checkFamily(scaleSite, scale!, positiveFamilies);
    describe(scaleSite, shortPrior(scale!));
  }

  const population = populationPrior(set[populationSite], populationSite, design, response);
  if (population.kind === 'common') describe(populationSite, shortPrior(population.prior));
  else {
    const constant = `normal(${round(population.means[0])}, ${round(population.sds[0])}) for the Intercept`;
    describe(
      populationSite,
      population.sds.length === 1
        ? constant
        : `${constant}; normal(0, ${isCountFamily(family) ? round(defaultScale.population * response.sd) : `${defaultScale.population} sd(y)`} / sd of its predictors) for the others`,
    );
  }
  const unitScales = spreadScales(design.rows, undefined, response.sd);
  const unit = covariancePrior(set, 'u', covariance.product, unitScales, describe);
  const market = three
    ? covariancePrior(set, 'v', covariance.market, spreadScales(design.rows, design.units, response.sd), describe)
    : undefined;
  return { scale, population, unit, market, described };
}

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

const sitesWithPriors = ['sigma', 'phi', 'gamma', 'delta', 'sigma_u', 'corr_u', 'sigma_v', 'corr_v'];

function checkSites(
  set: Readonly<Record<string, PriorSpec>>,
  three: boolean,
  covariance: Covariances,
  family: ResponseFamily,
): void {
  const refuse = (site: string, why: string): void => {
    if (site in set) throw new InputError(`model.priors.${site}: ${why}`);
  };
  refuse(
    'beta',
    `the coefficients of units have their prior through ${three ? '' : 'gamma, '}sigma_u and corr_u; set those`,
  );
  const unknown = Object.keys(set).find((site) => !sitesWithPriors.includes(site));
  if (unknown !== undefined) refuse(unknown, `the model has no such site; ${suggestion(unknown, sitesWithPriors)}`);
  for (const site of ['sigma', 'phi'] as const) {
    if (scaleParameter(family) !== site) refuse(site, `family ${family} has no such parameter; leave it out`);
  }
  if (three)
    refuse(
      'gamma',
      'with a market level the coefficients of markets have their prior through delta, sigma_v and corr_v; set those',
    );
  else {
    for (const site of ['delta', 'sigma_v', 'corr_v'])
      refuse(site, 'the model has no market level; name model.market or leave it out');
  }
  if (covariance.product === 'diagonal') refuse('corr_u', 'needs model.covariance.product: full');
  if (covariance.market === 'diagonal') refuse('corr_v', 'needs model.covariance.market: full');
}

function populationPrior(
  set: PriorSpec | undefined,
  site: string,
  design: ThreeLevelDesign,
  response: { readonly mean: number; readonly sd: number },
): ThreeLevelPriors['population'] {
  if (set !== undefined) {
    checkFamily(site, set, realFamilies);
    return { kind: 'common', prior: set };
  }
  const levels = [design.rows.sds, design.units.sds, design.markets?.sds ?? [1]];
  const sds: number[] = [];
  for (const x of levels[0]) {
    for (const z of levels[1])
      for (const w of levels[2]) sds.push((defaultScale.population * response.sd) / (x * z * w));
  }
  return { kind: 'normal', means: sds.map((_, i) => (i === 0 ? response.mean : 0)), sds };
}

/** Standard deviation of the response over that of each coefficient's predictors, `[coefficient]`. */
function spreadScales(rows: LevelDesign, units: LevelDesign | undefined, responseSd: number): number[] {
  return rows.sds.flatMap((x) => (units?.sds ?? [1]).map((z) => (defaultScale.spread * responseSd) / (x * z)));
}

function covariancePrior(
  set: Readonly<Record<string, PriorSpec>>,
  level: 'u' | 'v',
  covariance: 'diagonal' | 'full',
  scales: readonly number[],
  describe: (site: string, prior: string) => void,
): CovariancePrior {
  const sdSite = `sigma_${level}`;
  const correlationSite = `corr_${level}`;
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

const round = (x: number): number => Number(x.toPrecision(4));
const shortPrior = (prior: PriorSpec): string => formatPrior({ ...prior, parameters: prior.parameters.map(round) });
