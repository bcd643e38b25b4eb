// The media-mix model in words and formulas, for the report.
import type { ModelDescription } from '../model.js';
import { isRecursive, weightCount } from './adstock.js';
import type { MediaMixContext } from './context.js';

const saturationFormula = {
  none: 'f(x) = x',
  logistic: 'f(x) = (1 − e<sup>−λx</sup>) / (1 + e<sup>−λx</sup>)',
  hill: 'f(x) = x<sup>s</sup> / (κ<sup>s</sup> + x<sup>s</sup>)',
  michaelisMenten: 'f(x) = x / (λ + x)',
  tanh: 'β f(x) = β tanh(x / (β c))',
  root: 'f(x) = x<sup>α</sup>',
} as const;

const errors = {
  gaussian: 'ε ~ N(0, σ²)',
  studentT: 'ε ~ t<sub>ν</sub>(0, σ)',
  truncatedGaussian: 'y ~ N(mean, σ²) cut off at 0',
} as const;

export function describeMediaMix(context: MediaMixContext, priors: ModelDescription['priors']): ModelDescription {
  const {
    data,
    geos,
    weeks,
    adstock,
    saturation,
    adstockFirst,
    family,
    responseScale,
    liftTests,
    timeVarying,
    trend,
    seasonality,
  } = context;
  const channels = data.channels.map(({ name }) => name).join(', ');
  const parts = [
    geos > 1 ? `a level of each ${data.geos.column}` : 'a level',
    ...(timeVarying.intercept === undefined ? [] : ['that varies smoothly in time']),
    ...(trend === null
      ? []
      : [trend.changepoints === 0 ? 'a linear trend' : `a trend with ${trend.changepoints} changepoints`]),
    ...(seasonality === 0 ? [] : [`${seasonality} pairs of yearly waves`]),
    ...(data.controls.length === 0 ? [] : [`the controls ${data.controls.map(({ name }) => name).join(', ')}`]),
  ];
  const lags = isRecursive(adstock) ? 'the whole past' : `${weightCount(adstock)} weeks`;
  const carry =
    adstock.form === 'none'
      ? 'does not carry over'
      : `carries over by ${adstock.form} adstock (${adstock.convention}: ${lags}, weights ${adstock.normalised ? 'that sum to 1' : 'as they are'})`;
  const words = [
    `The response ${data.responseName} of each week${geos > 1 ? ` and ${data.geos.column}` : ''} (${weeks} weeks${geos > 1 ? `, ${geos} of ${data.geos.column}` : ''}) is the sum of ${parts.join(', ')}, and of the media ${channels}.`,
    `What is put into a channel ${carry}; ${adstockFirst ? 'what has built up' : 'before that, what is put in'} saturates (${saturation}) and is multiplied by the channel's coefficient${timeVarying.effects === undefined ? '' : ', which varies smoothly in time around its mean'}.`,
  ];
  if (liftTests.length > 0)
    words.push(
      `${liftTests.length} lift tests calibrate the saturation curves: each observed lift is a gamma variate around the curve's difference.`,
    );
  const carried = adstock.form === 'none' ? 'x' : 'adstock(x)';
  const notes = [
    `Parameters are on the model's scale: the response divided by ${range(responseScale)}, media by their largest value; contributions, returns and curves are in the data's units.`,
    'Contribution of a channel: what would be missing without its media. ROI: its worth over the spend of the same weeks. Marginal ROI: worth of what 1 % more media in every week would add, over 1 % of the spend.',
    ...(timeVarying.intercept === 'gp' || timeVarying.effects === 'gp'
      ? [
          'Smooth variation: Gaussian process with Matérn-5/2 covariance in a Hilbert-space basis, its mean over the weeks taken off.',
        ]
      : []),
    ...(data.controls.some(({ standardisation }) => standardisation !== null)
      ? ['Coefficients of standardised controls are per standard deviation.']
      : []),
  ];
  return {
    words,
    formulas: [
      {
        label: 'Response',
        formula: `y = level + trend + seasons + controls + Σ<sub>c</sub> β<sub>c</sub> f(${adstockFirst ? carried : 'x'}),   ${errors[family]}`,
      },
      { label: 'Saturation', formula: saturationFormula[saturation] },
    ],
    priors,
    notes,
  };
}

function range(values: Float64Array): string {
  const shown = (x: number): string => String(Number(x.toPrecision(4)));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? shown(least) : `the largest of each place, ${shown(least)} to ${shown(most)}`;
}
