// Autocovariances of one series or averaged over half-chains: short lags as plain sums, every lag by fast Fourier transform
// (Wiener–Khinchin).
import { meanOf, varianceOf } from './draws.js';
import { fourierPlan, transform } from './fft.js';
import type { FourierPlan } from './fft.js';
import type { HalfChains } from './pooledDraws.js';

/** Lags that one pass over the values sums up. */
const BLOCK = 8;

/** From this lag on the transform, which gives every lag, costs less than further sums. */
const TRANSFORM_FROM = 2 * BLOCK;

let spectrum = new Float64Array(0);

/**
 * The figures of `meanAutocovariance` by lag, worked out when they are asked for: the first few, by which chains that mix well
 * are judged, cost less as plain sums.
 */
export function autocovarianceByLag(
  values: Float64Array,
  halves: HalfChains,
  means: Float64Array,
): (lag: number) => number {
  const centred = centredHalfChains(values, halves, means);
  const sums = new Float64Array(TRANSFORM_FROM);
  let known = 0;
  let all: Float64Array | undefined;
  return (lag) => {
    if (lag >= TRANSFORM_FROM) return (all ??= meanAutocovariance(values, halves, means))[lag];
    for (; known <= lag; known += BLOCK) sumBlock(centred, halves, known, sums);
    return sums[lag] / (halves.starts.length * halves.length);
  };
}

/** Half-chains less their means, `[halfChain][draw]`, each followed by zeros that end the sums of a block. */
function centredHalfChains(values: Float64Array, { starts, length }: HalfChains, means: Float64Array): Float64Array {
  const stride = length + BLOCK;
  const centred = new Float64Array(starts.length * stride);
  for (let k = 0; k < starts.length; k++) {
    const mean = means[k];
    const from = starts[k];
    const to = k * stride;
    for (let i = 0; i < length; i++) centred[to + i] = values[from + i] - mean;
  }
  return centred;
}

/** Σ over half-chains and draws of x[i] x[i + lag] for the lags `first` … `first` + 7, into `sums`. */
function sumBlock(centred: Float64Array, { starts, length }: HalfChains, first: number, sums: Float64Array): void {
  let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < starts.length; k++) {
    const start = k * (length + BLOCK);
    const end = start + length - first;
    for (let i = start, j = start + first; i < end; i++, j++) {
      const x = centred[i];
      s0 += x * centred[j];
      s1 += x * centred[j + 1];
      s2 += x * centred[j + 2];
      s3 += x * centred[j + 3];
      s4 += x * centred[j + 4];
      s5 += x * centred[j + 5];
      s6 += x * centred[j + 6];
      s7 += x * centred[j + 7];
    }
  }
  sums.set([s0, s1, s2, s3, s4, s5, s6, s7], first);
}

/**
 * Autocovariance averaged over half-chains, lags 0 … length − 1, each about its own mean and with denominator `length`
 * (the biased estimator: Geyer 1992, §3.1; Vehtari et al. 2021, §3.2). The power spectra are added, two real series to
 * one complex transform, so that one transform back serves all half-chains.
 * @param values draws in the pooled layout
 * @param means mean of each half-chain, `[halfChain]`
 */
export function meanAutocovariance(values: Float64Array, halves: HalfChains, means: Float64Array): Float64Array {
  const { starts, length } = halves;
  // Zero padding to twice the length keeps the circular correlation from wrapping around.
  const plan = fourierPlan(2 * length);
  const { size, bitReversed, real, imaginary } = plan;
  if (spectrum.length !== size) spectrum = new Float64Array(size);
  spectrum.fill(0);
  for (let k = 0; k < starts.length; k += 2) {
    const paired = k + 1 < starts.length;
    real.fill(0);
    imaginary.fill(0);
    for (let i = 0; i < length; i++) real[bitReversed[i]] = values[starts[k] + i] - means[k];
    if (paired) {
      for (let i = 0; i < length; i++) imaginary[bitReversed[i]] = values[starts[k + 1] + i] - means[k + 1];
    }
    transform(plan);
    // |A + iB|² differs from |A|² + |B|² by a term odd in the frequency, which the real part below does not see.
    for (let i = 0; i < size; i++) spectrum[i] += real[i] * real[i] + imaginary[i] * imaginary[i];
  }
  return spectrumToAutocovariance(plan, length, starts.length * length);
}

function spectrumToAutocovariance(plan: FourierPlan, lags: number, denominator: number): Float64Array {
  const { size, bitReversed, real, imaginary } = plan;
  imaginary.fill(0);
  for (let i = 0; i < size; i++) real[bitReversed[i]] = spectrum[i];
  transform(plan);
  const out = new Float64Array(lags);
  const scale = 1 / (size * denominator);
  for (let lag = 0; lag < lags; lag++) out[lag] = real[lag] * scale;
  return out;
}

/** Autocovariance of one series, lags 0 … length − 1, denominator `length`; zero at every lag for a constant series. */
export function autocovariance(series: Float64Array): Float64Array {
  const mean = meanOf(series);
  if (series.length < 2 || varianceOf(series, 0, series.length, mean) === 0) return new Float64Array(series.length);
  return meanAutocovariance(series, { starts: Int32Array.of(0), length: series.length }, Float64Array.of(mean));
}

/**
 * Autocorrelation of one chain at lags 0 … maxLag (at most length − 1), to be drawn as bars; NaN for a constant chain.
 */
export function autocorrelation(chain: Float64Array, maxLag = chain.length - 1): Float64Array {
  const covariance = autocovariance(chain);
  const lags = Math.max(0, Math.min(maxLag + 1, covariance.length));
  return covariance.slice(0, lags).map((value) => value / covariance[0]);
}
