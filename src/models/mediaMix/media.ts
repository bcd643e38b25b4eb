// The media part: carry-over, saturation and effects of every channel, with the coefficient or the return on spend as the parameter.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { ModelArray, Tensors } from '../model.js';
import { type AdstockForm, carryOver } from './adstock.js';
import { type MediaMixContext, scaledResponseOnGrid } from './context.js';
import type { MediaMixPriors, Support } from './priors.js';
import { saturate, saturationCurve, type SaturationForm, saturationParameters } from './saturation.js';
import { type Block, makeBlock } from './varying.js';

interface ShapeParameter {
  readonly name: string;
  readonly support: Support;
  readonly start: number;
}

const adstockParameters: Readonly<Record<AdstockForm, readonly ShapeParameter[]>> = {
  none: [],
  geometric: [{ name: 'alpha', support: 'unit', start: 0.3 }],
  delayed: [
    { name: 'alpha', support: 'unit', start: 0.3 },
    { name: 'theta', support: 'positive', start: 0.7 },
  ],
  weibullPdf: [
    { name: 'lam', support: 'positive', start: 2 },
    { name: 'k', support: 'positive', start: 2 },
  ],
  weibullCdf: [
    { name: 'lam', support: 'positive', start: 1.5 },
    { name: 'k', support: 'positive', start: 1 },
  ],
  binomial: [{ name: 'alpha', support: 'unit', start: 0.3 }],
};

const saturationStarts: Readonly<Record<SaturationForm, Readonly<Record<string, number>>>> = {
  none: {},
  logistic: { lam: 2 },
  hill: { slope: 1, kappa: 0.7 },
  michaelisMenten: { lam: 0.6 },
  tanh: { c: 0.7 },
  root: { alpha: 0.5 },
};

export interface Media {
  readonly blocks: readonly Block[];
  readonly data: Readonly<Record<string, ModelArray>>;
  /**
   * Contributions on the model's scale, `[geo][week][channel]`.
   * @param factor media are multiplied by it, in every week; @param series data of another series, to which the effects found in `data` apply
   */
  contributions(parameters: Tensors, data: Tensors, factor?: number, series?: Tensors): tf.Tensor;
  /** Differences of the saturated response between the levels of each lift test, `[test]`; without carry-over. */
  lifts(parameters: Tensors, data: Tensors): tf.Tensor;
  /** Coefficients as a reported site, `[geo][channel]` or `[channel]`, where returns are the parameters; undefined otherwise. */
  coefficients: ((parameters: Tensors, data: Tensors) => tf.Tensor) | undefined;
}

/** @param multiplier of effects by week, `[1][week][1]`; undefined: constant effects */
export function makeMedia(
  context: MediaMixContext,
  priors: MediaMixPriors,
  multiplier: ((parameters: Tensors, data: Tensors) => tf.Tensor) | undefined,
): Media {
  const { geos, weeks, channels, adstock, saturation, adstockFirst, effectPrior, liftTests } = context;
  const dim = { name: 'channel', size: channels };
  const centred = weeksDetermineEffects(context);
  const request = (name: string, support: Support, pooling: 'adstock' | 'saturation', start: number) =>
    makeBlock({ name, support, start, pooling: context.pooling(pooling), geos, dim }, priors);
  const carry = adstockParameters[adstock.form].map(({ name, support, start }) => ({
    name,
    block: request(`adstock_${name}`, support, 'adstock', start),
  }));
  const shape = saturationParameters[saturation].map((name) => {
    const support = name === 'alpha' ? 'unit' : 'positive';
    return { name, block: request(`saturation_${name}`, support, 'saturation', saturationStarts[saturation][name]) };
  });
  const byReturn = effectPrior === 'roi';
  const typical = typicalMedia(context);
  /** Logarithm of the curve at a typical level of media, `[1][channel]`. */
  const logCurve = (p: Tensors): tf.Tensor => {
    const own = Object.fromEntries(shape.map(({ name, block }) => [name, block.value(p)]));
    return saturationCurve(saturation as Exclude<SaturationForm, 'tanh'>, literal(typical, [1, channels]), own).log();
  };
  const canShift = !byReturn && saturation !== 'tanh' && context.pooling('saturation') === 'shared';
  const effect = makeBlock(
    {
      name: byReturn ? 'roi' : 'saturation_beta',
      support: 'positive',
      start: byReturn ? 1 : 0.2,
      pooling: context.pooling('effect'),
      geos,
      dim,
      centred: centred && geos >= 8,
      ...(canShift && centred && context.parametrisation === 'auto' && { shift: logCurve }),
    },
    priors,
  );

  const spread = (block: Block, p: Tensors): tf.Tensor => {
    const value = block.value(p);
    return value.reshape([value.shape[0], 1, channels]);
  };
  const valuesOf = (own: readonly { name: string; block: Block }[], p: Tensors): Tensors =>
    Object.fromEntries(own.map(({ name, block }) => [name, spread(block, p)]));
  const carried = (x: tf.Tensor, p: Tensors): tf.Tensor => carryOver(x, adstock, valuesOf(carry, p), 1);

  /** The response to media with the coefficient `beta`. */
  const response = (x: tf.Tensor, beta: tf.Tensor, p: Tensors): tf.Tensor => {
    const own = valuesOf(shape, p);
    return adstockFirst
      ? saturate(saturation, carried(x, p), beta, own)
      : carried(saturate(saturation, x, beta, own), p);
  };
  /** Coefficients `[geo or 1][1][channel]` that give each channel its return: they multiply Σ worth × curve, which must be return × spend. */
  const coefficients = (p: Tensors, d: Tensors): tf.Tensor => {
    const own = spread(effect, p);
    if (!byReturn) return own;
    if (saturation === 'tanh') throw new RangeError('returns need a coefficient that multiplies the curve');
    const curve = adstockFirst
      ? saturationCurve(saturation, carried(d.media, p), valuesOf(shape, p))
      : carried(saturationCurve(saturation, d.media, valuesOf(shape, p)), p);
    const scaled = multiplier === undefined ? curve : curve.mul(multiplier(p, d));
    const outcome = scaled.mul(d.worth_per_unit.reshape([geos, weeks, 1])).sum(1, true);
    const spend = d.channel_spend.reshape([geos, 1, channels]);
    // One return for all places makes one coefficient; returns by place make one each.
    const total = own.shape[0] === 1 ? outcome.sum(0, true) : outcome;
    const paid = own.shape[0] === 1 ? spend.sum(0, true) : spend;
    return own.mul(paid).div(total);
  };
  const lifts = (p: Tensors, d: Tensors): tf.Tensor => {
    const beta = coefficients(p, d);
    const own = valuesOf(shape, p);
    const at = (x: tf.Tensor, { geo, channel }: (typeof liftTests)[number]): tf.Tensor =>
      x.slice([x.shape[0] === 1 ? 0 : geo, 0, channel], [1, 1, 1]).reshape([1]);
    return tf.concat(
      liftTests.map((test) => {
        const shapes = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, at(value, test)]));
        const level = (media: number): tf.Tensor => saturate(saturation, literal([media]), at(beta, test), shapes);
        return level(test.after).sub(level(test.before)).abs();
      }),
    );
  };
  return {
    blocks: [...carry.map(({ block }) => block), ...shape.map(({ block }) => block), effect],
    data: {
      worth_per_unit: { shape: [geos, weeks], values: scaledWorth(context) },
      ...(byReturn && { channel_spend: { shape: [geos, channels], values: totalSpend(context) } }),
    },
    contributions: (p, d, factor = 1, series = d) => {
      const x = factor === 1 ? series.media : series.media.mul(factor);
      const constant = response(x, coefficients(p, d), p);
      return multiplier === undefined ? constant : constant.mul(multiplier(p, series));
    },
    lifts,
    coefficients: byReturn
      ? (p, d) => {
          const beta = coefficients(p, d);
          return beta.shape[0] === 1 ? beta.reshape([channels]) : beta.reshape([geos, channels]);
        }
      : undefined,
  };
}

