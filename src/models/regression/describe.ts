// The regression in words and formulas, for the report.
import type { ModelDescription } from '../model.js';
import type { RegressionData } from './data.js';
import { relevantOf } from '../shrinkage.js';
import type { RegressionPriors } from './priors.js';
import type { RegressionOptions } from './regression.js';

export function describeRegression(
  { responseName, x, categories }: RegressionData,
  options: RegressionOptions,
  { described }: RegressionPriors,
): ModelDescription {
  const errors = options.df === undefined ? 'normal' : `Student-t (${options.df} degrees of freedom)`;
  const of = x.length === 0 ? 'a constant' : `a constant and ${x.length} columns`;
  const words = [`The response ${responseName} of each row is a linear function of ${of}, with a ${errors} error.`];
  if (categories.length > 0)
    words.push(
      `Each level of ${categories.map(({ name }) => name).join(', ')} has an effect; those of a category sum to zero.`,
    );
  const notes: string[] = [];
  if (x.some(({ standardisation }) => standardisation !== null))
    notes.push(
      'Columns were standardised for sampling, and priors apply to the standardised ones; every reported number is in the units of the data.',
    );
  const isRegularised = options.shrinkage === 'regularisedHorseshoe';
  if (isRegularised || options.shrinkage === 'horseshoe') {
    words.push(
      `Their coefficients are shrunk by a ${isRegularised ? 'regularised ' : ''}horseshoe that expects ${relevantOf(options, x.length)} of ${x.length} to matter.`,
    );
    notes.push(
      'inclusion says how far a coefficient is left alone: near 1 the column matters, near 0 its coefficient is pulled to 0; relevant is their sum, the effective number of columns that matter.',
    );
  }
  return {
    words,
    formulas: [
      {
        label: 'Rows',
        formula: `y = α${x.length > 0 ? ' + x′β' : ''}${categories.map(({ name }) => ` + γ<sub>${name}</sub>`).join('')} + ε,   ε ~ ${options.df === undefined ? 'N(0, σ²)' : `σ t(${options.df})`}`,
      },
      ...(isRegularised
        ? [
            {
              label: 'Shrinkage',
              formula: 'β<sub>j</sub> ~ N(0, c²λ<sub>j</sub>²τ² / (c² + λ<sub>j</sub>²τ²)),   λ<sub>j</sub> ~ C⁺(0, 1)',
            },
          ]
        : options.shrinkage === 'horseshoe'
          ? [{ label: 'Shrinkage', formula: 'β<sub>j</sub> ~ N(0, λ<sub>j</sub>²τ²),   λ<sub>j</sub> ~ C⁺(0, 1)' }]
          : []),
    ],
    priors: described,
    notes,
  };
}
