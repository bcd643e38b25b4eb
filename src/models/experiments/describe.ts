// The experiments model in words and formulas, for the report.
import type { ModelDescription } from '../model.js';
import type { ExperimentsData } from './data.js';
import { campaignsOf, fixedSets } from './layout.js';
import { type Poolable, poolableOf } from './poolable.js';
import type { ExperimentPriors } from './priors.js';
import type { ExperimentShrinkage } from './shrinkage.js';

export function describeExperiments(
  { responseName, customers, x, moderators, sets }: ExperimentsData,
  { described }: ExperimentPriors,
  shrinkage: ExperimentShrinkage | undefined,
  pooled: readonly Poolable[],
): ModelDescription {
  const listed = (names: readonly string[]): string => names.join(', ');
  const depends = [...sets.map(({ name }) => name), ...moderators.map(({ name }) => name)];
  const who =
    customers === null
      ? ''
      : ` and on who is treated: every ${customers.column} (${customers.names.length} of them) has an effect of its own`;
  const words = [
    `The response ${responseName} of each row is a baseline, plus half the effect of treatment for the treated and minus half of it for the controls, plus a normal error.`,
    `The effect depends on ${depends.length > 0 ? listed(depends) : 'nothing but chance'}${who}.`,
  ];
  const ofLevels =
    shrinkage !== undefined
      ? 'every level has one of its own'
      : pooled.length > 0
        ? `those of a set of levels sum to zero, but those of pooled ones (${listed(pooled)}) are drawn from a normal distribution about 0, whose spread is estimated`
        : 'those of a set of levels sum to zero';
  if (depends.length > 0) words.push(`So does the baseline, apart from effects: ${ofLevels}.`);
  const attributes = campaignsOf({ sets })?.attributes;
  if (attributes !== undefined)
    words.push(
      `Effects and baselines of campaigns are drawn around a regression on ${listed(attributes.attributes.map(({ name }) => name))}.`,
    );
  if (x.length > 0)
    words.push(
      `It also depends on ${listed(x.map(({ name }) => name))}, with ${customers === null ? 'one coefficient each' : `coefficients of every ${customers.column}, correlated with its effect`}.`,
    );
  if (shrinkage !== undefined) {
    const { horseshoe, relevant } = shrinkage;
    words.push(
      `Coefficients of levels and moderators, on the baseline and on the effect, are shrunk by a ${horseshoe.slab ? 'regularised ' : ''}horseshoe that expects ${relevant} of ${horseshoe.places.length} to matter.`,
    );
  }
  const overstated =
    shrinkage === undefined
      ? (fixedSets(sets)
          .map(poolableOf)
          .filter((name) => name !== undefined && !pooled.includes(name)) as Poolable[])
      : [];
  const i = customers === null ? '' : '<sub>i</sub>';
  return {
    words,
    formulas: [
      { label: 'Rows', formula: `y = τ W${x.length > 0 ? ` + β${i}′X` : ''} + γ′Z + ε,   W = ±1,   ε ~ N(0, σ²)` },
      {
        label: 'Effect',
        formula: `Y(1) − Y(0) = 2τ,   τ = τ̄${depends.map((name) => ` + τ<sub>${name}</sub>`).join('')}${customers === null ? '' : ' + u<sub>i</sub>'}`,
      },
      ...(attributes === undefined
        ? []
        : [
            {
              label: 'Campaigns',
              formula: 'τ<sub>c</sub> = a<sub>c</sub>′γ + δ<sub>c</sub>,   δ<sub>c</sub> ~ N(0, σ<sub>c</sub>²)',
            },
          ]),
      ...pooled.map((name) => ({
        label: `Pooled: ${name}`,
        formula: `τ<sub>${name}</sub> ~ N(0, σ<sub>${name}</sub>²)`,
      })),
      ...(customers === null
        ? []
        : [
            {
              label: 'Customers',
              formula: x.length > 0 ? '(u<sub>i</sub>, β<sub>i</sub> − β̄) ~ N(0, Ω)' : 'u<sub>i</sub> ~ N(0, Ω)',
            },
          ]),
    ],
    priors: [...described, ...(shrinkage?.described ?? [])],
    notes: [
      ...(shrinkage === undefined
        ? []
        : [
            'Each level has a coefficient of its own, shrunk to 0; what is reported of a set is about the average of its levels. inclusion_… says how far a coefficient is left alone: near 1 it matters, near 0 it is pulled to 0; relevant is their sum.',
          ]),
      `Effects (effect, average_effect, effect_…, spread and the first of ${['u', ...(attributes === undefined ? [] : ['campaign']), ...pooled].map((name) => `sigma_${name}`).join(', of ')}) are differences between treated and untreated, Y(1) − Y(0) = 2τ, in the units of the response.`,
      'effect is that at the unweighted average over all levels; average_effect is the mean over the rows. effect_… of a level is the effect there, everything else at its average.',
      'spread is the standard deviation of each part of the effects over the rows and customers of these data (Gelman 2005); share_of_spread is its share in their sum: of standard deviations, not of variances.',
    ],
    ...(overstated.length > 0 && { cautions: [overstatement(overstated)] }),
  };
}

/** What spreads of free effects hold besides (Gelman 2005), and how to have them without. */
function overstatement(names: readonly Poolable[]): string {
  const listed = names.join(', ');
  return `spread and share_of_spread overstate what effects of ${listed} differ by: each has a wide prior of its own, so that what is not known of it counts as a difference, and the more the fewer rows a level has. With model.pooling: [${listed}] they are drawn from a spread that is estimated.`;
}