/** Spend over all weeks, `[geo][channel]`; 0 where none is known. */
export function totalSpend({ data, geos, weeks, channels }: MediaMixContext): Float64Array {
  return Float64Array.from({ length: geos * channels }, (_, i) => {
    const spend = data.channels[i % channels].spend;
    const first = Math.floor(i / channels) * weeks;
    return spend === null ? 0 : spend.subarray(first, first + weeks).reduce((sum, value) => sum + value, 0);
  });
}

/** What a unit of the response on the model's scale is worth, `[geo][week]`. */
function scaledWorth({ data, weeks, responseScale }: MediaMixContext): Float64Array {
  return data.worth.map((worth, row) => worth * responseScale[Math.floor(row / weeks)]);
}

/** Mean of the scaled media over the places and weeks in which each channel runs. */
function typicalMedia({ data, geos, weeks, channels, mediaScale }: MediaMixContext): number[] {
  return data.channels.map(({ media }, c) => {
    let [sum, count] = [0, 0];
    for (let row = 0; row < geos * weeks; row++) {
      if (media[row] === 0) continue;
      sum += media[row] / mediaScale[Math.floor(row / weeks) * channels + c];
      count++;
    }
    return sum / count;
  });
}

/** A typical effect and a typical spread of its logarithm between places. */
const [typicalEffect, typicalSpread] = [0.2, 0.3];

/**
 * Whether a place's weeks say more of its effects than what places have in common: a rough standard error of an effect, from the changes of
 * the response from week to week, against the spread between places (Papaspiliopoulos, Roberts and Sköld 2003, §4).
 */
function weeksDetermineEffects(context: MediaMixContext): boolean {
  const { data, geos, weeks, channels, mediaScale } = context;
  const response = scaledResponseOnGrid(context);
  const shares: number[] = [];
  for (let g = 0; g < geos; g++) {
    const rows = (values: Float64Array, scale: number): Float64Array =>
      values.subarray(g * weeks, (g + 1) * weeks).map((value) => value / scale);
    const y = rows(response, 1);
    const changes = y.subarray(1).map((value, t) => value - y[t]);
    const noise = sdOf(changes.filter(Number.isFinite)) / Math.SQRT2;
    for (let c = 0; c < channels; c++) {
      const spread = sdOf(rows(data.channels[c].media, mediaScale[g * channels + c]));
      if (spread === 0) continue;
      const error = noise / (spread * Math.sqrt(weeks)) / typicalEffect;
      shares.push(typicalSpread ** 2 / (typicalSpread ** 2 + error ** 2));
    }
  }
  shares.sort((a, b) => a - b);
  return shares[Math.floor(shares.length / 2)] > 0.6;
}

function sdOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
