// Special functions in plain f64 JavaScript: the reference twins of the generated vector code.

import {
  digammaAsymptotic,
  digammaNearRoot,
  digammaRootHigh,
  digammaRootLow,
  erfcxSlope,
  erfSmall,
  logGammaNearTwo,
  logGammaStirling,
  trigammaAsymptotic,
} from './coefficients.js';

/** (log 2π − 1)/2, the constant of Stirling's formula written as (x − ½)(log x − 1) + constant + series(1/x²)/x. */
export const stirlingConstant = 0.4189385332046727;
const logPi = Math.log(Math.PI);

/** Σ coefficients[i] xⁱ. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

/**
 * log |Γ(x)|. x > 0: within 6 ulp, also near the zeros at 1 and 2. x < 0 (by reflection): within 1e-15 · (1 + |log
 * |Γ(x)||), because the zeros between the poles are not resolved to relative precision. Poles (0, −1, −2, …) and
 * ±Infinity give Infinity.
 */
export function logGamma(x: number): number {
  if (x <= 0) {
    if (Number.isInteger(x) || x === -Infinity) return Infinity;
    return logPi - Math.log(Math.abs(Math.sin(Math.PI * (x - Math.round(x))))) - logGamma(1 - x);
  }
  if (x === Infinity) return Infinity;
  if (x >= 8.5) {
    return (x - 0.5) * (Math.log(x) - 1) + (stirlingConstant + polynomial(logGammaStirling, 1 / (x * x)) / x);
  }
  // Γ(x) = Γ(2 + w) · Π or / Π, with w in [−½, ½].
  const nearest = Math.round(x);
  const w = nearest === 0 ? x : x - nearest;
  const nearTwo = w * polynomial(logGammaNearTwo, w);
  if (nearest === 0) return nearTwo - Math.log(x * (x + 1));
  if (nearest === 1) return nearTwo - Math.log(x);
  let product = 1;
  for (let j = 1; j <= nearest - 2; j++) product *= x - j;
  return nearTwo + Math.log(product);
}

/**
 * ψ(x), the derivative of log Γ. x > 0: within 3.5 ulp, also near the root 1.4616…. x < 0 (by reflection): within
 * 1e-15 · (1 + |ψ(x)|). ψ(±0) = ∓Infinity; the other poles (−1, −2, …) and −Infinity give NaN.
 */
export function digamma(x: number): number {
  if (x === 0) return -1 / x;
  if (x < 0) {
    if (Number.isInteger(x) || x === -Infinity) return NaN;
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  }
  if (x >= 8) {
    const square = 1 / (x * x);
    return Math.log(x) - (0.5 / x + polynomial(digammaAsymptotic, square) * square);
  }
  // ψ(x) = ψ(1.5 + w) plus Σ 1/(x − j), or minus 1/x below 1.
  const floor = Math.floor(x);
  const w = x - floor - 0.5;
  const nearRoot = (w + (1.5 - digammaRootHigh) - digammaRootLow) * polynomial(digammaNearRoot, w);
  if (floor === 0) return nearRoot - 1 / x;
  let product = 1;
  let derivative = 0;
  for (let j = 1; j < floor; j++) {
    derivative = derivative * (x - j) + product;
    product *= x - j;
  }
  return nearRoot + derivative / product;
}

/**
 * ψ′(x), the second derivative of log Γ. x > 0: within 3.5 ulp. x < 0 (by reflection): within 4.5 ulp. Poles give
 * Infinity, −Infinity gives NaN.
 */
export function trigamma(x: number): number {
  if (x <= 0) {
    if (Number.isInteger(x)) return Infinity;
    if (x === -Infinity) return NaN;
    const sine = Math.sin(Math.PI * (x - Math.round(x)));
    return (Math.PI / sine) ** 2 - trigamma(1 - x);
  }
  let sum = 0;
  let y = x;
  for (; y < 8; y++) sum += 1 / (y * y);
  const inverse = 1 / y;
  const square = inverse * inverse;
  return inverse + (0.5 * square + polynomial(trigammaAsymptotic, square) * square * inverse) + sum;
}

/** exp(−scale · a²) to about 1 ulp: the rounding error of a² is put back. 0 ≤ a, scale a power of two. */
function expMinusSquare(a: number, scale: number): number {
  const square = a * a;
  const high = Math.fround(a);
  const low = a - high;
  const error = high * high - square + 2 * high * low + low * low;
  return Math.exp(-scale * square) * (1 - scale * error);
}

/** exp(z²) erfc(z) for z ≥ 0. */
function erfcx(z: number): number {
  const t = (z - 4) / (z + 4);
  return (1 + (t + 1) * polynomial(erfcxSlope, t)) / (1 + 2 * z);
}

/** The error function 2/√π ∫₀ˣ exp(−t²) dt, within 2 ulp. */
export function erf(x: number): number {
  if (Math.abs(x) < 1) return x * polynomial(erfSmall, x * x);
  return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
}

/** 1 − erf(x), within 5 ulp in the right tail down to the denormals (x ≈ 27.2) and within 2 ulp for x ≤ 0. */
export function erfc(x: number): number {
  const z = Math.min(Math.abs(x), 30);
  const tail = expMinusSquare(z, 1) * erfcx(z);
  return x < 0 ? 2 - tail : tail;
}

/**
 * Φ(x) = ½ erfc(−x/√2), the standard normal distribution function; within 5.5 ulp in both tails, down to the denormals
 * (x ≈ −38.5).
 */
export function normalCdf(x: number): number {
  const a = Math.min(Math.abs(x), 40);
  const tail = 0.5 * expMinusSquare(a, 0.5) * erfcx(a * Math.SQRT1_2);
  return x > 0 ? 1 - tail : tail;
}

/** log Φ(x), within 5.5 ulp for every x: −x²/2 + log of Mills' ratio on the left, log1p(−Φ(−x)) on the right. */
export function normalLogCdf(x: number): number {
  if (x > 0) return Math.log1p(-normalCdf(-x));
  if (x < -1e200) return -Infinity;
  return Math.log(0.5 * erfcx(-x * Math.SQRT1_2)) - 0.5 * x * x;
}

/** log(1 + exp x), within 2 ulp for every x (softplus). */
export function log1pExp(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** 1 / (1 + exp(−x)), within 2 ulp for every x. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/** log sigmoid(x) = −log1pExp(−x), within 2 ulp for every x. */
export function logSigmoid(x: number): number {
  return -log1pExp(-x);
}
