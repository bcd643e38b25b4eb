// Bandwidths for a Gaussian kernel density estimate: Silverman's rule of thumb and the Sheather–Jones plug-in.
import { isConstant, varianceOf } from './draws.js';
import { quantileOfSorted } from './quantile.js';

/** Number of bins in which Sheather–Jones counts pairwise distances. */
const BINS = 1000;

interface Spread {
  readonly sd: number;
  readonly interquartileRange: number;
}

function spreadOf(values: Float64Array): Spread {
  const sorted = values.slice().sort();
  const interquartileRange = quantileOfSorted(sorted, 0.75) - quantileOfSorted(sorted, 0.25);
  return { sd: Math.sqrt(varianceOf(values)), interquartileRange };
}

/**
 * 0.9 · min(sd, IQR / 1.34) · n^(−1/5) (Silverman 1986, eq. 3.31; R's `bw.nrd0`). When the quartiles coincide the sd alone is
 * taken. NaN for fewer than two or constant values.
 */
export function bandwidthSilverman(values: Float64Array): number {
  if (values.length < 2 || isConstant(values)) return NaN;
  const { sd, interquartileRange } = spreadOf(values);
  const scale = interquartileRange > 0 ? Math.min(sd, interquartileRange / 1.34) : sd;
  return 0.9 * scale * values.length ** -0.2;
}

/**
 * Direct plug-in bandwidth of Sheather & Jones (1991, two stages, normal reference at the last), as R's
 * `bw.SJ(method = "dpi")`: it keeps several modes apart that Silverman's rule smooths into one. Silverman's value where the
 * plug-in is not defined (heavily tied draws); NaN for fewer than two or constant values.
 */
export function bandwidthSheatherJones(values: Float64Array): number {
  const n = values.length;
  if (n < 2 || isConstant(values)) return NaN;
  const { sd, interquartileRange } = spreadOf(values);
  const scale = interquartileRange > 0 ? Math.min(sd, interquartileRange / 1.349) : sd;
  const pairs = pairDistances(values);
  // Estimate of −∫ f⁗ f′′ …: the sixth-derivative functional at its normal-reference bandwidth.
  const sixth = -pairMean(pairs, 1.23 * scale * n ** (-1 / 9), 7, (u) => u * u * u - 15 * u * u + 45 * u - 15);
  const fourthBandwidth = (2.394 / (n * sixth)) ** (1 / 7);
  const fourth = pairMean(pairs, fourthBandwidth, 5, (u) => u * u - 6 * u + 3);
  const bandwidth = (1 / (2 * Math.sqrt(Math.PI) * n) / fourth) ** (1 / 5);
  return Number.isFinite(bandwidth) && bandwidth > 0 ? bandwidth : bandwidthSilverman(values);
}

interface PairDistances {
  readonly count: number;
  /** Width of a bin in the units of the draws. */
  readonly width: number;
  /** Number of unordered pairs of different draws whose bins lie k apart, `[k]`. */
  readonly pairs: Float64Array;
}

function pairDistances(values: Float64Array): PairDistances {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const width = ((max - min) * 1.01) / BINS;
  const counts = new Float64Array(BINS);
  for (const value of values) counts[Math.floor((value - min) / width)]++;
  const pairs = new Float64Array(BINS);
  for (let i = 0; i < BINS; i++) {
    if (counts[i] === 0) continue;
    pairs[0] += (counts[i] * (counts[i] - 1)) / 2;
    for (let j = 0; j < i; j++) pairs[i - j] += counts[i] * counts[j];
  }
  return { count: values.length, width, pairs };
}

/**
 * Mean over pairs of the derivative of the Gaussian kernel of order `power` − 1 at bandwidth h: `hermite` is its Hermite
 * polynomial in the squared distance.
 */
function pairMean(distances: PairDistances, h: number, power: number, hermite: (squared: number) => number): number {
  const { count, width, pairs } = distances;
  let sum = 0;
  for (let k = 0; k < BINS; k++) {
    const squared = ((k * width) / h) ** 2;
    sum += pairs[k] * Math.exp(-squared / 2) * hermite(squared);
  }
  const own = count * hermite(0);
  return (2 * sum + own) / (count * (count - 1) * h ** power * Math.sqrt(2 * Math.PI));
}
