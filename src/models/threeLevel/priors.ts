// Priors of the three-level model: what the user set, else weakly informative defaults on the scale of the data.
import { isCountFamily, type ResponseFamily } from '../../data/countResponse.js';
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import type { PriorSpec } from '../../data/prior.js';
import {
  type CovarianceKind,
  defaultScale,
  isCorrelated,
  levelCovariance,
  type PriorDescription,
  round,
  scaleParameter,
  scalePrior,
  shortPrior,
} from '../groupPriors.js';
import type { CoefficientPrior, LevelCovariance } from '../linearHierarchy/structure.js';
import { checkFamily, realFamilies } from '../priors.js';
import type { LevelDesign, ThreeLevelDesign } from './design.js';

/** Priors with every default filled in, in model units. */
export interface ThreeLevelPriors {
  /** Of the family's parameter: sigma, or phi; undefined where it has none. */
  readonly scale: PriorSpec | undefined;
  /** Population coefficients: one normal each by default, or one prior for all. */
  readonly population:
    | ({ readonly kind: 'normal'; readonly means: readonly number[] } & CoefficientPrior)
    | { readonly kind: 'common'; readonly prior: PriorSpec };
  readonly unit: LevelCovariance;
  /** Undefined with two levels. */
  readonly market: LevelCovariance | undefined;
  readonly described: readonly PriorDescription[];
}

export interface Covariances {
  readonly product: CovarianceKind;
  readonly market: CovarianceKind;
}

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

  const scale = scalePrior(set, family, response.sd, describe);

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
  const unit = levelCovariance(set, 'u', covariance.product, unitScales, describe);
  const market = three
    ? levelCovariance(set, 'v', covariance.market, spreadScales(design.rows, design.units, response.sd), describe)
    : undefined;
  return { scale, population, unit, market, described };
}

const levelSites = (level: 'u' | 'v'): string[] => ['sigma', 'corr', 'loadings', 'psi'].map((own) => `${own}_${level}`);

export const sitesWithPriors = ['sigma', 'phi', 'gamma', 'delta', ...levelSites('u'), ...levelSites('v')];

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
    for (const site of ['delta', ...levelSites('v')])
      refuse(site, 'the model has no market level; name model.market or leave it out');
  }
  for (const [key, level] of [
    ['product', 'u'],
    ['market', 'v'],
  ] as const) {
    const hasFactors = typeof covariance[key] === 'object';
    for (const site of [`loadings_${level}`, `psi_${level}`])
      if (!hasFactors) refuse(site, `needs factors, like model.covariance.${key}: {factors: 1}`);
    for (const site of [`sigma_${level}`, `corr_${level}`])
      if (hasFactors) refuse(site, `follows from the factors; set loadings_${level} and psi_${level}`);
    if (!isCorrelated(covariance[key])) refuse(`corr_${level}`, `needs model.covariance.${key}: full`);
  }
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
