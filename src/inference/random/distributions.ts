// Random variates of the families that Gibbs sampling draws from.
import type { RandomStream } from './streams.js';

/** Standard normal: Box and Muller (1958), one of the pair. */
export function drawNormal(stream: RandomStream): number {
  const radius = Math.sqrt(-2 * Math.log(stream.uniform()));
  return radius * Math.cos(2 * Math.PI * stream.uniform());
}

/**
 * Gamma of a positive shape and scale 1: Marsaglia and Tsang (2000); shapes below 1 through the shape above (their §6).
 * A result that underflows is 0.
 */
export function drawGamma(stream: RandomStream, shape: number): number {
  if (shape < 1) return drawGamma(stream, shape + 1) * stream.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = drawNormal(stream);
    const root = 1 + c * z;
    if (root <= 0) continue;
    const v = root * root * root;
    if (Math.log(stream.uniform()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Inverse gamma of shape and scale: density proportional to x^(−shape − 1) exp(−scale / x). */
export function drawInverseGamma(stream: RandomStream, shape: number, scale: number): number {
  return scale / drawGamma(stream, shape);
}

/**
 * Lower factor A, `[size][size]`, of a Wishart matrix A A' with identity scale: Bartlett's decomposition.
 * `df` exceeds size − 1.
 */
export function drawWishartFactor(stream: RandomStream, df: number, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) factor[row * size + column] = drawNormal(stream);
    factor[row * size + row] = Math.sqrt(2 * drawGamma(stream, (df - row) / 2));
  }
  return factor;
}

/**
 * Inverse Wishart with `df` and scale matrix S = L L', `[size][size]`: the factor B of the draw B B', not triangular.
 * Σ⁻¹ ~ Wishart(df, S⁻¹), so with A from `drawWishartFactor` B = L A⁻ᵀ.
 */
export function drawInverseWishartFactor(
  stream: RandomStream,
  df: number,
  scaleFactor: Float64Array,
  size: number,
): Float64Array {
  const wishart = drawWishartFactor(stream, df, size);
  const result = new Float64Array(size * size);
  // Row r of B solves A x = (row r of L)'.
  for (let row = 0; row < size; row++) {
    for (let i = 0; i < size; i++) {
      let rest = scaleFactor[row * size + i];
      for (let j = 0; j < i; j++) rest -= wishart[i * size + j] * result[row * size + j];
      result[row * size + i] = rest / wishart[i * size + i];
    }
  }
  return result;
}
