// The error function and the normal distribution function in WGSL.
import {
  erfTail,
  logMills,
  logMillsCentre,
  logMillsSlope,
  millsCentre,
  millsSlope,
  millsStart,
  millsTail,
} from './coefficients.js';
import { polynomial, type Templates } from './template.js';

export const normalFunctions: Templates = {
  /** exp(a²/2) Φ(−a) for a ≥ 0, by one polynomial over the whole half line. */
  mills: `fn @mills(a: T) -> T {
  let u = a / (a + ${millsCentre});
  let t = 2.0 * u - 1.0;
  return ((2.0 * u) * ${polynomial(millsTail, 't')} + ${millsStart / 2}) / fma(a, T(${millsSlope}), T(${millsStart}));
}`,
  /** factor exp(−scale a²) for 0 ≤ scale a² ≤ 104: the square in two parts, the first exact. */
  timesExpMinusSquare: `fn @timesExpMinusSquare(factor: T, a: T, scale: f32) -> T {
  let high = @upperHalf(a);
  return @expOfSum(-scale * (high * high), -scale * ((a - high) * (a + high)), 0, factor);
}`,
  /** Φ(−a) for a ≥ 0. */
  normalTail: `fn @normalTail(a: T) -> T {
  let b = min(a, T(14.4));
  return @timesExpMinusSquare(@mills(b), b, 0.5);
}`,
  /** 3.4 ulp in both tails, down to the subnormal numbers (x ≈ −12.9). */
  normalCdf: `fn @normalCdf(x: T) -> T {
  let tail = @normalTail(abs(x));
  return @keepNaN(select(tail, 1.0 - tail, x > T(0.0)), x);
}`,
  /** 4.0 ulp for x > 0, where it is log1p(−Φ(−x)), and 1.8 ulp for x ≤ 0: the sum of three negative terms: log(mills (1 + e a)), −log1p(e a), −a²/2, e = 1.375. */
  normalLogCdf: `fn @normalLogCdf(x: T) -> T {
  let a = abs(x);
  let b = min(a, T(1e30));
  let u = b / (b + ${logMillsCentre});
  let t = 2.0 * u - 1.0;
  let numerator = (2.0 * u) * ${polynomial(logMills, 't')} - ${Math.LN2};
  let isRight = x > T(0.0);
  let log = @log1p(select(${logMillsSlope} * a, -@normalTail(a), isRight));
  return @keepNaN(select((numerator - log) - 0.5 * (a * a), log, isRight), x);
}`,
  /** 1.21 ulp. */
  erf: `fn @erf(x: T) -> T {
  let square = x * x;
  let small = x * ${polynomial(erfTail, 'square')} + x;
  let z = min(abs(x), T(5.0));
  let large = 1.0 - 2.0 * @timesExpMinusSquare(@mills(z * ${Math.SQRT2}), z, 1.0);
  return @keepNaN(select(@withSign(large, x), small, z < T(1.0)), x);
}`,
};
