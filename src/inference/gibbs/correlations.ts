// Correlations by their Cholesky factor and by free partial correlations, and what densities need of them.
import { invertLower } from '../linearAlgebra.js';

/** (R⁻¹)_ii of R = L L', `[k]`: squared column norms of L⁻¹. */
export function inverseCorrelationDiagonal(lower: Float64Array, k: number): Float64Array {
  const inverse = invertLower(lower, k);
  const diagonal = new Float64Array(k);
  for (let row = 0; row < k; row++) for (let i = 0; i <= row; i++) diagonal[i] += inverse[row * k + i] ** 2;
  return diagonal;
}

/** Σ⁻¹ of diag(s) L L' diag(s), `[k][k]`; L undefined: of diag(s²). */
export function precisionOf(sds: Float64Array, lower: Float64Array | undefined): Float64Array {
  const k = sds.length;
  const precision = new Float64Array(k * k);
  if (lower === undefined) {
    for (let i = 0; i < k; i++) precision[i * k + i] = 1 / (sds[i] * sds[i]);
    return precision;
  }
  const inverse = invertLower(lower, k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let row = i; row < k; row++) sum += inverse[row * k + i] * inverse[row * k + j];
      precision[i * k + j] = precision[j * k + i] = sum / (sds[i] * sds[j]);
    }
  }
  return precision;
}

/** The factor of free partial correlations, written to `lower`; returns the log Jacobian of the map (see `choleskyCorrelation`). */
export function factorOf(free: Float64Array, k: number, lower: Float64Array): number {
  lower.fill(0);
  let logJacobian = 0;
  let next = 0;
  for (let i = 0; i < k; i++) {
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const x = free[next++];
      const shrink = 1 / Math.cosh(x);
      lower[i * k + j] = Math.tanh(x) * rest;
      logJacobian += 2 * Math.log(shrink) + Math.log(rest);
      rest *= shrink;
    }
    lower[i * k + i] = rest;
  }
  return logJacobian;
}

export function partialCorrelations(lower: Float64Array, k: number): Float64Array {
  const free = new Float64Array((k * (k - 1)) / 2);
  let next = 0;
  for (let i = 1; i < k; i++) {
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const correlation = lower[i * k + j] / rest;
      free[next++] = Math.atanh(correlation);
      rest *= Math.sqrt((1 - correlation) * (1 + correlation));
    }
  }
  return free;
}

/** Places of the free partial correlations that coefficient i has a part in: they change their signs with its own. */
export function partialsWith(i: number, k: number): number[] {
  const found: number[] = [];
  for (let row = 1, at = 0; row < k; row++)
    for (let column = 0; column < row; column++, at++) if (row === i || column === i) found.push(at);
  return found;
}
