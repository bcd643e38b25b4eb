// log and its relatives on pairs of doubles.

import { ln2High, ln2Low, logTail } from './coefficients.js';
import type { Lanes, Operand, Variable } from './lanes.js';

const smallestNormal = 2 ** -1022;
/** Bits of 1 minus the bits of √½ (cut to 20 bits of the mantissa): moves the binade boundary to √½. */
const sqrtHalfBits = 0x3fe6a09en << 32n;
const binadeShift = (0x3ffn << 52n) - sqrtHalfBits;

/** u = 2ᵏ (1 + f) with √½ ≤ 1 + f < √2, for u > 0; denormal u are scaled up first when `denormals` is set. */
export function splitBinade(v: Lanes, u: Operand, denormals: boolean): { k: Variable; f: Variable } {
  const tiny = denormals ? v.less(u, smallestNormal) : undefined;
  const scaled = tiny === undefined ? u : v.mul(u, v.select(tiny, 2 ** 54, 1));
  const shifted = v.addBits(scaled, binadeShift);
  // The exponent under the bits of 2⁵² is the double 2⁵² + exponent.
  const exponent = v.or(v.shiftRight(shifted, 52), 0x433n << 52n);
  const bias = 2 ** 52 + 1023;
  const k = v.sub(exponent, tiny === undefined ? bias : v.select(tiny, bias + 54, bias));
  const f = v.sub(v.addBits(v.and(shifted, (1n << 52n) - 1n), sqrtHalfBits), 1);
  return { k, f };
}

/**
 * log(u) + small for u > 0 (|small| below an ulp of u's binade): f − (f²/2 − s (f²/2 + R)) with s = f/(2 + f), as
 * fdlibm arranges it.
 */
function logOfPositive(v: Lanes, u: Operand, denormals: boolean, small?: Variable): Variable {
  const { k, f } = splitBinade(v, u, denormals);
  const s = v.div(f, v.add(2, f));
  const square = v.mul(s, s);
  const halfSquare = v.mul(v.mul(f, f), 0.5);
  const series = v.mul(s, v.add(halfSquare, v.mul(square, v.polynomial(logTail, square))));
  const low = v.mul(k, ln2Low);
  const rest = v.add(series, small === undefined ? low : v.add(low, small));
  return v.sub(v.mul(k, ln2High), v.sub(v.sub(halfSquare, rest), f));
}

/** Puts right log(u) where u is 0 (−Infinity), Infinity, negative or NaN (NaN). */
function patchSpecial(v: Lanes, u: Variable, result: Variable): Variable {
  const ordinary = v.and(v.less(0, u), v.less(u, Infinity));
  v.whenAny(v.not(ordinary), result, () =>
    v.select(v.equal(u, Infinity), Infinity, v.select(v.equal(u, 0), -Infinity, NaN)),
  );
  return result;
}

/** log(x); largest measured error 0.74 ulp. 0 → −Infinity, negative → NaN, denormals as accurate as the rest. */
export function emitLog(v: Lanes, x: Variable): Variable {
  return patchSpecial(v, x, logOfPositive(v, x, true));
}

/**
 * log(1 + x); largest measured error 0.76 ulp: log of the rounded sum u, plus (what rounding lost)/u. −1 → −Infinity,
 * below → NaN.
 */
export function emitLog1p(v: Lanes, x: Variable): Variable {
  const u = v.add(1, x);
  const lost = v.select(v.less(x, 1), v.sub(x, v.sub(u, 1)), v.sub(1, v.sub(u, x)));
  const result = patchSpecial(v, u, logOfPositive(v, u, false, v.div(lost, u)));
  return v.select(v.equal(x, 0), x, result);
}

/** log(1 + exp x) = max(x, 0) + log1p(exp(−|x|)); largest measured error 1.52 ulp. */
export function emitSoftplus(v: Lanes, x: Variable, exp: number, log1p: number): Variable {
  return v.add(v.max(x, 0), v.call(log1p, v.call(exp, v.neg(v.abs(x)))));
}
