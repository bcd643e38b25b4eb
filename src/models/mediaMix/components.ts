// What the response is made of besides media: level, trend, seasons and controls, on the model's scale.
import * as tf from '@tensorflow/tfjs-core';
import type { MediaMixSeries } from '../../data/mediaMixData.js';
import type { ModelArray, ModelParameter, Site, StartingPoint, Tensors } from '../model.js';
import { normal } from '../distributions/index.js';
import { positive, real } from '../parameters.js';
import { priorLogDensity } from '../priors.js';
import { type MediaMixContext, scaledResponse } from './context.js';
import type { TimeVariation } from './options.js';
import type { MediaMixPriors } from './priors.js';
import { fourierBasis, gaussianProcessBasis, knotBasis, trendBasis } from './timeBasis.js';
import { type Block, makeBlock, siteOver } from './varying.js';

/** A part of the mean that is reported under its name. */
export interface Component {
  readonly name: string;
  /** Broadcasts to `[geo][week]`. */
  readonly value: (parameters: Tensors, data: Tensors) => tf.Tensor;
}

export interface Baseline {
  readonly blocks: readonly Block[];
  readonly components: readonly Component[];
}

/** @param level smooth variation of the intercept in time, `[week]`; undefined: none */
export function makeBaseline(
  context: MediaMixContext,
  priors: MediaMixPriors,
  level: ((parameters: Tensors, data: Tensors) => tf.Tensor) | undefined,
): Baseline {
  const { data, geos } = context;
  const blocks: Block[] = [];
  const components: Component[] = [];
  const scaled = scaledResponse(context);
  const meanLevel = scaled.reduce((sum, value) => sum + value, 0) / data.rows;

  const intercept = makeBlock(
    {
      name: 'intercept',
      dim: null,
      support: 'real',
      pooling: context.pooling('intercept'),
      geos,
      start: 0.6 * meanLevel,
      startSd: 0.1,
      centred: true,
    },
    priors,
  );
  blocks.push(intercept);
  components.push({
    name: 'intercept',
    value: (p, d) => (level === undefined ? intercept.value(p) : intercept.value(p).add(level(p, d).expandDims(0))),
  });

  if (context.trend !== null) {
    const { changepoints } = context.trend;
    const pooling = context.pooling('trend');
    const slope = makeBlock(
      { name: 'trend_slope', dim: null, support: 'real', pooling, geos, start: 0, startSd: 0.1 },
      priors,
    );
    const changes =
      changepoints === 0
        ? []
        : [
            makeBlock(
              {
                name: 'trend_change',
                dim: { name: 'changepoint', size: changepoints },
                support: 'real',
                pooling,
                geos,
                start: 0,
                startSd: 0.1,
              },
              priors,
            ),
          ];
    blocks.push(slope, ...changes);
    components.push({
      name: 'trend',
      value: (p, d) => {
        const coefficients = tf.concat(
          [slope, ...changes].map((block) => block.value(p)),
          1,
        );
        return tf.matMul(coefficients, d.trend_basis, false, true);
      },
    });
  }

  if (context.seasonality > 0) {
    const seasons = makeBlock(
      {
        name: 'gamma_fourier',
        dim: { name: 'fourier_mode', size: 2 * context.seasonality },
        support: 'real',
        pooling: context.pooling('seasonality'),
        geos,
        start: 0,
        startSd: 0.05,
        ...(priors.has('sigma_fourier') && { learntSd: 'sigma_fourier' }),
      },
      priors,
    );
    blocks.push(seasons);
    components.push({
      name: 'seasonality',
      value: (p, d) => tf.matMul(seasons.value(p), d.fourier_basis, false, true),
    });
  }

  if (data.controls.length > 0) {
    const size = data.controls.length;
    const controls = makeBlock(
      {
        name: 'gamma_control',
        dim: { name: 'control', size },
        support: 'real',
        pooling: context.pooling('controls'),
        geos,
        start: 0,
        startSd: 0.05,
      },
      priors,
    );
    blocks.push(controls);
    components.push({
      name: 'controls',
      value: (p, d) => {
        const own = controls.value(p);
        return d.controls.mul(own.reshape([own.shape[0], 1, size])).sum(2);
      },
    });
  }
  return { blocks, components };
}

