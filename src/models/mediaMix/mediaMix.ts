// The media-mix model as a Model: level, trend, seasons and controls, plus media through carry-over and saturation.
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../data/inputError.js';
import type { MediaMixData, MediaMixOtherRows } from '../../data/mediaMixData.js';
import { gamma } from '../distributions/index.js';
import { gatherRows, literal } from '../../kernels/ops/index.js';
import type { NormalReplication, Tensors } from '../model.js';
import type { ObservedModel } from '../modelEntry.js';
import { makeBaseline, makeSmoothTime, seriesArrays, type SmoothTime } from './components.js';
import { mediaMixContext, scaledResponse, scaleOfRows } from './context.js';
import { describeMediaMix } from './describe.js';
import { expectation, logDensity, replicate } from './likelihood.js';
import { locationOf } from './location.js';
import { makeMedia } from './media.js';
import type { MediaMixOptions } from './options.js';
import { otherRows } from './otherRows.js';
import { MediaMixPriors } from './priors.js';
import { mediaMixReport } from './report.js';
import { fourierNames } from './timeBasis.js';
import { makeBlock } from './varying.js';

/** Its response has an inverse, so data are replicated from normals. */
export interface MediaMixModel extends ObservedModel {
  readonly replicate: NormalReplication;
  /** The fitted parameters before other rows, which lie in a series that begins as the fitted one does. */
  onRows(other: MediaMixOtherRows): ObservedModel;
}

/** Names that components of the mean have already. */
const takenNames = ['intercept', 'trend', 'seasonality', 'controls'];

/**
 * Throws InputError for options that do not suit the data or each other, for priors of sites that the model has not, and for channels
 * called as another component.
 */
