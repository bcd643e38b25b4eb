// A fitted media-mix model before rows that it was not fitted to: each in its place in the series, where media of the weeks before carry over to it.
import * as tf from '@tensorflow/tfjs-core';
import type { MediaMixOtherRows } from '../../data/mediaMixData.js';
import { gatherRows } from '../../kernels/ops/index.js';
import type { Model, ModelArray, Tensors } from '../model.js';
import type { ObservedModel } from '../modelEntry.js';
import { type Baseline, seriesArrays, type SmoothTime } from './components.js';
import type { MediaMixContext } from './context.js';
import { expectation, logDensity, replicate } from './likelihood.js';
import { locationOf } from './location.js';
import type { Media } from './media.js';
import type { Block } from './varying.js';

export interface MediaMixParts {
  readonly context: MediaMixContext;
  readonly baseline: Baseline;
  readonly media: Media;
  readonly level: SmoothTime | undefined;
  readonly effects: SmoothTime | undefined;
  readonly sigma: Block;
  readonly nu: (parameters: Tensors) => tf.Tensor | undefined;
}

/** Arrays of the series stand beside those of the fit, under their names with this before them. */
const prefix = 'series_';

/**
 * What takes the place of the model's own functions and data. What varies in time goes on beyond the last week of the fit as its prior says: at its
 * expectation given the fitted weeks, and with normal errors its variance is part of theirs.
 * @param model the data of the fit, which the effects of returns follow from
 */
export function otherRows(
  { context, baseline, media, level, effects, sigma, nu }: MediaMixParts,
  model: Pick<ObservedModel, 'data' | 'observed'>,
  other: MediaMixOtherRows,
): Pick<ObservedModel, 'data' | 'observed'> & Pick<Model, 'predict' | 'logLikelihood' | 'replicate'> {
  const { geos, responseScale, family } = context;
  const rows = other.y.length;
  const weeks = other.weeks.names.length;
  const later = weeks - context.weeks;
  const geoOfRow = other.places.map((place) => Math.floor(place / weeks));
  const scales = Float64Array.from(geoOfRow, (geo) => responseScale[geo]);
  const series: Record<string, ModelArray> = {
    ...seriesArrays(context, other),
    ...(later > 0 && { ...level?.ahead(later), ...effects?.ahead(later) }),
  };
  const own: Record<string, ModelArray> = {
    y: { shape: [rows], values: other.y.map((value, row) => value / scales[row]) },
    scale: { shape: [rows], values: scales },
    places: { shape: [rows], values: other.places, dtype: 'int32' },
    geo: { shape: [rows], values: geoOfRow, dtype: 'int32' },
    ...series,
  };
  const seriesOf = (d: Tensors): Tensors => ({
    ...d,
    ...Object.fromEntries(Object.keys(series).map((name) => [name, d[`${prefix}${name}`]])),
  });
  const at = (x: tf.Tensor, d: Tensors): tf.Tensor =>
    gatherRows(x.add(tf.fill([geos, weeks], 0)).reshape([geos * weeks]), d[`${prefix}places`]);
  const location = (p: Tensors, d: Tensors): tf.Tensor => at(locationOf(baseline, media, p, d, seriesOf(d)), d);
  const spread = (p: Tensors, d: Tensors): tf.Tensor => {
    const value = sigma.value(p);
    const errors = value.shape[0] === 1 ? value.reshape([]) : gatherRows(value.reshape([geos]), d[`${prefix}geo`]);
    if (family !== 'gaussian') return errors;
    const open: tf.Tensor[] = [];
    const on = seriesOf(d);
    const ofLevel = level?.variance(p, on);
    if (ofLevel !== undefined) open.push(at(ofLevel.expandDims(0), d));
    const ofEffects = effects?.variance(p, on);
    if (ofEffects !== undefined) {
      // Of a log-normal multiplier with the expectation that is in the contributions.
      const contributions = at(media.contributions(p, d, 1, on).sum(2), d);
      open.push(contributions.square().mul(at(ofEffects.exp().sub(1).expandDims(0), d)));
    }
    return open.length === 0 ? errors : open.reduce((sum, variance) => sum.add(variance), errors.square()).sqrt();
  };
  const scaleOf = (d: Tensors): tf.Tensor => d[`${prefix}scale`];
  return {
    data: {
      ...model.data,
      ...Object.fromEntries(Object.entries(own).map(([name, array]) => [`${prefix}${name}`, array])),
    },
    observed: { name: model.observed.name, values: other.y },
    logLikelihood: (p, d) =>
      logDensity(family, d[`${prefix}y`], location(p, d), spread(p, d), nu(p)).sub(scaleOf(d).log()),
    predict: (p, d) => expectation(family, location(p, d), spread(p, d)).mul(scaleOf(d)),
    replicate: (p: Tensors, d: Tensors, noise: tf.Tensor) =>
      replicate(family, location(p, d), spread(p, d), nu(p), noise).mul(scaleOf(d)),
  };
}
