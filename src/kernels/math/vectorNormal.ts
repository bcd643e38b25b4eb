// The error function and the normal distribution function on pairs of doubles.

import { erfcxSlope, erfSmall } from './coefficients.js';
import type { Lanes, Operand, Variable } from './lanes.js';

/** exp(z²) erfc(z) for z ≥ 0, by one polynomial in (z − 4)/(z + 4) over the whole half line. */
function erfcx(v: Lanes, z: Variable): Variable {
  const t = v.div(v.sub(z, 4), v.add(z, 4));
  return v.div(v.add(1, v.mul(v.add(t, 1), v.polynomial(erfcxSlope, t))), v.add(1, v.mul(2, z)));
}

/** exp(−scale · a²) with the rounding error of a² put back; scale is a power of two. */
function expMinusSquare(v: Lanes, a: Variable, scale: number, exp: number): Variable {
  const square = v.mul(a, a);
  const high = v.and(a, -1n << 27n);
  const low = v.sub(a, high);
  const cross = v.mul(v.mul(2, high), low);
  const error = v.add(v.add(v.sub(v.mul(high, high), square), cross), v.mul(low, low));
  return v.mul(v.call(exp, v.mul(square, -scale)), v.sub(1, v.mul(error, scale)));
}

/** erf(x); largest measured error 1.76 ulp. */
export function emitErf(v: Lanes, x: Variable, exp: number): Variable {
  const z = v.min(v.abs(x), 30);
  const beyondOne = v.copySign(v.sub(1, v.mul(expMinusSquare(v, z, 1, exp), erfcx(v, z))), x);
  const small = v.mul(x, v.accuratePolynomial(erfSmall, v.mul(x, x)));
  return v.select(v.less(z, 1), small, beyondOne);
}

/** Φ(−a) for 0 ≤ a ≤ 40. */
function upperTail(v: Lanes, a: Variable, exp: number): Variable {
  return v.mul(v.mul(expMinusSquare(v, a, 0.5, exp), 0.5), erfcx(v, v.mul(a, Math.SQRT1_2)));
}

/** Φ(x); largest measured error 4.8 ulp (in both tails; near −0, where it comes from rounding 1 + 2z). */
export function emitNormalCdf(v: Lanes, x: Variable, exp: number): Variable {
  const tail = upperTail(v, v.min(v.abs(x), 40), exp);
  return v.select(v.less(0, x), v.sub(1, tail), tail);
}

/** log Φ(x); largest measured error 5.2 ulp: log1p(−Φ(−x)) on the right, log Mills' ratio − x²/2 on the left. */
export function emitNormalLogCdf(
  v: Lanes,
  x: Variable,
  functions: { readonly exp: number; readonly log: number; readonly log1p: number },
): Variable {
  const right = v.less(0, x);
  const result = v.variable(x);
  v.whenAny(right, result, () => {
    const tail = upperTail(v, v.min(v.abs(x), 40), functions.exp);
    return v.call(functions.log1p, v.neg(tail));
  });
  v.whenAny(v.not(right), result, () => {
    const a = v.min(v.abs(x), 1e200);
    const ratio: Operand = v.mul(0.5, erfcx(v, v.mul(a, Math.SQRT1_2)));
    return v.sub(v.call(functions.log, ratio), v.mul(v.mul(x, x), 0.5));
  });
  return result;
}
