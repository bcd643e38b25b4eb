// logGamma and digamma on pairs of doubles.

import {
  digammaAsymptotic,
  digammaNearRoot,
  digammaRootHigh,
  digammaRootLow,
  logGammaNearTwo,
  logGammaStirling,
} from './coefficients.js';
import type { Lanes, Variable } from './lanes.js';
import { stirlingConstant } from './specialFunctions.js';

/**
 * log Γ(x) for x > 0; largest measured error 5.9 ulp (between 1.4 and 1.5; 2 ulp from 3 on), also near the zeros at 1
 * and 2. Negative, zero and NaN arguments go through the scalar function, lane by lane. Stirling's formula from 8.5
 * on; below, Γ(2 + w) times or divided by the factors of the recurrence.
 */
export function emitLogGamma(v: Lanes, x: Variable, log: number, scalar: number): Variable {
  const series = v.polynomial(logGammaStirling, v.div(1, v.mul(x, x)));
  const result = v.add(v.mul(v.sub(x, 0.5), v.sub(v.call(log, x), 1)), v.add(stirlingConstant, v.div(series, x)));
  v.whenAny(v.less(x, 8.5), result, () => {
    const nearest = v.nearest(x);
    const w = v.sub(x, nearest);
    const belowTwo = v.less(nearest, 2);
    const fraction = v.mul(x, v.select(v.equal(nearest, 0), v.add(x, 1), 1));
    let product: Variable = v.select(belowTwo, fraction, 1);
    for (let j = 1; j <= 6; j++) {
      product = v.mul(product, v.select(v.less(nearest, j + 2), 1, v.sub(x, j)));
    }
    const logProduct = v.call(log, product);
    const signed = v.xor(logProduct, v.and(belowTwo, 1n << 63n));
    return v.add(v.mul(w, v.accuratePolynomial(logGammaNearTwo, w)), signed);
  });
  v.whenAny(v.not(v.less(0, x)), result, () => v.callPerLane(scalar, x));
  return result;
}

/**
 * ψ(x) for x > 0; largest measured error 2.95 ulp, also near the root 1.4616…. Negative, zero and NaN arguments go
 * through the scalar function, lane by lane. The asymptotic series from 8 on; below, ψ(1.5 + w) plus the sum of
 * reciprocals, as one fraction.
 */
export function emitDigamma(v: Lanes, x: Variable, log: number, scalar: number): Variable {
  const square = v.div(1, v.mul(x, x));
  const series = v.mul(v.polynomial(digammaAsymptotic, square), square);
  const result = v.sub(v.call(log, x), v.add(v.div(0.5, x), series));
  v.whenAny(v.less(x, 8), result, () => {
    const floor = v.floor(x);
    const w = v.sub(v.sub(x, floor), 0.5);
    const fromRoot = v.sub(v.add(w, 1.5 - digammaRootHigh), digammaRootLow);
    const nearRoot = v.mul(fromRoot, v.accuratePolynomial(digammaNearRoot, w));
    // Σ 1/(x − j) over 1 ≤ j < floor(x) is derivative/product; −1/x below 1.
    const belowOne = v.less(x, 1);
    let product: Variable = v.select(belowOne, x, 1);
    let derivative: Variable = v.select(belowOne, -1, 0);
    for (let j = 1; j <= 6; j++) {
      const factor = v.sub(x, j);
      const active = v.less(j, floor);
      derivative = v.select(active, v.add(v.mul(derivative, factor), product), derivative);
      product = v.select(active, v.mul(product, factor), product);
    }
    return v.add(nearRoot, v.div(derivative, product));
  });
  v.whenAny(v.not(v.less(0, x)), result, () => v.callPerLane(scalar, x));
  return result;
}
