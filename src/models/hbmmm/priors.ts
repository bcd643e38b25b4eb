// Priors of the HBMMM: what the user set, else weakly informative defaults on the scale of the data.
import { isCountFamily, type ResponseFamily } from '../../data/countResponse.js';
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import type { PriorSpec } from '../../data/prior.js';
import { defaultScale, type PriorDescription, round, scaleParameter, scalePrior, shortPrior } from '../groupPriors.js';
import type { Population } from '../linearHierarchy/structure.js';
import { checkFamily } from '../priors.js';
import type { HbmmmDesign, Layout } from './design.js';
import { type HbmmmCovariances, hbmmmSpreads, type Spreads, spreadSites } from './spreads.js';

/** Of the population's coefficients but for its constant. */
export const shrinkableSites = ['mu_beta', 'mu_gamma', 'theta'] as const;

/** The sites that take a prior. */
export const hbmmmSites = ['sigma', 'phi', 'mu_alpha', ...shrinkableSites, ...spreadSites];

export interface HbmmmPriors {
  /** Of sigma, or phi; undefined where the family has neither. */
  readonly scale: PriorSpec | undefined;
  /** By coefficient of the population. */
  readonly population: Extract<Population['prior'], { readonly kind: 'normal' }>;
  readonly spreads: Spreads;
  readonly described: readonly PriorDescription[];
}

/** Throws InputError for a site that the model does not have, and for a family that does not suit its site. */
export function hbmmmPriors(
  set: Readonly<Record<string, PriorSpec>>,
  design: HbmmmDesign,
  covariance: HbmmmCovariances,
  response: { readonly mean: number; readonly sd: number },
  family: ResponseFamily,
): HbmmmPriors {
  const { channels, controls, traits, layout } = design;
  checkSites(set, layout, family);
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

  const spreads = hbmmmSpreads(set, design, covariance, response.sd, describe);
  return { scale, population: { kind: 'normal', means, sds }, spreads, described };
}

function checkSites(
  set: Readonly<Record<string, PriorSpec>>,
  { traits, controls }: Layout,
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
  if (controls === 0) refuse('mu_gamma', 'the model has no controls; name model.controls or leave it out');
}
