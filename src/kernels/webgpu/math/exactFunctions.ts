// WGSL functions that are exact: whatever the built-in ones leave open for NaN and infinity is settled by integer arithmetic.
import type { Templates } from './template.js';

/**
 * WGSL compilers may assume that there is no NaN and no infinity, so both are recognised and made by their bits. What
 * is not finite in the source of a shader is an error, so they are made at run time.
 *
 * - min, max: NaN when either argument is NaN, −0 < +0.
 * - round: half to even. mod: a − b ⌊a/b⌋ with the sign of b, correct to one rounding for |a/b| < 2²⁴; NaN when a is
 *   infinite or b is 0 or infinite.
 * - isNaN: 1 or 0.
 */
export const exactFunctions: Templates = {
  infinity: `fn @infinity() -> T { var bits = 0x7f800000u; return T(bitcast<f32>(bits)); }`,
  nan: `fn @nan() -> T { var bits = 0x7fc00000u; return T(bitcast<f32>(bits)); }`,
  magnitude: `fn @magnitude(x: T) -> U { return bitcast<U>(x) & U(0x7fffffffu); }`,
  isNotNumber: `fn @isNotNumber(x: T) -> B { return @magnitude(x) > U(0x7f800000u); }`,
  /** r, or the number with the given bits. */
  patch: `fn @patch(r: T, bits: U, condition: B) -> T { return bitcast<T>(select(bitcast<U>(r), bits, condition)); }`,
  nanWhere: `fn @nanWhere(r: T, condition: B) -> T { return @patch(r, U(0x7fc00000u), condition); }`,
  infinityWhere: `fn @infinityWhere(r: T, condition: B) -> T { return @patch(r, U(0x7f800000u), condition); }`,
  /** r, or x where x is NaN. */
  keepNaN: `fn @keepNaN(r: T, x: T) -> T { return @patch(r, bitcast<U>(x), @isNotNumber(x)); }`,
  /** |r| with the sign of x. */
  withSign: `fn @withSign(r: T, x: T) -> T {
  return bitcast<T>(@magnitude(r) | (bitcast<U>(x) & U(0x80000000u)));
}`,
  isNaN: `fn @isNaN(x: T) -> T { return select(T(0.0), T(1.0), @isNotNumber(x)); }`,
  sign: `fn @sign(x: T) -> T {
  let magnitude = @magnitude(x);
  let one = bitcast<T>((bitcast<U>(x) & U(0x80000000u)) | U(0x3f800000u));
  return @patch(one, bitcast<U>(x), (magnitude == U(0u)) | (magnitude > U(0x7f800000u)));
}`,
  round: `fn @round(x: T) -> T { return @patch(@withSign(round(x), x), bitcast<U>(x), @magnitude(x) >= U(0x4b000000u)); }`,
  /** Integers in the order of the numbers. */
  orderKey: `fn @orderKey(x: T) -> I {
  let bits = bitcast<I>(x);
  return bits ^ ((bits >> U(31u)) & I(0x7fffffff));
}`,
  min: `fn @min(a: T, b: T) -> T {
  return @keepNaN(@patch(a, bitcast<U>(b), (@orderKey(b) < @orderKey(a)) | @isNotNumber(b)), a);
}`,
  max: `fn @max(a: T, b: T) -> T {
  return @keepNaN(@patch(a, bitcast<U>(b), (@orderKey(b) > @orderKey(a)) | @isNotNumber(b)), a);
}`,
  /** x with its last bit cleared: no compiler can carry the operation that made x into the next one. */
  cut: `fn @cut(x: T) -> T { return bitcast<T>(bitcast<U>(x) & U(0xfffffffeu)); }`,
  upperHalf: `fn @upperHalf(x: T) -> T { return bitcast<T>(bitcast<U>(x) & U(0xfffff000u)); }`,
  /** a·b − product, where product is a·b but for a few units in the last place (Dekker 1971). */
  productError: `fn @productError(product: T, a: T, b: T) -> T {
  let aHigh = @upperHalf(a);
  let bHigh = @upperHalf(b);
  let aLow = a - aHigh;
  let bLow = b - bHigh;
  return (((aHigh * bHigh - product) + aHigh * bLow) + aLow * bHigh) + aLow * bLow;
}`,
  mod: `fn @mod(dividend: T, divisor: T) -> T {
  // No product overflows.
  let isLarge = max(abs(dividend), abs(divisor)) > T(1e37);
  let a = dividend * select(T(1.0), T(0.00390625), isLarge);
  let b = divisor * select(T(1.0), T(0.00390625), isLarge);
  let quotient = floor(a / b);
  let product = @cut(quotient * b);
  let first = (a - product) - @productError(product, quotient, b);
  // The quotient is one off where the division rounded to an integer.
  let below = (first != T(0.0)) & ((first < T(0.0)) != (b < T(0.0)));
  let second = select(first, first + b, below);
  let r = select(second, second - b, abs(second) >= abs(b));
  let signed = @withSign(r * select(T(1.0), T(256.0), isLarge), b);
  let bad = (@magnitude(dividend) >= U(0x7f800000u)) | (@magnitude(divisor) >= U(0x7f800000u)) | (@magnitude(divisor) == U(0u));
  return @nanWhere(signed, bad);
}`,
};
