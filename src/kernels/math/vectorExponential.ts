// exp and its relatives on pairs of doubles.

import { expTail, ln2High, ln2Low } from './coefficients.js';
import type { Lanes, Operand, Variable } from './lanes.js';
import { roundingShift } from './lanes.js';

/** x = n ln 2 + r: `shifted` is roundingShift + n, `high − low` is r before rounding. */
function reduce(v: Lanes, x: Operand): { shifted: Variable; n: Variable; high: Variable; low: Variable } {
  const shifted = v.add(v.mul(x, Math.LOG2E), roundingShift);
  const n = v.sub(shifted, roundingShift);
  return { shifted, n, high: v.sub(x, v.mul(n, ln2High)), low: v.mul(n, ln2Low) };
}

/**
 * mantissa · 2ⁿ in two factors, so that the result may overflow, or underflow gradually, with one rounding. |n| ≤
 * 2000.
 */
function scale(v: Lanes, mantissa: Operand, n: Variable): Variable {
  const halfShifted = v.add(v.mul(n, 0.5), roundingShift);
  const rest = v.sub(n, v.sub(halfShifted, roundingShift));
  return v.mul(v.mul(mantissa, v.powerOfTwo(halfShifted)), v.powerOfTwo(v.add(rest, roundingShift)));
}

/** Beyond these limits exp is 0 or Infinity. */
function clamp(v: Lanes, x: Operand): Variable {
  return v.min(v.max(x, -746), 710);
}

/**
 * exp(x); largest measured error 0.89 ulp. NaN stays, overflow gives Infinity, underflow goes through the denormals to
 * 0.
 */
export function emitExp(v: Lanes, x: Operand): Variable {
  const { n, high, low } = reduce(v, clamp(v, x));
  const r = v.sub(high, low);
  const mantissa = v.add(1, v.add(r, v.mul(v.mul(r, r), v.polynomial(expTail, r))));
  return scale(v, mantissa, n);
}

/** exp(x + tail) for |tail| ≤ ulp(x): what an exact argument gives, rounded once. */
export function emitExpOfSum(v: Lanes, x: Operand, tail: Operand): Variable {
  const clamped = clamp(v, x);
  const { n, high, low } = reduce(v, clamped);
  const correction = v.sub(v.and(tail, v.equal(clamped, x)), low);
  const r = v.add(high, correction);
  const rest = v.sub(correction, v.sub(r, high));
  const one = v.add(1, r);
  const lost = v.sub(r, v.sub(one, 1));
  const square = v.mul(v.mul(r, r), v.polynomial(expTail, r));
  return scale(v, v.add(one, v.add(lost, v.add(square, v.mul(rest, one)))), n);
}

/** exp(x) − 1; largest measured error 1.26 ulp. */
export function emitExpm1(v: Lanes, x: Operand): Variable {
  const { n, high, low } = reduce(v, v.min(v.max(x, -60), 710));
  const r = v.sub(high, low);
  const rest = v.sub(v.sub(high, r), low);
  const tail = v.add(v.mul(v.mul(r, r), v.polynomial(expTail, r)), rest);
  // 2ⁿ (expm1(r) + 1) − 1 with half of everything, so that n = 1024 does not overflow early.
  const half = v.powerOfTwo(v.add(n, roundingShift - 1));
  const direct = v.add(r, tail);
  const scaled = v.mul(2, v.add(v.sub(half, 0.5), v.mul(half, direct)));
  return v.select(v.equal(n, 0), v.select(v.equal(x, 0), x, direct), scaled);
}

/** 1/(1 + exp(−x)); largest measured error 1.85 ulp. */
export function emitSigmoid(v: Lanes, x: Operand, exp: number): Variable {
  const e = v.call(exp, v.neg(v.abs(x)));
  return v.div(v.select(v.less(x, 0), e, 1), v.add(1, e));
}

/** tanh(x) = −e/(2 + e) with e = expm1(−2|x|); largest measured error 2.49 ulp. */
export function emitTanh(v: Lanes, x: Operand, expm1: number): Variable {
  const e = v.call(expm1, v.mul(v.abs(x), -2));
  return v.copySign(v.div(e, v.add(2, e)), x);
}
