// The HBMMM in words and formulas, for the report.
import type { ResponseFamily } from '../../data/countResponse.js';
import type { ModelDescription } from '../model.js';
import { factorsInWords, factorsNote } from '../covarianceWords.js';
import { responseFormula, responseInWords } from '../responseWords.js';
import { horseshoeInWords } from '../shrinkage.js';
import type { Declaration } from './declare.js';
import { consumerDimension } from './report.js';
import type { Spread } from './spreads.js';

export function describeHbmmm(
  { data, design, priors, centring, df }: Declaration,
  family: ResponseFamily,
): ModelDescription {
  const { channels, controls, traits, traitMeans } = design;
  const consumer = consumerDimension(data);
  const market = data.markets!.column;
  const listed = (names: readonly string[]): string => names.join(', ');
  const predictors = `a constant, ${listed([...channels.names, ...controls.names])}`;
  const hasControls = controls.names.length > 0;
  const hasTraits = traits.names.length > 0;
  const words = [
    responseInWords(family, data.responseName, predictors, df ?? 0),
    `Every ${consumer} (${data.units.count} of them) has a level (alpha) and effects (beta) of ${listed(channels.names)} of its own, drawn around the means of its ${market}${
      hasTraits ? `; the effects also depend on ${listed(traits.names)} (theta)` : ''
    }; their spreads are sigma_alpha and sigma_eta.`,
    `The mean level and effects of every ${market} (${data.markets!.names.length} of them) are drawn around those of the population (mu_alpha, mu_beta), with spreads tau_alpha and tau_beta${
      hasControls
        ? `; so are its effects of ${listed(controls.names)} (gamma), which all its ${consumer}s share, around mu_gamma with spread sigma_gamma`
        : ''
    }.`,
    `mu_beta is the mean effect of an additional unit of exposure in the population${
      hasTraits ? ', at mean traits' : ''
    }; ate is the mean over the ${consumer}s of the data.`,
  ];
  const spreads = [...priors.spreads.consumer, ...priors.spreads.market];
  const full = spreads.filter(({ isFull }) => isFull);
  if (full.length > 0)
    words.push(`Correlations: ${full.map(({ sites }) => `${sites.correlations} of ${sites.sds}`).join(', ')}.`);
  const deviating: readonly (readonly [string, readonly Spread[]])[] = [
    [`the effects of a ${consumer}`, priors.spreads.consumer],
    [`the mean effects of a ${market}`, priors.spreads.market],
  ];
  let hasFactors = false;
  for (const [of, own] of deviating) {
    for (const { sites, prior } of own) {
      if (prior.kind !== 'factors') continue;
      words.push(factorsInWords(of, prior.factors, sites));
      hasFactors = true;
    }
  }
  const { horseshoe } = priors.population;
  if (horseshoe !== undefined)
    words.push(
      horseshoeInWords(horseshoe, `The population's effects${hasTraits ? ', those of traits on them too,' : ''}`),
    );
  const eta = `α + β · [${listed(channels.names)}]${hasControls ? ` + γ · [${listed(controls.names)}]` : ''}`;
  const formulas = [
    { label: 'Occasions', formula: responseFormula(family, eta, data.counts?.logExposure !== undefined, df ?? 0) },
    {
      label: 'Consumers',
      formula: `α ~ N(μ_αj, σ_α²),   β = μ_βj${hasTraits ? ` + Θ · [${listed(traits.names)}]` : ''} + η,   η ~ N(0, Σ_η)`,
    },
    {
      label: 'Markets',
      formula: `μ_αj ~ N(μ_α, τ_α²),   μ_βj ~ N(μ_β, T_β)${hasControls ? ',   γ_j ~ N(μ_γ, Σ_γ)' : ''}`,
    },
  ];
  const round = (x: number): string => String(Number(x.toPrecision(4)));
  const notes: string[] = [];
  if (hasTraits)
    notes.push(
      `Traits are counted from their means over the ${consumer}s (${traits.names.map((name, m) => `${name} ${round(traitMeans[m])}`).join(', ')}), so mu_beta are effects at these.`,
    );
  if ([channels, controls, traits].some(({ scales }) => scales.some((scale) => scale !== 1)))
    notes.push(
      'Columns were divided by their standard deviations for sampling, and priors apply to the divided ones; every reported number is in the units of the data.',
    );
  if (hasFactors) notes.push(factorsNote);
  const kinds = ['level', ...channels.names].map((name, i) => `${name} ${centring.consumer[i]}`).join(', ');
  notes.push(
    `How far the coefficients of a ${consumer} are centred (1: sampled as themselves, 0: as standardised deviations): ${kinds}.`,
  );
  return { words, formulas, priors: priors.described, notes };
}
