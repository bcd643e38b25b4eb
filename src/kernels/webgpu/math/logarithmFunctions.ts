// log and its relatives in WGSL.
import { asinhTail, atanhTail, logTail } from './coefficients.js';
import { ln2High, ln2Low } from './exponentialFunctions.js';
import { polynomial, type Templates } from './template.js';

/**
 * |x| = 2ᵏ (1 + f) with ¾ ≤ 1 + f < 1½, as `k` and `f`. The bits of a subnormal number, taken as an integer, are the
 * number times 2¹⁴⁹, which no hardware flushes to zero.
 */
export const splitBinade = `let xBits = @magnitude(x);
  let subnormal = xBits < U(0x00800000u);
  let bits = select(xBits, bitcast<U>(T(xBits)), subnormal);
  let exponent = (bits - U(0x3f400000u)) & U(0xff800000u);
  let f = bitcast<T>(bits - exponent) - 1.0;
  let k = T(bitcast<I>(exponent) >> U(23u)) - select(T(0.0), T(149.0), subnormal);`;

export const logarithmFunctions: Templates = {
  /** k ln 2 + log(1 + f) + offset, where the offset has few bits. */
  logOfParts: `fn @logOfParts(k: T, f: T, offset: T) -> T {
  let tail = (f * f) * ${polynomial(logTail, 'f')};
  return fma(k, T(${ln2High}), offset) + (fma(k, T(${ln2Low}), tail) + f);
}`,
  /** log(x) + offset for 0 < x < ∞. */
  logPlus: `fn @logPlus(x: T, offset: T) -> T {
  ${splitBinade}
  return @logOfParts(k, f, offset);
}`,
  /** Of the logarithm of u: −∞ at 0, NaN below, and infinity and NaN themselves. */
  logSpecial: `fn @logSpecial(r: T, u: T) -> T {
  let bits = bitcast<U>(u);
  let special = select(select(U(0x7fc00000u), bits, bits < U(0x80000000u)), U(0xff800000u), (bits & U(0x7fffffffu)) == U(0u));
  return @patch(r, special, (bits >= U(0x7f800000u)) | (bits == U(0u)));
}`,
  /** 0.89 ulp, subnormal arguments included. */
  log: `fn @log(x: T) -> T { return @logSpecial(@logPlus(x, T(0.0)), x); }`,
  /** 0.88 ulp. 1 + x = 2ᵏ (1 + f), f = 2⁻ᵏ x + (2⁻ᵏ − 1): nothing of x is lost. */
  log1p: `fn @log1p(x: T) -> T {
  let u = 1.0 + x;
  let exponent = (bitcast<U>(u) - U(0x3f400000u)) & U(0xff800000u);
  let scaled = bitcast<T>(bitcast<U>(x) - exponent);
  let f = scaled + fma(bitcast<T>(U(0x40800000u) - exponent), T(0.25), T(-1.0));
  let k = T(bitcast<I>(exponent) >> U(23u));
  let result = @logSpecial(@logOfParts(k, f, T(0.0)), u);
  return @patch(result, bitcast<U>(x), (abs(x) < T(3e-8)) | @isNotNumber(x));
}`,
  /** 1.67 ulp; mean error 1e-8 beyond 1e18. */
  asinh: `fn @asinh(x: T) -> T {
  let a = abs(x);
  let square = x * x;
  let small = (x * square) * ${polynomial(asinhTail, 'square')} + x;
  let huge = a > T(1e18);
  let b = min(a, T(1e18));
  let large = @log1p(select(b + (b * b) / (1.0 + sqrt(1.0 + b * b)), a, huge)) + select(T(0.0), T(${Math.LN2}), huge);
  return @keepNaN(@withSign(select(large, small, a < T(0.5)), x), x);
}`,
  /** 2.41 ulp; mean error 1e-8 beyond 1e18. */
  acosh: `fn @acosh(x: T) -> T {
  let huge = x > T(1e18);
  let t = clamp(x, T(1.0), T(1e18)) - 1.0;
  let result = @log1p(select(t + sqrt(t * (t + 2.0)), x, huge)) + select(T(0.0), T(${Math.LN2}), huge);
  return @keepNaN(@nanWhere(result, x < T(1.0)), x);
}`,
  /** 1.05 ulp. */
  atanh: `fn @atanh(x: T) -> T {
  let a = abs(x);
  let square = x * x;
  let small = (x * square) * ${polynomial(atanhTail, 'square')} + x;
  let b = min(a, T(0.99999994));
  let large = @infinityWhere(0.5 * @log1p((2.0 * b) / (1.0 - b)), a == T(1.0));
  return @keepNaN(@nanWhere(@withSign(select(large, small, a < T(0.5)), x), a > T(1.0)), x);
}`,
};
