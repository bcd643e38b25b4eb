// Trigonometric functions and their inverses in WGSL.
import { asinTail, atanTail, cosTail, halfPiParts, sinTail } from './coefficients.js';
import { literal, polynomial, type Templates } from './template.js';

/** π/2 as an f32 and the rest. */
const halfPiHigh = Math.fround(Math.PI / 2);
const halfPiLow = Math.PI / 2 - halfPiHigh;

/** π/4 as a number of 21 bits, multiples of which are exact, and the rest. */
const quarterPiHigh = Math.round((Math.PI / 4) * 2 ** 21) / 2 ** 21;
const quarterPiLow = Math.PI / 4 - quarterPiHigh;

/**
 * x = n π/2 + r + rest with |r| ≤ 0.8, as `n`, `r`, `rest`. The first two subtractions are exact for |n| ≤ 2¹⁶; what the
 * next two round away is put back. Beyond, r loses accuracy, and is kept in its interval.
 */
const reduce = `let n = round(x * ${2 / Math.PI});
  let second = fma(n, T(-${halfPiParts[1]}), fma(n, T(-${halfPiParts[0]}), x));
  let third = @cut(fma(n, T(-${halfPiParts[2]}), second));
  let thirdRest = fma(n, T(-${halfPiParts[2]}), second - third);
  let fourth = @cut(fma(n, T(-${halfPiParts[3]}), third));
  let fourthRest = fma(n, T(-${halfPiParts[3]}), third - fourth);
  let low = fma(n, T(-${halfPiParts[4]}), thirdRest + fourthRest);
  let r = clamp(@cut(fourth + low), T(-0.8), T(0.8));
  let rest = select(low - (r - fourth), T(0.0), abs(n) > T(65536.0));`;

export const trigonometricFunctions: Templates = {
  /** sin(r + rest) for |r| ≤ 0.8 */
  sineNearZero: `fn @sineNearZero(r: T, rest: T) -> T {
  let square = r * r;
  return ((r * square) * ${polynomial(sinTail, 'square')} + rest) + r;
}`,
  cosineNearZero: `fn @cosineNearZero(r: T, rest: T) -> T {
  let square = r * r;
  return ((square * square) * ${polynomial(cosTail, 'square')} - (0.5 * square + r * rest)) + 1.0;
}`,
  /** sin(x + turns π/2) */
  sineOfTurned: `fn @sineOfTurned(x: T, turns: i32) -> T {
  ${reduce}
  let quadrant = I(n) + I(turns);
  let size = select(@sineNearZero(r, rest), @cosineNearZero(r, rest), (quadrant & I(1)) == I(1));
  let result = bitcast<T>(bitcast<U>(size) ^ (bitcast<U>(quadrant & I(2)) << U(30u)));
  return @nanWhere(result, @magnitude(x) >= U(0x7f800000u));
}`,
  /** 1.3 ulp for |x| ≤ 1e5; beyond, the error grows until nothing but |sin x| ≤ 1 holds. cos and tan alike. */
  sin: `fn @sin(x: T) -> T { return select(@sineOfTurned(x, 0), x, abs(x) < T(1e-4)); }`,
  /** 1.3 ulp for |x| ≤ 1e5. */
  cos: `fn @cos(x: T) -> T { return @sineOfTurned(x, 1); }`,
  /** 3.05 ulp for |x| ≤ 1e5. */
  tan: `fn @tan(x: T) -> T {
  ${reduce}
  let isOdd = (I(n) & I(1)) == I(1);
  let sine = @sineNearZero(r, rest);
  let cosine = @cosineNearZero(r, rest);
  let result = select(sine, -cosine, isOdd) / select(cosine, sine, isOdd);
  return @nanWhere(select(result, x, abs(x) < T(1e-4)), @magnitude(x) >= U(0x7f800000u));
}`,
  /** asin(x) − x for 0 ≤ x² = square ≤ ¼. */
  asinTail: `fn @asinTail(x: T, square: T) -> T { return (x * square) * ${polynomial(asinTail, 'square')}; }`,
  /** 1.98 ulp. */
  asin: `fn @asin(x: T) -> T {
  let a = abs(x);
  let isLarge = a > T(0.5);
  let square = select(x * x, 0.5 - 0.5 * min(a, T(1.0)), isLarge);
  let b = select(a, sqrt(square), isLarge);
  let tail = @asinTail(b, square);
  let result = select(tail + b, (${halfPiHigh} - 2.0 * b) - (2.0 * tail - ${literal(halfPiLow)}), isLarge);
  return @nanWhere(@withSign(result, x), @magnitude(x) > U(0x3f800000u));
}`,
  /** 1.14 ulp. */
  acos: `fn @acos(x: T) -> T {
  let a = abs(x);
  let isLarge = a > T(0.5);
  let square = select(x * x, 0.5 - 0.5 * min(a, T(1.0)), isLarge);
  let b = select(x, sqrt(square), isLarge);
  let tail = @asinTail(b, square);
  let turned = (${halfPiHigh} - b) - (tail - ${literal(halfPiLow)});
  let result = select(turned, 2.0 * select(turned, tail + b, x > T(0.0)), isLarge);
  return @nanWhere(result, @magnitude(x) > U(0x3f800000u));
}`,
  /** 1.75 ulp; mean error 3e-8 where it is π/2 rounded. */
  atan: `fn @atan(x: T) -> T { return @atan2(x, T(1.0)); }`,
  /** 1.75 ulp. The angle of (larger, smaller) by arctangents of up to 0.55, turned into its octant. */
  atan2: `fn @atan2(y: T, x: T) -> T {
  let infinite = U(0x7f800000u);
  let yBits = @magnitude(y);
  let xBits = @magnitude(x);
  // Infinities count as 1 beside 0, or as 1 and 1.
  let isInfinite = (yBits == infinite) | (xBits == infinite);
  let a = select(abs(y), select(T(0.0), T(1.0), yBits == infinite), isInfinite);
  let b = select(abs(x), select(T(0.0), T(1.0), xBits == infinite), isInfinite);
  let isSteep = a > b;
  let larger = select(b, a, isSteep);
  let scale = select(select(T(1.0), T(16777216.0), larger < T(1e-30)), T(0.25), larger > T(1e38));
  let large = larger * scale;
  let small = select(a, b, isSteep) * scale;
  let isTurned = small > 0.55 * large;
  let denominator = select(large, small + large, isTurned);
  let t = select(small, small - large, isTurned) / select(denominator, T(1.0), denominator == T(0.0));
  let square = t * t;
  let tail = (t * square) * ${polynomial(atanTail, 'square')};
  // ± (t + tail) from a multiple of π/4.
  let octant = select(T(0.0), T(1.0), isTurned);
  let quadrant = select(octant, 2.0 - octant, isSteep);
  let isBehind = bitcast<U>(x) >= U(0x80000000u);
  let turns = select(quadrant, 4.0 - quadrant, isBehind);
  let sign = select(T(1.0), T(-1.0), isSteep != isBehind);
  let half = (turns * ${quarterPiHigh} + sign * t) + (sign * tail + turns * ${literal(quarterPiLow)});
  return @nanWhere(@withSign(half, y), (yBits > infinite) | (xBits > infinite));
}`,
};
