// Carry-over of media (adstock) as tensor operations: weights by lag, named after the tool whose convention they follow.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { Tensors } from '../model.js';

export const adstockForms = ['none', 'geometric', 'delayed', 'weibullPdf', 'weibullCdf', 'binomial'] as const;
export type AdstockForm = (typeof adstockForms)[number];

export const conventions = ['pymc-marketing', 'meridian', 'lightweight-mmm', 'robyn'] as const;
export type Convention = (typeof conventions)[number];

/** A carry-over: its form, and how the tool it is named after counts lags and normalises. */
export interface Adstock {
  readonly form: AdstockForm;
  readonly convention: Convention;
  /**
   * As the convention counts: `l_max` weights (PyMC-Marketing; its Weibull CDF has one more), `max_lag` + 1 weights (Meridian),
   * `number_lags` weights of `carryover` (LightweightMMM), `windlen` weights (Robyn). Recursions over the whole past ignore it.
   */
  readonly lags: number;
  /** Weights divided by their sum. */
  readonly normalised: boolean;
}

interface FormConvention {
  readonly lags: number;
  readonly normalised: boolean;
}

/** The conventions that know each form, with what they do unless told otherwise; the first is the default. */
const known: Readonly<Record<AdstockForm, Partial<Record<Convention, FormConvention>>>> = {
  none: { 'pymc-marketing': { lags: 1, normalised: false } },
  geometric: {
    'pymc-marketing': { lags: 8, normalised: true },
    meridian: { lags: 8, normalised: true },
    'lightweight-mmm': { lags: 0, normalised: true },
    robyn: { lags: 0, normalised: false },
  },
  delayed: {
    'pymc-marketing': { lags: 8, normalised: true },
    'lightweight-mmm': { lags: 13, normalised: true },
  },
  weibullPdf: {
    'pymc-marketing': { lags: 8, normalised: true },
    robyn: { lags: 8, normalised: false },
  },
  weibullCdf: {
    'pymc-marketing': { lags: 8, normalised: true },
    robyn: { lags: 8, normalised: false },
  },
  binomial: {
    'pymc-marketing': { lags: 8, normalised: true },
    meridian: { lags: 8, normalised: true },
  },
};

/** Conventions under which a form exists, the default first. */
export function conventionsOf(form: AdstockForm): Convention[] {
  return Object.keys(known[form]) as Convention[];
}

/** Fills in what a convention does by default. Throws RangeError for a form that the convention does not have. */
export function adstock(form: AdstockForm, given: Partial<Omit<Adstock, 'form'>> = {}): Adstock {
  const convention = given.convention ?? conventionsOf(form)[0];
  const defaults = known[form][convention];
  if (defaults === undefined)
    throw new RangeError(`${convention} has no ${form} adstock; ${conventionsOf(form).join(' or ')} has`);
  const lags = given.lags ?? defaults.lags;
  if (!Number.isSafeInteger(lags) || lags < 0) throw new RangeError(`lags: ${lags} is not a whole number`);
  return { form, convention, lags, normalised: given.normalised ?? defaults.normalised };
}

/** Whether the whole past carries over, by a recursion, and not a window of lags. */
export function isRecursive({ form, convention }: Adstock): boolean {
  return form === 'geometric' && (convention === 'lightweight-mmm' || convention === 'robyn');
}

/** Weights that the window has; 1 without carry-over. */
export function weightCount({ form, convention, lags }: Adstock): number {
  if (form === 'none') return 1;
  if (convention === 'meridian') return lags + 1;
  return form === 'weibullCdf' && convention === 'pymc-marketing' ? lags + 1 : Math.max(1, lags);
}

/**
 * Media after carry-over, of x's shape. `axis` is time; weeks before the first are taken for 0.
 * Parameters broadcast against x with time removed to length 1, e.g. `[1, 1, channel]` or `[geo, 1, channel]` for x `[geo, time,
 * channel]`: `alpha` in (0, 1) of geometric, delayed and binomial, `theta` ≥ 0 (weeks to the peak) of delayed, `lam` (scale in weeks) and
 * `k` (shape) of Weibull. Sources: Jin et al. (2017) for geometric and delayed, the tools' documentation for the rest.
 */
export function carryOver(x: tf.Tensor, own: Adstock, parameters: Tensors, axis: number): tf.Tensor {
  if (own.form === 'none') return x;
  if (isRecursive(own)) {
    const total = geometricRecursion(x, parameters.alpha, axis);
    return own.normalised ? total.mul(literal(1).sub(parameters.alpha)) : total;
  }
  return convolve(x, adstockWeights(own, parameters), axis);
}