/** What of a series the mean is made of. Longer series than that of the fit begin with its weeks. */
export function seriesArrays(
  { geos, weeks: fitted, channels, mediaScale, trend, seasonality }: MediaMixContext,
  series: MediaMixSeries,
): Record<string, ModelArray> {
  const weeks = series.weeks.names.length;
  const onGrid = (size: number, at: (place: number, column: number) => number): ModelArray => ({
    shape: [geos, weeks, size],
    values: Float64Array.from({ length: geos * weeks * size }, (_, i) => at(Math.floor(i / size), i % size)),
  });
  const { controls } = series;
  return {
    media: onGrid(channels, (place, c) => {
      return series.channels[c].media[place] / mediaScale[Math.floor(place / weeks) * channels + c];
    }),
    ...(trend !== null && { trend_basis: trendBasis(weeks, trend.changepoints, fitted) }),
    ...(seasonality > 0 && { fourier_basis: fourierBasis(series.weeks.yearShare, seasonality) }),
    ...(controls.length > 0 && { controls: onGrid(controls.length, (place, k) => controls[k].values[place]) }),
  };
}

/** A smooth function of time with its own parameters. */
export interface SmoothTime {
  readonly parameters: readonly ModelParameter[];
  readonly start: Readonly<Record<string, StartingPoint>>;
  readonly data: Readonly<Record<string, ModelArray>>;
  readonly sites: readonly Site[];
  logPrior(parameters: Tensors): tf.Tensor[];
  /** `[week]`, mean 0 over the weeks of the fit; with the data of later weeks its expectation there follows. */
  value(parameters: Tensors, data: Tensors): tf.Tensor;
  /** What the value leaves open, `[week]`: 0 in the weeks of the fit; undefined without the data of later weeks. */
  variance(parameters: Tensors, data: Tensors): tf.Tensor | undefined;
  /** Data of so many weeks after those of the fit, one or more. */
  ahead(weeks: number): Readonly<Record<string, ModelArray>>;
}

/** @param name of the sites: `NAME_time_sd` and, for a Gaussian process, `NAME_time_scale` (weeks) */
export function makeSmoothTime(
  name: 'intercept' | 'effect',
  kind: TimeVariation,
  weeks: number,
  priors: MediaMixPriors,
): SmoothTime {
  const basis = kind === 'gp' ? gaussianProcessBasis(weeks) : knotBasis(weeks, kind.knots);
  const [sd, scale, z, columns] = ['sd', 'scale', 'z', 'basis'].map((part) => `${name}_time_${part}`);
  const count = basis.columns.shape[1];
  const sdPrior = priors.of(sd, 'positive');
  const scalePrior = basis.hasScale ? priors.of(scale, 'positive') : undefined;
  const prefix = `${name}_time_later_`;
  const own = (p: Tensors): Tensors => ({ sd: p[sd], ...(scalePrior !== undefined && { scale: p[scale] }) });
  const one = (centre: number, width: number): StartingPoint => ({ centre: [centre], sd: [width] });
  return {
    parameters: [
      { name: sd, ...positive(), shape: [] },
      ...(scalePrior === undefined ? [] : [{ name: scale, ...positive(), shape: [] }]),
      { name: z, ...real(count), shape: [count] },
    ],
    start: {
      [sd]: one(Math.log(0.1), 0.5),
      ...(scalePrior !== undefined && { [scale]: one(Math.log(20), 0.4) }),
      [z]: { centre: new Float64Array(count), sd: new Float64Array(count).fill(0.7) },
    },
    data: { [columns]: basis.columns },
    sites: [siteOver(sd, []), ...(scalePrior === undefined ? [] : [siteOver(scale, [])])],
    logPrior: (p) => [
      priorLogDensity(sdPrior, p[sd]),
      ...(scalePrior === undefined ? [] : [priorLogDensity(scalePrior, p[scale])]),
      normal.logDensity(p[z]).sum(),
    ],
    value: (p, d) => {
      const weights = basis.sds(own(p)).mul(p[z]);
      const inside = tf.matMul(d[columns], weights.reshape([count, 1])).reshape([weeks]);
      const later = laterOf(d);
      return later === undefined ? inside : tf.concat([inside, basis.ahead.mean(later, weights, own(p))], 0);
    },
    variance: (p, d) => {
      const later = laterOf(d);
      return later && tf.concat([tf.fill([weeks], 0), basis.ahead.variance(later, own(p))], 0);
    },
    ahead: (later) =>
      Object.fromEntries(
        Object.entries(basis.ahead.arrays(later)).map(([key, array]) => [`${prefix}${key}`, array] as const),
      ),
  };

  /** Data of later weeks, where there are any. */
  function laterOf(d: Tensors): Tensors | undefined {
    const found = Object.entries(d).filter(([key]) => key.startsWith(prefix));
    return found.length === 0
      ? undefined
      : Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
  }
}
