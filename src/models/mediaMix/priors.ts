// Priors of the media-mix model by site: what the user set, else PyMC-Marketing's defaults on scaled data.
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import { formatPrior, parsePrior, type PriorSpec } from '../../data/prior.js';
import type { ModelDescription } from '../model.js';
import { checkFamily, positiveFamilies, realFamilies } from '../priors.js';
import type { AdstockForm } from './adstock.js';
import type { SaturationForm } from './saturation.js';

export type Support = 'real' | 'positive' | 'unit';

const familiesOf: Readonly<Record<Support, readonly string[]>> = {
  real: [...realFamilies, 'laplace'],
  positive: [...positiveFamilies, 'logNormal'],
  unit: ['beta'],
};

/** PyMC-Marketing 0.19, its gammas of mean and sd turned to shape and rate; the last six, which it has not, are ours. */
const defaults = {
  intercept: 'normal(0, 2)',
  gamma_control: 'normal(0, 2)',
  gamma_fourier: 'laplace(0, 1)',
  sigma: 'halfNormal(2)',
  adstock_alpha: 'beta(1, 3)',
  adstock_theta: 'halfNormal(1)',
  'adstock_lam weibullPdf': 'gamma(4, 2)',
  'adstock_k weibullPdf': 'gamma(9, 3)',
  'adstock_lam weibullCdf': 'gamma(0.64, 0.32)',
  'adstock_k weibullCdf': 'gamma(0.64, 0.32)',
  'saturation_lam logistic': 'gamma(3, 1)',
  'saturation_lam michaelisMenten': 'halfNormal(1)',
  saturation_slope: 'halfNormal(1.5)',
  saturation_kappa: 'halfNormal(1.5)',
  saturation_c: 'halfNormal(1)',
  saturation_alpha: 'beta(1, 2)',
  'saturation_beta logistic': 'halfNormal(2)',
  'saturation_beta hill': 'halfNormal(1.5)',
  'saturation_beta michaelisMenten': 'gamma(4, 2)',
  'saturation_beta tanh': 'halfNormal(1)',
  'saturation_beta root': 'gamma(1, 1)',
  'saturation_beta none': 'halfNormal(1)',
  trend_slope: 'normal(0, 0.5)',
  trend_change: 'laplace(0, 0.25)',
  // Meridian's prior of returns.
  roi: 'logNormal(0.2, 0.9)',
  sigma_fourier: 'halfNormal(0.2)',
  nu: 'gamma(2, 0.1)',
  intercept_time_sd: 'halfNormal(0.3)',
  effect_time_sd: 'halfNormal(0.3)',
  intercept_time_scale: 'inverseGamma(3, 52)',
  effect_time_scale: 'inverseGamma(3, 52)',
} as const satisfies Readonly<Record<string, string>>;
const defaultOf: Readonly<Record<string, string | undefined>> = defaults;

/** Of the common mean, on the scale where values are drawn around it (logarithm, log odds), and of their spread there. */
const partialDefaults: Readonly<Record<Support, { readonly mean: string; readonly sd: string }>> = {
  real: { mean: 'normal(0, 2)', sd: 'halfNormal(1)' },
  positive: { mean: 'normal(0, 1)', sd: 'halfNormal(0.5)' },
  unit: { mean: 'normal(-1, 1)', sd: 'halfNormal(0.5)' },
};
const partialMeans: Readonly<Record<string, string>> = {
  saturation_beta: 'normal(-1.5, 1)',
  saturation_lam: 'normal(1, 0.75)',
  sigma: 'normal(-2, 1)',
  roi: 'normal(0.2, 0.9)',
};

/** Hands out the prior of each site once asked for, and knows afterwards what nobody asked for. */
export class MediaMixPriors {
  private readonly described: ModelDescription['priors'][number][] = [];

  constructor(
    private readonly set: Readonly<Record<string, PriorSpec>>,
    private readonly forms: { readonly adstock: AdstockForm; readonly saturation: SaturationForm },
  ) {}

  /** Whether the user gave this site a prior. */
  has(site: string): boolean {
    return site in this.set;
  }

  /** Throws InputError for a family that does not suit the site. */
  of(site: string, support: Support): PriorSpec {
    const form = site.startsWith('adstock_') ? this.forms.adstock : this.forms.saturation;
    return this.take(site, support, defaultOf[`${site} ${form}`] ?? defaultOf[site]!);
  }

  /** Priors of `SITE_mean` and `SITE_sd`, where values are drawn around a common mean. */
  partial(site: string, support: Support): { readonly mean: PriorSpec; readonly sd: PriorSpec } {
    const usual = partialDefaults[support];
    return {
      mean: this.take(`${site}_mean`, 'real', partialMeans[site] ?? usual.mean),
      sd: this.take(`${site}_sd`, 'positive', usual.sd),
    };
  }

  private take(site: string, support: Support, usual: string): PriorSpec {
    const isSet = this.has(site);
    const prior = isSet ? this.set[site] : parsePrior(usual);
    checkFamily(site, prior, familiesOf[support]);
    this.described.push({ site, prior: formatPrior(prior), source: isSet ? 'set' : 'default' });
    return prior;
  }

  /** Every prior in use. Throws InputError when one is set for a site that the model has not. */
  finish(): ModelDescription['priors'] {
    const known = this.described.map(({ site }) => site);
    const unknown = Object.keys(this.set).find((site) => !known.includes(site));
    if (unknown !== undefined) {
      throw new InputError(`model.priors.${unknown}: this model has no such site; ${suggestion(unknown, known)}`);
    }
    return this.described;
  }
}

const pooledSites = [
  'intercept',
  'gamma_control',
  'gamma_fourier',
  'trend_slope',
  'trend_change',
  'sigma',
  'roi',
  'saturation_beta',
  ...['alpha', 'theta', 'lam', 'k'].map((name) => `adstock_${name}`),
  ...['lam', 'slope', 'kappa', 'c', 'alpha'].map((name) => `saturation_${name}`),
];

/** Every site that some media-mix model takes a prior for. */
export const sitesWithPriors: readonly string[] = [
  ...new Set([
    ...Object.keys(defaults).map((key) => key.split(' ')[0]),
    ...pooledSites.flatMap((site) => [site, `${site}_mean`, `${site}_sd`]),
  ]),
];
