// exp and its relatives in WGSL.
import { expm1Tail, expTail, sinhTail, tanhTail } from './coefficients.js';
import { polynomial, type Templates } from './template.js';

/** ln 2 in two parts; n·ln2High is exact for |n| ≤ 2⁸. */
export const ln2High = 0.693145751953125;
export const ln2Low = 1.428606765330187e-6;

const log2e = 1.4426950408889634;

/** x = n ln 2 + r, as `n` and `r`. */
const reduce = `let n = round(x * ${log2e});
  let r = fma(n, T(-${ln2Low}), fma(n, T(-${ln2High}), x));`;

export const exponentialFunctions: Templates = {
  powerOfTwo: `fn @powerOfTwo(n: I) -> T { return bitcast<T>((n + I(127)) << U(23u)); }`,
  /**
   * 2^shift factor exp(x + tail) for −104 ≤ x ≤ 89, |tail| ≤ 0.05, 0.01 < factor ≤ 1. The power of two is added to
   * the bits, so that no compiler can multiply two powers beyond the range; what is subnormal becomes 0.
   */
  expOfSum: `fn @expOfSum(x: T, tail: T, shift: i32, factor: T) -> T {
  ${reduce}
  let s = r + tail;
  let mantissa = bitcast<I>(factor * ((s * s) * ${polynomial(expTail, 's')} + s) + factor);
  let power = I(n) + I(shift);
  let exponent = (mantissa >> U(23u)) + power;
  let bits = bitcast<U>(mantissa + (power << U(23u)));
  return bitcast<T>(select(select(bits, U(0u), exponent < I(1)), U(0x7f800000u), exponent > I(254)));
}`,
  /** 0.97 ulp. */
  exp: `fn @exp(x: T) -> T { return @keepNaN(@expOfSum(clamp(x, T(-104.0), T(89.0)), T(0.0), 0, T(1.0)), x); }`,
  /** 1.24 ulp. 2ⁿ (expm1(r) + 1) − 1 with half of everything, so that n = 128 does not overflow early. */
  expm1: `fn @expm1(argument: T) -> T {
  let x = clamp(argument, T(-20.0), T(89.0));
  ${reduce}
  let half = @powerOfTwo(I(n) - I(1));
  let tail = (r * r) * ${polynomial(expm1Tail, 'r')};
  let result = select(2.0 * (half * tail + (half * r + (half - 0.5))), tail + r, n == T(0.0));
  return @patch(result, bitcast<U>(argument), (abs(argument) < T(5e-8)) | @isNotNumber(argument));
}`,
  /** 2.34 ulp. */
  sigmoid: `fn @sigmoid(x: T) -> T {
  let e = @exp(-abs(x));
  return select(T(1.0), e, x < T(0.0)) / (1.0 + e);
}`,
  /** 1.66 ulp. max(x, 0) + log1p(exp(−|x|)) */
  softplus: `fn @softplus(x: T) -> T { return max(x, T(0.0)) + @log1p(@exp(-abs(x))); }`,
  /** 1.34 ulp. */
  tanh: `fn @tanh(x: T) -> T {
  let square = x * x;
  let small = (x * square) * ${polynomial(tanhTail, 'square')} + x;
  let large = 1.0 - 2.0 / (1.0 + @exp(2.0 * min(abs(x), T(10.0))));
  return @keepNaN(@withSign(select(large, small, abs(x) < T(0.6)), x), x);
}`,
  /** ½ exp(|x|), which overflows where sinh and cosh do. */
  halfExp: `fn @halfExp(x: T) -> T { return @expOfSum(min(abs(x), T(90.0)), T(0.0), -1, T(1.0)); }`,
  /** 1.57 ulp. */
  sinh: `fn @sinh(x: T) -> T {
  let square = x * x;
  let small = (x * square) * ${polynomial(sinhTail, 'square')} + x;
  let e = @halfExp(x);
  return @keepNaN(@withSign(select(e - 0.25 / e, small, abs(x) < T(1.0)), x), x);
}`,
  /** 1.39 ulp. */
  cosh: `fn @cosh(x: T) -> T {
  let e = @halfExp(x);
  return @keepNaN(e + 0.25 / e, x);
}`,
};
