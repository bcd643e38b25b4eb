// The three-level model in words and formulas, for the report.
import type { ModelDescription } from '../model.js';
import { factorsInWords, factorsNote } from '../covarianceWords.js';
import { responseFormula, responseInWords } from '../responseWords.js';
import { horseshoeInWords } from '../shrinkage.js';
import { type CovarianceKind, isCorrelated } from '../groupPriors.js';
import type { ThreeLevelContext } from './context.js';

export function describeThreeLevel({
  data,
  family,
  df,
  design,
  priors,
  covariance,
  centring,
}: ThreeLevelContext): ModelDescription {
  const x = design.rows.names.slice(1);
  const z = design.units.names.slice(1);
  const w = design.markets?.names.slice(1) ?? [];
  const unit = data.units.dimensions.length === 1 ? data.units.dimensions[0] : data.units.dimensions.join(' within ');
  const listed = (names: readonly string[]): string => names.join(', ');
  const words = [
    responseInWords(family, data.responseName, x.length === 0 ? 'a constant' : `a constant, ${listed(x)}`, df),
    `Every ${unit} (${data.units.count} of them) has coefficients of its own (beta), drawn around ${
      data.markets === null ? 'a common mean (gamma)' : `the mean of its ${data.markets.column} (gamma)`
    }${z.length === 0 ? '' : `, which depends on ${listed(z)}`}; their spread is sigma_u${isCorrelated(covariance.product) ? ' and their correlations corr_u' : ''}.`,
  ];
  if (data.markets !== null) {
    words.push(
      `The coefficients of every ${data.markets.column} (${data.markets.names.length} of them) are drawn around population values${
        w.length === 0 ? '' : ` that depend on ${listed(w)}`
      } (delta); their spread is sigma_v${isCorrelated(covariance.market) ? ' and their correlations corr_v' : ''}.`,
    );
  }
  for (const [kind, own, of] of [
    [covariance.product, 'u', unit],
    [covariance.market, 'v', data.markets?.column],
  ] as const) {
    if (typeof kind !== 'object' || of === undefined) continue;
    const sites = { scores: `scores_${own}`, loadings: `loadings_${own}`, uniques: `psi_${own}` };
    words.push(factorsInWords(`a ${of}`, kind.factors, sites));
  }
  const horseshoe = priors.population.kind === 'normal' ? priors.population.horseshoe : undefined;
  if (horseshoe !== undefined)
    words.push(horseshoeInWords(horseshoe, "The population's coefficients but for the Intercept's own"));
  const columns = (names: readonly string[]): string => `[${['1', ...names].join(', ')}]`;
  const formulas = [
    {
      label: 'Occasions',
      formula: responseFormula(family, `β · ${columns(x)}`, data.counts?.logExposure !== undefined, df),
    },
    { label: 'Units', formula: `β = Γ · ${columns(z)} + u,   u ~ N(0, ${covarianceFormula(covariance.product, 'ᵤ')})` },
    ...(data.markets === null
      ? []
      : [
          {
            label: 'Markets',
            formula: `vec Γ = Δ · ${columns(w)} + v,   v ~ N(0, ${covarianceFormula(covariance.market, 'ᵥ')})`,
          },
        ]),
  ];
  const notes: string[] = [];
  if (typeof covariance.product === 'object' || typeof covariance.market === 'object') notes.push(factorsNote);
  const standardised = [design.rows, design.units, design.markets].some((level) => level?.isStandardised);
  if (standardised) {
    notes.push(
      'Predictors were standardised for sampling, and priors apply to the standardised ones; every reported number is in the units of the data.',
    );
  }
  const kinds = (names: readonly string[], shares: readonly number[]): string =>
    names.map((name, i) => `${name} ${shares[i]}`).join(', ');
  notes.push(
    `How far the unit coefficients are centred (1: sampled as themselves, 0: as standardised deviations): ${kinds(design.rows.names, centring.unit)}.`,
  );
  return { words, formulas, priors: priors.described, notes };
}

const covarianceFormula = (kind: CovarianceKind, of: string): string =>
  typeof kind === 'object' ? `Λ${of}Λ${of}′ + Ψ${of}` : `Σ${of}`;
