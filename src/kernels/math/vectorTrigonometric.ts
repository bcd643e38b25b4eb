// sin and cos on pairs of doubles.

import { cosTail, halfPiHigh, halfPiLow, halfPiMiddle, sinTail } from './coefficients.js';
import type { Lanes, Variable } from './lanes.js';
import { roundingShift } from './lanes.js';

/** Largest |x| of the three-part reduction: n·halfPiHigh and n·halfPiMiddle are exact up to here and beyond. */
const largestReduced = 1e5;

/**
 * sin (quarterTurns = 0) or cos (quarterTurns = 1); largest measured error 0.75 ulp for |x| ≤ 1e5, by Cody–Waite
 * reduction to |r| ≤ π/4 in two doubles. Larger, infinite and NaN arguments go through the scalar function, lane by
 * lane.
 */
export function emitSinCos(v: Lanes, x: Variable, quarterTurns: 0 | 1, scalar: number): Variable {
  const shifted = v.add(v.mul(x, 2 / Math.PI), roundingShift);
  const n = v.sub(shifted, roundingShift);
  const first = v.sub(x, v.mul(n, halfPiHigh));
  const middle = v.mul(n, halfPiMiddle);
  const second = v.sub(first, middle);
  const correction = v.sub(v.sub(v.sub(first, second), middle), v.mul(n, halfPiLow));
  const r = v.add(second, correction);
  const rest = v.sub(correction, v.sub(r, second));

  const square = v.mul(r, r);
  const halfSquare = v.mul(square, 0.5);
  // sin(r + rest) = r + r³ S + rest (1 − r²/2)
  const sine = v.add(
    r,
    v.add(v.mul(v.mul(r, square), v.polynomial(sinTail, square)), v.mul(rest, v.sub(1, halfSquare))),
  );
  // cos(r + rest) = 1 − r²/2 + r⁴ C − r rest, with the rounding error of 1 − r²/2 put back
  const leading = v.sub(1, halfSquare);
  const lost = v.sub(v.sub(1, leading), halfSquare);
  const cosine = v.add(
    leading,
    v.add(lost, v.sub(v.mul(v.mul(square, square), v.polynomial(cosTail, square)), v.mul(r, rest))),
  );

  const quadrant = v.addBits(shifted, BigInt(quarterTurns));
  const useCosine = v.equalBits(v.and(quadrant, 1n), 1n);
  const flip = v.shiftLeft(v.and(quadrant, 2n), 62);
  const turned = v.xor(v.select(useCosine, cosine, sine), flip);
  const result = quarterTurns === 0 ? v.select(v.equal(x, 0), x, turned) : turned;
  const beyond = v.not(v.less(v.abs(x), largestReduced));
  v.whenAny(beyond, result, () => v.callPerLane(scalar, x));
  return result;
}