export function mediaMixModel(data: MediaMixData, options: MediaMixOptions = {}): MediaMixModel {
  const channelNames = data.channels.map(({ name }) => name);
  const taken = channelNames.find((name, i) => takenNames.includes(name) || channelNames.indexOf(name) < i);
  if (taken !== undefined)
    throw new InputError(`model.channels: '${taken}' names another part of the model; call the channel otherwise`);
  const context = mediaMixContext(data, options);
  const { geos, weeks, family, liftTests, timeVarying } = context;
  const priors = new MediaMixPriors(options.priors ?? {}, {
    adstock: context.adstock.form,
    saturation: context.saturation,
  });

  const smooth = (name: 'intercept' | 'effect'): SmoothTime | undefined => {
    const kind = name === 'intercept' ? timeVarying.intercept : timeVarying.effects;
    return kind === undefined ? undefined : makeSmoothTime(name, kind, weeks, priors);
  };
  const level = smooth('intercept');
  const effects = smooth('effect');
  const baseline = makeBaseline(context, priors, level && ((p, d) => level.value(p, d)));
  const media = makeMedia(context, priors, effects && ((p, d) => multiplierOf(effects, weeks, p, d)));
  const sigma = makeBlock(
    {
      name: 'sigma',
      dim: null,
      support: 'positive',
      pooling: context.pooling('sigma'),
      geos,
      start: startOfSigma(scaledResponse(context)),
      startSd: 0.2,
    },
    priors,
  );
  const nu =
    family === 'studentT'
      ? [makeBlock({ name: 'nu', dim: null, support: 'positive', pooling: 'shared', geos, start: 10 }, priors)]
      : [];
  const blocks = [...baseline.blocks, ...media.blocks, sigma, ...nu];
  const smooths = [level, effects].filter((own) => own !== undefined);
  const report = mediaMixReport(context, media, baseline.components);

  const scales = scaleOfRows(context);
  const oneScale = scales.every((value) => value === scales[0]);
  const scaleOf = (d: Tensors): tf.Tensor => (oneScale ? literal(scales[0]) : d.response_scale);
  /** Location of the rows on the model's scale. */
  const location = (p: Tensors, d: Tensors): tf.Tensor => rows(locationOf(baseline, media, p, d, d), d);
  /** Of places and weeks. */
  const rows = (x: tf.Tensor, d: Tensors): tf.Tensor => {
    const all = x.add(tf.fill([geos, weeks], 0)).reshape([geos * weeks]);
    return data.places === undefined ? all : gatherRows(all, d.places);
  };
  const liftLogDensity = (p: Tensors, d: Tensors): tf.Tensor[] => {
    if (liftTests.length === 0) return [];
    // Gamma with the estimated lift as mean and the test's standard error as sd (PyMC-Marketing).
    const mean = media.lifts(p, d).add(1e-12);
    const sd = literal(liftTests.map((test) => test.sd));
    const ratio = mean.div(sd);
    return [gamma.logDensity(literal(liftTests.map((test) => test.lift)), ratio.square(), ratio.div(sd)).sum()];
  };
  const nuOf = (p: Tensors): tf.Tensor | undefined => nu[0]?.value(p).reshape([]);
  const sum = (terms: readonly tf.Tensor[]): tf.Tensor => terms.map((term) => term.sum()).reduce((a, b) => a.add(b));

  const model = {
    name: 'media-mix',
    parameters: [...blocks.flatMap((block) => block.parameters), ...smooths.flatMap((own) => own.parameters)],
    data: {
      y: { shape: [data.rows], values: scaledResponse(context) },
      ...(!oneScale && { response_scale: { shape: [data.rows], values: scales } }),
      ...(data.places && { places: { shape: [data.rows], values: data.places, dtype: 'int32' } }),
      ...seriesArrays(context, data),
      ...media.data,
      ...merged(smooths.map((own) => own.data)),
    },
    coords: {
      ...report.coords,
      channel: channelNames,
      geo: data.geos.names,
      control: data.controls.map(({ name }) => name),
      fourier_mode: fourierNames(context.seasonality),
      changepoint: Array.from({ length: context.trend?.changepoints ?? 0 }, (_, i) => String(i + 1)),
    },
    sites: [
      ...report.sites.filter(({ level: own }) => own === 'population'),
      ...blocks.flatMap((block) => block.sites),
      ...smooths.flatMap((own) => own.sites),
      ...report.sites.filter(({ level: own }) => own === 'group'),
    ],
    logPrior: (p, d) =>
      sum([
        ...blocks.flatMap((block) => block.logPrior(p)),
        ...smooths.flatMap((own) => own.logPrior(p)),
        ...liftLogDensity(p, d),
      ]),
    logLikelihood: (p, d) => logDensity(family, d.y, location(p, d), sigmaOfRows(p, d), nuOf(p)).sub(scaleOf(d).log()),
    report: (p, d) =>
      merged([
        report.compute(p, d),
        ...blocks.map((block) => block.report(p)),
        ...smooths.map((own) => Object.fromEntries(own.sites.map(({ name }) => [name, p[name]]))),
      ]),
    predict: (p, d) => expectation(family, location(p, d), sigmaOfRows(p, d)).mul(scaleOf(d)),
    replicate: (p, d, noise) => replicate(family, location(p, d), sigmaOfRows(p, d), nuOf(p), noise).mul(scaleOf(d)),
    observed: { name: data.responseName, values: data.y },
    start: merged([...blocks, ...smooths].map((own) => own.start)),
    description: describeMediaMix(context, priors.finish()),
  } satisfies ObservedModel;
  const parts = { context, baseline, media, level, effects, sigma, nu: nuOf };
  return { ...model, onRows: (other) => ({ ...model, ...otherRows(parts, model, other) }) };

  /** One number, or one by row. */
  function sigmaOfRows(p: Tensors, d: Tensors): tf.Tensor {
    const value = sigma.value(p);
    return value.shape[0] === 1 ? value.reshape([]) : rows(value, d);
  }
}

/** The entries of all records. */
function merged<Value>(records: readonly Readonly<Record<string, Value>>[]): Record<string, Value> {
  return Object.fromEntries(records.flatMap((record) => Object.entries(record)));
}

/**
 * exp(f) with mean 1 over the weeks of the fit, `[1][week][1]`: effects vary around the coefficients, which keep their meaning. In later weeks its
 * expectation given the fitted ones.
 */
function multiplierOf(smooth: SmoothTime, weeks: number, p: Tensors, d: Tensors): tf.Tensor {
  const f = smooth.value(p, d);
  const variance = smooth.variance(p, d);
  const positive = (variance === undefined ? f : f.add(variance.mul(0.5))).exp();
  const fitted = variance === undefined ? positive : positive.slice([0], [weeks]);
  return positive.div(fitted.mean()).reshape([1, f.shape[0], 1]);
}

/** Half the standard deviation of the scaled response. */
function startOfSigma(scaled: Float64Array): number {
  const mean = scaled.reduce((total, value) => total + value, 0) / scaled.length;
  return 0.5 * Math.sqrt(scaled.reduce((total, value) => total + (value - mean) ** 2, 0) / scaled.length) + 1e-3;
}
