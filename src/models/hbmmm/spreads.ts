// The HBMMM's spreads: coefficients of consumers and of markets that deviate together, the sites they are reported under, their priors.
import { InputError } from '../../data/inputError.js';
import type { PriorSpec } from '../../data/prior.js';
import type { CovariancePrior } from '../covariancePriors.js';
import { type CovarianceKind, covariancePrior, defaultScale, factorPrior, isCorrelated } from '../groupPriors.js';
import type { FactorCovariance } from '../linearHierarchy/structure.js';
import type { HbmmmDesign, Layout } from './design.js';

export interface HbmmmCovariances {
  /** Σ_η */
  readonly consumer: CovarianceKind;
  /** T_β */
  readonly market: CovarianceKind;
  /** Σ_γ */
  readonly controls: CovarianceKind;
}

/** Names of what is reported of a covariance: of common factors `loadings`, `uniques` and `scores` too. */
export interface SpreadSites {
  readonly sds: string;
  readonly correlations: string;
  readonly loadings: string;
  readonly uniques: string;
  readonly scores: string;
}

/** Coefficients that deviate from their means together. */
export interface Spread {
  readonly sites: SpreadSites;
  /** Among a consumer's coefficients, or a market's, ascending. */
  readonly places: readonly number[];
  /** Whether there are free correlations. */
  readonly isFull: boolean;
  readonly prior: SpreadPrior;
}

/** Of a covariance, or of the common factors that make it. */
export type SpreadPrior =
  CovariancePrior | ({ readonly kind: 'factors'; readonly factors: number } & FactorCovariance['prior']);

export interface Spreads {
  readonly consumer: readonly Spread[];
  readonly market: readonly Spread[];
}

const sitesOf = (sds: string, of: string): SpreadSites => ({
  sds: `${sds}_${of}`,
  correlations: `corr_${of}`,
  loadings: `loadings_${of}`,
  uniques: `psi_${of}`,
  scores: `scores_${of}`,
});

/** Of levels, and by key of `model.covariance`. */
const levelSites = { consumer: sitesOf('sigma', 'alpha'), market: sitesOf('tau', 'alpha') };
const effectSites = {
  consumer: sitesOf('sigma', 'eta'),
  market: sitesOf('tau', 'beta'),
  controls: sitesOf('sigma', 'gamma'),
};
const keys = ['consumer', 'market', 'controls'] as const;

/** Whether it is the spread of one number, a level's constant. */
export const isOfLevel = ({ sds }: SpreadSites): boolean => Object.values(levelSites).some((own) => own.sds === sds);

/** Those that take a prior. */
export const spreadSites = [
  ...Object.values(levelSites).map(({ sds }) => sds),
  ...Object.values(effectSites).flatMap(({ sds, correlations, loadings, uniques }) => [
    ...[sds, correlations],
    ...[loadings, uniques],
  ]),
];

/** Spreads with their priors; a single effect has no correlations. Throws InputError for priors that do not suit. */
export function hbmmmSpreads(
  set: Readonly<Record<string, PriorSpec>>,
  { channels, controls, layout }: HbmmmDesign,
  covariance: HbmmmCovariances,
  responseSd: number,
  describe: (site: string, prior: string) => void,
): Spreads {
  checkSites(set, layout, covariance);
  const own = defaultScale.spread * responseSd;
  const spread = (
    sites: SpreadSites,
    places: readonly number[],
    columnSds: readonly number[],
    wanted: CovarianceKind = 'diagonal',
  ): Spread[] => {
    if (places.length === 0) return [];
    const kind = wanted === 'full' && places.length < 2 ? 'diagonal' : wanted;
    const scales = columnSds.map((sd) => own / sd);
    if (typeof kind === 'object') {
      const prior = { kind: 'factors', ...kind, ...factorPrior(set, sites, scales, describe) } as const;
      return [{ sites, places, isFull: false, prior }];
    }
    const names = { sdSite: sites.sds, correlationSite: sites.correlations };
    return [{ sites, places, isFull: kind === 'full', prior: covariancePrior(set, names, kind, scales, describe) }];
  };
  const ofConsumers = layout.beta.map((_, channel) => 1 + channel);
  return {
    consumer: [
      ...spread(levelSites.consumer, [0], [1]),
      ...spread(effectSites.consumer, ofConsumers, channels.sds, covariance.consumer),
    ],
    market: [
      ...spread(levelSites.market, [0], [1]),
      ...spread(effectSites.market, layout.beta, channels.sds, covariance.market),
      ...spread(effectSites.controls, layout.gamma, controls.sds, covariance.controls),
    ],
  };
}

function checkSites(set: Readonly<Record<string, PriorSpec>>, layout: Layout, covariance: HbmmmCovariances): void {
  const refuse = (site: string, why: string): void => {
    if (site in set) throw new InputError(`model.priors.${site}: ${why}`);
  };
  for (const key of keys) {
    const { sds, correlations, loadings, uniques } = effectSites[key];
    const kind = covariance[key];
    const [what, count] = key === 'controls' ? ['controls', layout.controls] : ['channels', layout.channels];
    if (count === 0) {
      for (const site of [sds, correlations, loadings, uniques])
        refuse(site, 'the model has no controls; name model.controls or leave it out');
    }
    if (typeof kind === 'object') {
      for (const site of [sds, correlations]) refuse(site, `follows from the factors; set ${loadings} and ${uniques}`);
      continue;
    }
    for (const site of [loadings, uniques]) refuse(site, `needs factors, like model.covariance.${key}: {factors: 1}`);
    if (count < 2) refuse(correlations, `needs at least two ${what}`);
    if (!isCorrelated(kind)) refuse(correlations, `needs model.covariance.${key}: full`);
  }
}
