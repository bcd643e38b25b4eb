// The inverse of `constrain` in f64, for values that were drawn on the constrained set.
import type { Constraint } from '../../models/parameters.js';

/**
 * Writes the unconstrained elements of one constrained block to `target`. Throws Error for sets whose inverse nobody needs.
 * @param shape of the constrained block
 */
export function unconstrain(
  constraint: Constraint,
  values: ArrayLike<number>,
  shape: readonly number[],
  target: Float64Array,
): void {
  switch (constraint.kind) {
    case 'real':
      for (let i = 0; i < target.length; i++) target[i] = values[i];
      return;
    case 'positive':
      for (let i = 0; i < target.length; i++) target[i] = Math.log(values[i]);
      return;
    case 'choleskyCorrelation':
      return partialCorrelations(values, shape.at(-1)!, target);
    default:
      throw new Error(`no inverse of the transform to ${constraint.kind}`);
  }
}

/** Inverse of the canonical partial correlations tanh(x): each entry of a row over the root of what those before it leave. */
function partialCorrelations(lower: ArrayLike<number>, k: number, target: Float64Array): void {
  let next = 0;
  for (let i = 0; i < k; i++) {
    // Squares of the entries from j on, the diagonal included: what the entries before j leave, without cancellation.
    let rest = lower[i * k + i] ** 2;
    const left = new Float64Array(i + 1);
    left[i] = rest;
    for (let j = i - 1; j >= 0; j--) left[j] = rest += lower[i * k + j] ** 2;
    for (let j = 0; j < i; j++) {
      // atanh(r / √left) = ½ log((√left + r)² / (left − r²)), and left − r² is what is left after it.
      const r = lower[i * k + j];
      target[next++] = Math.sign(r) * Math.log((Math.sqrt(left[j]) + Math.abs(r)) / Math.sqrt(left[j + 1]));
    }
  }
}
