// The HBMMM's designs in model units, and where each of its coefficients is among those of rows, markets and the population.
import type { Predictor } from '../../data/predictors.js';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { meanAndSd } from '../../data/predictors.js';

/** Columns in model units: divided by a scale, so that coefficients in the data's units are those of the model over the scale. */
interface ScaledColumns {
  readonly names: readonly string[];
  readonly columns: readonly Float64Array[];
  readonly scales: readonly number[];
  /** Standard deviations in model units. */
  readonly sds: readonly number[];
}

export interface HbmmmDesign {
  /** X, `[rows]`. */
  readonly channels: ScaledColumns;
  /** Z, `[rows]`. */
  readonly controls: ScaledColumns;
  /** W, `[consumers]`, with mean 0 over the consumers. */
  readonly traits: ScaledColumns;
  /** What was taken off the traits, in the data's units. */
  readonly traitMeans: readonly number[];
  readonly layout: Layout;
}

/** A consumer's coefficients are [α, β, γ], p of them; a market's, and the population's, [μ_α; of each channel μ_β and Θ; γ]. */
export interface Layout {
  readonly p: number;
  readonly channels: number;
  readonly controls: number;
  readonly traits: number;
  /** Covariates (0: the constant) of the mean of each of a consumer's coefficients. */
  readonly regressions: readonly (readonly number[])[];
  /** Coefficients of a market. */
  readonly size: number;
  /** Places among them, by channel, by channel and trait, by control. */
  readonly beta: readonly number[];
  readonly theta: readonly number[];
  readonly gamma: readonly number[];
}

/** @param data with x the channels and after them the controls, z the traits, as they are in the data */
export function hbmmmDesign(
  data: ThreeLevelData,
  channels: number,
  standardise: boolean | readonly string[],
): HbmmmDesign {
  const scaled = (predictors: readonly Predictor[], isCentred: boolean): ScaledColumns => {
    const parts = predictors.map(({ name, values, isBinary }) => {
      const { mean, sd } = meanAndSd(values);
      const isScaled = Array.isArray(standardise) ? standardise.includes(name) : standardise === true && !isBinary;
      const scale = isScaled ? sd : 1;
      const from = isCentred ? mean : 0;
      const isAsItIs = scale === 1 && from === 0;
      return { scale, sd: sd / scale, values: isAsItIs ? values : values.map((value) => (value - from) / scale) };
    });
    return {
      names: predictors.map(({ name }) => name),
      columns: parts.map(({ values }) => values),
      scales: parts.map(({ scale }) => scale),
      sds: parts.map(({ sd }) => sd),
    };
  };
  return {
    channels: scaled(data.x.slice(0, channels), false),
    controls: scaled(data.x.slice(channels), false),
    traits: scaled(data.z, true),
    traitMeans: data.z.map(({ values }) => meanAndSd(values).mean),
    layout: layoutOf(channels, data.x.length - channels, data.z.length),
  };
}

function layoutOf(channels: number, controls: number, traits: number): Layout {
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const width = traits + 1;
  const beta = range(channels).map((channel) => 1 + channel * width);
  return {
    p: 1 + channels + controls,
    channels,
    controls,
    traits,
    regressions: [[0], ...range(channels).map(() => range(width)), ...range(controls).map(() => [0])],
    size: 1 + channels * width + controls,
    beta,
    theta: beta.flatMap((place) => range(traits).map((trait) => place + 1 + trait)),
    gamma: range(controls).map((control) => 1 + channels * width + control),
  };
}
