// Priors of the HBMMM: what the user set, else weakly informative defaults on the scale of the data.
import { isCountFamily, type ResponseFamily } from '../../data/countResponse.js';
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import type { PriorSpec } from '../../data/prior.js';
import type { CovariancePrior } from '../covariancePriors.js';
import {
  covariancePrior,
  defaultScale,
  type PriorDescription,
  round,
  scaleParameter,
  scalePrior,
  shortPrior,
} from '../groupPriors.js';
import { checkFamily } from '../priors.js';
import type { HbmmmDesign } from './design.js';

/** The sites that take a prior. */
export const hbmmmSites = [
  'sigma',
  'phi',
  'mu_alpha',
  'mu_beta',
  'mu_gamma',
  'theta',
  'sigma_alpha',
  'sigma_eta',
  'corr_eta',
  'tau_alpha',
  'tau_beta',
  'corr_beta',
  'sigma_gamma',
  'corr_gamma',
];

export interface HbmmmCovariances {
  readonly consumer: 'diagonal' | 'full';
  readonly market: 'diagonal' | 'full';
  readonly controls: 'diagonal' | 'full';
}

/** Coefficients that deviate from their means together: sites of their standard deviations and correlations, and the prior. */
export interface Spread {
  readonly sdSite: string;
  readonly correlationSite: string;
  /** Among a consumer's coefficients, or a market's, ascending. */
  readonly places: readonly number[];
  readonly isFull: boolean;
  readonly prior: CovariancePrior;
}

export interface HbmmmPriors {
  /** Of sigma, or phi; undefined where the family has neither. */
  readonly scale: PriorSpec | undefined;
  /** By coefficient of the population. */
  readonly population: { readonly kind: 'normal'; readonly means: readonly number[]; readonly sds: readonly number[] };
  readonly consumer: readonly Spread[];
  readonly market: readonly Spread[];
  readonly described: readonly PriorDescription[];
}

/** Throws InputError for a site that the model does not have, and for a family that does not suit its site. */
export function hbmmmPriors(
  set: Readonly<Record<string, PriorSpec>>,
  { channels, controls, traits, layout }: HbmmmDesign,
  covariance: HbmmmCovariances,
  response: { readonly mean: number; readonly sd: number },
  family: ResponseFamily,
): HbmmmPriors {
  const isFull = {
    consumer: covariance.consumer === 'full' && layout.channels > 1,
    market: covariance.market === 'full' && layout.channels > 1,
    controls: covariance.controls === 'full' && layout.controls > 1,
  };
  checkSites(set, layout, isFull, family);
  const described: PriorDescription[] = [];
  const describe = (site: string, prior: string): void => {
    described.push({ site, prior, source: site in set ? 'set' : 'default' });
  };
  const scale = scalePrior(set, family, response.sd, describe);

  const means = new Array<number>(layout.size).fill(0);
  const sds = new Array<number>(layout.size).fill(1);
  const wide = defaultScale.population * response.sd;
  const normal = (site: string, places: readonly number[], sdOf: (n: number) => number, mean: number, by: string) => {
    if (places.length === 0) return;
    const own = set[site] as PriorSpec | undefined;
    if (own !== undefined) checkFamily(site, own, ['normal']);
    for (const [n, place] of places.entries())
      [means[place], sds[place]] = own === undefined ? [mean, sdOf(n)] : [own.parameters[0], own.parameters[1]];
    const width = isCountFamily(family) ? String(round(wide)) : `${defaultScale.population} sd(y)`;
    describe(
      site,
      own === undefined ? `normal(${round(mean)}, ${by === '' ? round(wide) : width + by})` : shortPrior(own),
    );
  };
  normal('mu_alpha', [0], () => wide, response.mean, '');
  normal('mu_beta', layout.beta, (n) => wide / channels.sds[n], 0, ' / sd(channel)');
  const traitSd = (n: number): number => channels.sds[Math.floor(n / layout.traits)] * traits.sds[n % layout.traits];
  normal('theta', layout.theta, (n) => wide / traitSd(n), 0, ' / sd(channel) / sd(trait)');
  normal('mu_gamma', layout.gamma, (n) => wide / controls.sds[n], 0, ' / sd(control)');

  const own = defaultScale.spread * response.sd;
  const spread = (
    sdSite: string,
    correlationSite: string,
    places: readonly number[],
    columnSds: readonly number[],
    full: boolean,
  ): Spread[] => {
    if (places.length === 0) return [];
    const scales = columnSds.map((sd) => own / sd);
    const prior = covariancePrior(set, { sdSite, correlationSite }, full ? 'full' : 'diagonal', scales, describe);
    return [{ sdSite, correlationSite, places, isFull: full, prior }];
  };
  const consumerPlaces = layout.beta.map((_, channel) => 1 + channel);
  return {
    scale,
    population: { kind: 'normal', means, sds },
    consumer: [
      ...spread('sigma_alpha', 'corr_alpha', [0], [1], false),
      ...spread('sigma_eta', 'corr_eta', consumerPlaces, channels.sds, isFull.consumer),
    ],
    market: [
      ...spread('tau_alpha', 'corr_alpha', [0], [1], false),
      ...spread('tau_beta', 'corr_beta', layout.beta, channels.sds, isFull.market),
      ...spread('sigma_gamma', 'corr_gamma', layout.gamma, controls.sds, isFull.controls),
    ],
    described,
  };
}

function checkSites(
  set: Readonly<Record<string, PriorSpec>>,
  { channels, controls, traits }: { readonly channels: number; readonly controls: number; readonly traits: number },
  isFull: { readonly consumer: boolean; readonly market: boolean; readonly controls: boolean },
  family: ResponseFamily,
): void {
  const refuse = (site: string, why: string): void => {
    if (site in set) throw new InputError(`model.priors.${site}: ${why}`);
  };
  const unknown = Object.keys(set).find((site) => !hbmmmSites.includes(site));
  if (unknown !== undefined) refuse(unknown, `the model has no such site; ${suggestion(unknown, hbmmmSites)}`);
  for (const site of ['sigma', 'phi'] as const) {
    if (scaleParameter(family) !== site) refuse(site, `family ${family} has no such parameter; leave it out`);
  }
  if (traits === 0) refuse('theta', 'the model has no traits; name model.traits or leave it out');
  if (controls === 0) {
    for (const site of ['mu_gamma', 'sigma_gamma', 'corr_gamma'])
      refuse(site, 'the model has no controls; name model.controls or leave it out');
  }
  const full = (site: string, is: boolean, key: string, what: string, count: number): void => {
    if (is) return;
    const why = count < 2 ? `needs at least two ${what}` : `needs model.covariance.${key}: full`;
    refuse(site, why);
  };
  full('corr_eta', isFull.consumer, 'consumer', 'channels', channels);
  full('corr_beta', isFull.market, 'market', 'channels', channels);
  full('corr_gamma', isFull.controls, 'controls', 'controls', controls);
}