/** Weights of lags 0, 1, …, each of the parameters' shape. Throws RangeError for a recursion, which has no last lag. */
export function adstockWeights(own: Adstock, parameters: Tensors): tf.Tensor[] {
  if (isRecursive(own)) throw new RangeError(`${own.convention}'s geometric adstock has no last lag`);
  const raw = rawWeights(own, parameters, weightCount(own));
  if (!own.normalised) return raw;
  const sum = raw.reduce((a, b) => a.add(b));
  return raw.map((weight) => weight.div(sum));
}

function rawWeights({ form, lags }: Adstock, { alpha, theta, lam, k }: Tensors, count: number): tf.Tensor[] {
  const byLag = (weight: (lag: number) => tf.Tensor): tf.Tensor[] =>
    Array.from({ length: count }, (_, lag) => weight(lag));
  switch (form) {
    case 'none':
      return [literal(1)];
    case 'geometric':
      return powers(alpha, count);
    case 'delayed': {
      const rate = alpha.log();
      return byLag((lag) => theta.sub(lag).square().mul(rate).exp());
    }
    case 'binomial': {
      // (1 − lag / (last + 1))^(1/α − 1), both tools; PyMC-Marketing's last lag is l_max − 1 but its divisor l_max + 1.
      const exponent = alpha.reciprocal().sub(1);
      return byLag((lag) => (lag === 0 ? tf.onesLike(alpha) : exponent.mul(Math.log1p(-lag / (lags + 1))).exp()));
    }
    case 'weibullPdf': {
      const density = byLag((lag) => weibullDensity(lag + 1, lam, k));
      const stacked = tf.stack(density);
      const [least, most] = [stacked.min(0), stacked.max(0)];
      return density.map((weight) => weight.sub(least).div(most.sub(least)));
    }
    case 'weibullCdf': {
      // Survival multiplied up, so that log weights add up: 1, S(1), S(1) S(2), …
      const weights: tf.Tensor[] = [tf.onesLike(lam)];
      let exponent = literal(0);
      for (let lag = 1; lag < count; lag++) {
        exponent = exponent.sub(lam.reciprocal().mul(lag).pow(k));
        weights.push(exponent.exp());
      }
      return weights;
    }
    default:
      throw new RangeError(form satisfies never);
  }
}

function weibullDensity(t: number, lam: tf.Tensor, k: tf.Tensor): tf.Tensor {
  const logRatio = lam.log().neg().add(Math.log(t));
  return k.div(lam).mul(logRatio.mul(k.sub(1)).sub(logRatio.mul(k).exp()).exp());
}

/** 1, α, α², …: products, so that values and gradients hold at α = 0. */
function powers(alpha: tf.Tensor, count: number): tf.Tensor[] {
  const all = [tf.onesLike(alpha)];
  for (let lag = 1; lag < count; lag++) all.push(all[lag - 1].mul(alpha));
  return all;
}

/** Σ_l weights[l] x[t − l]; a sum of shifted slices, as many as weights. */
function convolve(x: tf.Tensor, weights: readonly tf.Tensor[], axis: number): tf.Tensor {
  return tf.addN(weights.slice(0, x.shape[axis]).map((weight, lag) => delayed(x, lag, axis).mul(weight)));
}

/** y_t = x_t + α y_{t−1}, in log₂(weeks) steps: a window of 2ⁿ lags is two of 2ⁿ⁻¹, one of them delayed. */
function geometricRecursion(x: tf.Tensor, alpha: tf.Tensor, axis: number): tf.Tensor {
  let total = x;
  let factor = alpha;
  for (let window = 1; window < x.shape[axis]; window *= 2) {
    total = total.add(delayed(total, window, axis).mul(factor));
    factor = factor.square();
  }
  return total;
}

/** x `lag` places later along an axis, 0 before. */
function delayed(x: tf.Tensor, lag: number, axis: number): tf.Tensor {
  if (lag === 0) return x;
  const size = [...x.shape];
  size[axis] -= lag;
  const kept = tf.slice(
    x,
    x.shape.map(() => 0),
    size,
  );
  return tf.pad(
    kept,
    x.shape.map((_, own): [number, number] => (own === axis ? [lag, 0] : [0, 0])),
  );
}
