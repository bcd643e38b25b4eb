// pow in WGSL: exp(y log x) with the logarithm and the product carried in two numbers each.
import { logSecondTail } from './coefficients.js';
import { ln2High, ln2Low } from './exponentialFunctions.js';
import { splitBinade } from './logarithmFunctions.js';
import { polynomial, type Templates } from './template.js';

/** 2/3 rounded to f32 and the rest. */
const twoThirds = Math.fround(2 / 3);
const twoThirdsRest = 2 / 3 - twoThirds;

export const powerFunctions: Templates = {
  /**
   * 1.15 ulp, with the special values of Math.pow.
   *
   * log(1 + f) = 2s + ⅔s³ + s⁵ T(s²) with s = f/(2 + f); every leading term as a sum high + low whose high part has its
   * last bit cleared, so that no compiler can merge the operations that the low part depends on.
   */
  pow: `fn @pow(x: T, y: T) -> T {
  ${splitBinade}
  let denominator = @cut(2.0 + f);
  let denominatorRest = f - (denominator - 2.0);
  let s = @cut(f / denominator);
  let back = @cut(s * denominator);
  let sRest = (((f - back) - @productError(back, s, denominator)) - s * denominatorRest) / denominator;
  let z = @cut(s * s);
  let zRest = @productError(z, s, s) + 2.0 * s * sRest;
  let cube = @cut(s * z);
  let cubeRest = @productError(cube, s, z) + (s * zRest + sRest * z);
  let cubic = @cut(cube * ${twoThirds});
  let cubicRest = @productError(cubic, cube, T(${twoThirds})) + (cube * ${twoThirdsRest} + cubeRest * ${twoThirds});
  let fraction = @cut(2.0 * s + cubic);
  let fractionRest = (cubic - (fraction - 2.0 * s)) + (cubicRest + (2.0 * sRest + (cube * z) * ${polynomial(logSecondTail, 'z')}));
  let whole = k * ${ln2High};
  let log = @cut(whole + fraction);
  let logRest = (fraction - (log - whole)) + (fractionRest + k * ${ln2Low});

  let exponentY = clamp(y, T(-8589934592.0), T(8589934592.0));
  let product = @cut(log * exponentY);
  let productRest = @productError(product, log, exponentY) + logRest * exponentY;
  let argument = clamp(product, T(-104.0), T(89.0));
  let ordinary = @expOfSum(argument, select(T(0.0), productRest, argument == product), 0, T(1.0));

  let yBits = @magnitude(y);
  let isWhole = (yBits >= U(0x4b800000u)) | (floor(y) == y);
  let isOdd = isWhole & (yBits < U(0x4b800000u)) & ((I(clamp(y, T(-16777216.0), T(16777216.0))) & I(1)) == I(1));
  let isZero = xBits == U(0u);
  let isInfinite = xBits == U(0x7f800000u);
  let isNegative = bitcast<U>(x) >= U(0x80000000u);
  let vanishes = (isZero & (y > T(0.0))) | (isInfinite & (y < T(0.0)));
  let explodes = (isZero & (y < T(0.0))) | (isInfinite & (y > T(0.0)));
  let size = @infinityWhere(@patch(ordinary, U(0u), vanishes), explodes);
  let signed = bitcast<T>(bitcast<U>(size) | select(U(0u), U(0x80000000u), isOdd & isNegative));
  let isUndefined = @isNotNumber(x) | @isNotNumber(y) | (isNegative & !isWhole & !isZero & !isInfinite) |
    ((xBits == U(0x3f800000u)) & (yBits == U(0x7f800000u)));
  return @patch(@nanWhere(signed, isUndefined), U(0x3f800000u), yBits == U(0u));
}`,
};
