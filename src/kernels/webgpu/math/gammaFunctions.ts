// logGamma and its derivatives in WGSL.
import {
  digammaAsymptotic,
  digammaCentral,
  digammaCentre,
  digammaRootHigh,
  digammaRootLow,
  logGammaCentral,
  logGammaCentre,
  logGammaStirling,
  trigammaAsymptotic,
  trigammaCentral,
  trigammaCentre,
} from './coefficients.js';
import { literal, polynomial, type Templates } from './template.js';

/** (log 2π − 1)/2 */
const stirlingConstant = 0.4189385332046727;
const stirlingConstantHigh = Math.fround(stirlingConstant);
const logPi = Math.log(Math.PI);

/** For x < 0: `sine` and `cosine` are |sin πx| and |cos πx|, `fraction` is x − round(x). */
const reflect = `let isNegative = x < T(0.0);
  let fraction = x - round(x);
  let distance = abs(fraction);
  let isFar = distance > T(0.25);
  let angle = ${Math.PI} * select(distance, 0.5 - distance, isFar);
  let sineOfAngle = @sineNearZero(angle, T(0.0));
  let cosineOfAngle = @cosineNearZero(angle, T(0.0));
  let sine = select(sineOfAngle, cosineOfAngle, isFar);
  let cosine = select(cosineOfAngle, sineOfAngle, isFar);
  let isPole = isNegative & (fraction == T(0.0));
  let u = select(x, 1.0 - x, isNegative);`;

export const gammaFunctions: Templates = {
  /** x > 0: (x − 1)(x − 2) times a polynomial for 0.7 ≤ x ≤ 2.8, one step of the recurrence beside it, Stirling's formula from 3.8 on. */
  logGammaPositive: `fn @logGammaPositive(x: T) -> T {
  let isBelow = x < T(0.7);
  let isAbove = x > T(2.8);
  let isFar = x > T(3.8);
  let near = min(x, T(4.0));
  let y = select(select(near, near + 1.0, isBelow), near - 1.0, isAbove);
  let v = y - ${logGammaCentre};
  let zeros = select((y - 1.0) * (y - 2.0), x * (x - 1.0), isBelow);
  let central = zeros * ${polynomial(logGammaCentral, 'v')};
  let log = @logPlus(select(x, x - 1.0, isAbove & !isFar), select(T(0.0), T(-1.0), isFar));
  let inverse = 1.0 / x;
  let square = inverse * inverse;
  // x log added to something that varies as much as its last digits: a constant would be rounded one way.
  // fma, because optimisers merge two added constants.
  let series = fma(inverse, ${polynomial(logGammaStirling, 'square')}, T(${literal(stirlingConstant - stirlingConstantHigh)})) + ${stirlingConstantHigh};
  let stirling = x * log + (series - 0.5 * log);
  let step = select(select(central, central - log, isBelow), central + log, isAbove);
  return @infinityWhere(select(step, stirling, isFar), @magnitude(x) == U(0x7f800000u));
}`,
  /**
   * 3.6 ulp for x > 0, also near the zeros at 1 and 2. x < 0: within 5e-7 · (1 + |f(x)| + |f(1 − x)|), by reflection;
   * poles give infinity.
   */
  logGamma: `fn @logGamma(x: T) -> T {
  ${reflect}
  let positive = @logGammaPositive(u);
  let result = select(positive, ${logPi} - @logPlus(sine, T(0.0)) - positive, isNegative);
  return @keepNaN(@infinityWhere(result, isPole | ((bitcast<U>(x) & U(0x7fffffffu)) == U(0u)) | (@magnitude(x) == U(0x7f800000u))), x);
}`,
  /** x > 0: (x − x₀) times a polynomial for 1 ≤ x ≤ 3, one step of the recurrence below, the asymptotic series above. */
  digammaPositive: `fn @digammaPositive(x: T) -> T {
  let isBelow = x < T(1.0);
  let inverse = 1.0 / x;
  let square = inverse * inverse;
  let near = min(x, T(3.0));
  let v = select(near, near + 1.0, isBelow) - ${digammaCentre};
  let fromRoot = (near - select(T(${digammaRootHigh}), T(${Math.fround(digammaRootHigh) - 1}), isBelow)) - ${digammaRootLow};
  let central = fromRoot * ${polynomial(digammaCentral, 'v')};
  let series = @logPlus(x, T(0.0)) - (square * ${polynomial(digammaAsymptotic, 'square')} + 0.5 * inverse);
  return select(select(central, central - inverse, isBelow), series, x > T(3.0));
}`,
  /**
   * 2.25 ulp for x > 0, also near the root 1.4616…. x < 0: within 5e-7 · (1 + |f(x)| + |f(1 − x)|), by reflection; poles
   * give NaN, ±0 gives ∓infinity.
   */
  digamma: `fn @digamma(x: T) -> T {
  ${reflect}
  let positive = @digammaPositive(u);
  let cotangent = ${Math.PI} * cosine / sine;
  let result = select(positive, positive - @withSign(cotangent, fraction), isNegative);
  let magnitude = @magnitude(x);
  let atZero = @patch(@nanWhere(result, isPole), (~bitcast<U>(x) & U(0x80000000u)) | U(0x7f800000u), magnitude == U(0u));
  let isNan = (magnitude > U(0x7f800000u)) | (bitcast<U>(x) == U(0xff800000u));
  return @nanWhere(@patch(atZero, U(0x7f800000u), bitcast<U>(x) == U(0x7f800000u)), isNan);
}`,
  /** x > 0: 1/x² and a polynomial for trigamma(1 + x) up to 2.5, the asymptotic series above. */
  trigammaPositive: `fn @trigammaPositive(x: T) -> T {
  let inverse = 1.0 / x;
  let square = inverse * inverse;
  let v = min(x, T(2.5)) - ${trigammaCentre};
  let central = square + ${polynomial(trigammaCentral, 'v')};
  let series = inverse + square * (inverse * ${polynomial(trigammaAsymptotic, 'square')} + 0.5);
  return select(central, series, x > T(2.5));
}`,
  /** 2.4 ulp for x > 0. x < 0: 7 ulp, mean error 4e-8, by reflection; poles give infinity. */
  trigamma: `fn @trigamma(x: T) -> T {
  ${reflect}
  let positive = @trigammaPositive(u);
  let cosecant = ${Math.PI} / sine;
  let result = select(positive, cosecant * cosecant - positive, isNegative);
  let magnitude = @magnitude(x);
  let isNan = (magnitude > U(0x7f800000u)) | (bitcast<U>(x) == U(0xff800000u));
  return @nanWhere(@infinityWhere(result, isPole | (magnitude == U(0u))), isNan);
}`,
};
