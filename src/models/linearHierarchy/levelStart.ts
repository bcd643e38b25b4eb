// Where the coefficients and correlations of a level start, in what is sampled.
import type { StartingPoint } from '../model.js';

/** No correlations, known the better the more groups there are. */
export function correlationStart(k: number, groups: number): StartingPoint {
  const length = (k * (k - 1)) / 2;
  return { centre: new Float64Array(length), sd: new Float64Array(length).fill(Math.min(0.5, 1 / Math.sqrt(groups))) };
}

/** Coefficients start at their estimates, translated to what is sampled: a = λ m + (b − m) / s^(1−λ). */
export function levelStart(
  groups: number,
  centring: readonly number[],
  values: Float64Array,
  sds: Float64Array,
  spread: Float64Array,
  meanOf: (group: number, coefficient: number) => number,
): StartingPoint {
  const k = centring.length;
  const centre = new Float64Array(groups * k);
  const sd = new Float64Array(groups * k);
  for (let i = 0; i < groups * k; i++) {
    const c = i % k;
    const mean = meanOf(Math.floor(i / k), c);
    const scale = spread[c] ** (1 - centring[c]);
    centre[i] = centring[c] * mean + (values[i] - mean) / scale;
    sd[i] = sds[i] / scale;
  }
  return { centre, sd };
}
