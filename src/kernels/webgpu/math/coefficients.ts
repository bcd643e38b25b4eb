// f32 polynomial coefficients of the WGSL functions, constant term first; made by scripts/golden/wgsl_coefficients.py.

/** (eʳ − 1 − r)/r² in r, |r| ≤ 0.4. Relative error of the function: 2^-31.6. */
export const expTail: readonly number[] = [0.5, 0.16666664, 0.041666303, 0.008333767, 0.0013950596, 0.00019704165];

/** (eʳ − 1 − r)/r² in r, |r| ≤ 0.35. Relative error of the function: 2^-31.0. */
export const expm1Tail: readonly number[] = [0.5, 0.16666666, 0.041666485, 0.008333542, 0.0013933225, 0.00019766072];

/** (log(1 + f) − f)/f² in f, −¼ ≤ f ≤ ½. Relative error of the function: 2^-32.7. */
export const logTail: readonly number[] = [
  -0.5, 0.3333333, -0.2500002, 0.20000322, -0.16665623, 0.14270212, -0.1249873, 0.11382285, -0.10552307, 0.080304265,
  -0.031704463,
];

/** (log((1+s)/(1−s)) − 2s − 2s³/3)/s⁵ in z = s², |s| ≤ 1/5. Relative error of the function: 2^-40.3. */
export const logSecondTail: readonly number[] = [0.39999995, 0.28572467, 0.22155535, 0.19920714];

/** (sin x − x)/x³ in x², |x| ≤ 0.8. Relative error of the function: 2^-32.5. */
export const sinTail: readonly number[] = [-0.16666667, 0.0083333785, -0.00019852484, 2.8247205e-6];

/** (cos x − 1 + x²/2)/x⁴ in x², |x| ≤ 0.8. Relative error of the function: 2^-32.9. */
export const cosTail: readonly number[] = [0.041666646, -0.0013887291, 2.4428646e-5];

/** (asin x − x)/x³ in x², |x| ≤ ½. Relative error of the function: 2^-31.7. */
export const asinTail: readonly number[] = [0.1666666, 0.075005196, 0.044514194, 0.031829413, 0.014360783, 0.03762079];

/** (atan x − x)/x³ in x², |x| ≤ 0.55. Relative error of the function: 2^-33.6. */
export const atanTail: readonly number[] = [
  -0.3333333, 0.1999984, -0.14281286, 0.11052514, -0.08666776, 0.05926385, -0.024138577,
];

/** (sinh x − x)/x³ in x², |x| ≤ 1. Relative error of the function: 2^-31.5. */
export const sinhTail: readonly number[] = [0.16666667, 0.008333311, 0.00019842635, 2.7839255e-6];

/** (tanh x − x)/x³ in x², |x| ≤ 0.6. Relative error of the function: 2^-33.0. */
export const tanhTail: readonly number[] = [
  -0.3333333, 0.1333323, -0.05395008, 0.021720594, -0.008230878, 0.0021959436,
];

/** (atanh x − x)/x³ in x², |x| ≤ ½. Relative error of the function: 2^-32.8. */
export const atanhTail: readonly number[] = [
  0.33333337, 0.19999623, 0.1429774, 0.10930681, 0.105146006, 0.017310701, 0.18467124,
];

/** (asinh x − x)/x³ in x², |x| ≤ ½. Relative error of the function: 2^-33.9. */
export const asinhTail: readonly number[] = [
  -0.16666666, 0.07499907, -0.044616096, 0.03003356, -0.02004949, 0.009256393,
];

/** erf(x)/x − 1 in x², |x| ≤ 1. Relative error of the function: 2^-29.6. */
export const erfTail: readonly number[] = [
  0.12837917, -0.3761263, 0.11283618, -0.026855126, 0.005190734, -0.00080307614, 7.920368e-5,
];

/** ((d + e a) exp(a²/2) Φ(−a) − d/2)/(t + 1), d = millsStart, e = millsSlope, in t = (a − c)/(a + c), a ≥ 0, c = millsCentre. Relative error of the function: 2^-29.5. */
export const millsTail: readonly number[] = [
  0.12258294, -0.2782361, 0.25230667, -0.14777818, 0.055112083, -0.008530538, -0.0029822888, 0.001654328, 8.784938e-5,
  -0.000216822, 3.556429e-6, 1.9898973e-5,
];

export const millsStart = 1.96875;
export const millsSlope = 2.4375;
export const millsCentre = 3.97015380859375;

/** log((2 + 2 e a) exp(a²/2) Φ(−a))/(t + 1), e = logMillsSlope, in t = (a − c)/(a + c), a ≥ 0, c = logMillsCentre. Relative error of the function: 2^-29.1. */
export const logMills: readonly number[] = [
  0.20476976, -0.31739005, 0.26670942, -0.16444021, 0.08395012, -0.04308915, 0.025899565, -0.015752211, 0.015347553,
  -0.015448618, -0.008932498, 0.011963745, 0.026957951, -0.013600662, -0.022871094, 0.003059384, 0.009304642,
];

export const logMillsSlope = 1.375;
export const logMillsCentre = 4.00555419921875;

/** logGamma(x)/((x − 1)(x − 2)) in x − logGammaCentre, 0.7 ≤ x ≤ 2.8. Relative error of the function: 2^-29.9. */
export const logGammaCentral: readonly number[] = [
  0.44438812, -0.11525088, 0.041840535, -0.017430192, 0.007812894, -0.0036596982, 0.0017580596, -0.000872434,
  0.00046720312, -0.0002088773, 3.7987294e-5, -7.873856e-5, 0.00012342351, 6.3991674e-6, -5.4844957e-5, -1.4946356e-5,
  2.0823558e-5,
];

export const logGammaCentre = 1.79901123046875;

/** x (logGamma(x) − (x − ½)(log x − 1) − (log 2π − 1)/2) in 1/x², x ≥ 3.8. Relative error of the function: 2^-32.7. */
export const logGammaStirling: readonly number[] = [0.08333329, -0.002774561, 0.0007184359];

/** digamma(x)/(x − x₀) in x − digammaCentre, 1 ≤ x ≤ 3, x₀ the positive root. Relative error of the function: 2^-30.6. */
export const digammaCentral: readonly number[] = [
  0.7708041, -0.24879009, 0.10097087, -0.04455862, 0.020472053, -0.0096103465, 0.004575625, -0.00221695, 0.0010477226,
  -0.0004422238, 0.00026877472, -0.00022446322, 2.950861e-5, 5.586839e-5, 3.2081894e-5, -3.649896e-5,
];

export const digammaCentre = 2.05694580078125;

/** x² (log x − 1/(2x) − digamma(x)) in 1/x², x ≥ 3. Relative error of the function: 2^-33.2. */
export const digammaAsymptotic: readonly number[] = [0.083333276, -0.008328735, 0.003844841, -0.0027315917];

/** trigamma(1 + x) in x − trigammaCentre, 0 ≤ x ≤ 2.5. Relative error of the function: 2^-29.3. */
export const trigammaCentral: readonly number[] = [
  0.56368405, -0.31056604, 0.16767447, -0.08891928, 0.046413306, -0.023895767, 0.0121729635, -0.006119959, 0.0029780217,
  -0.0014666108, 0.0008522671, -0.00044934882, 8.52377e-5, 9.0558015e-6, 6.35404e-5, -6.203467e-5, 1.5609126e-5,
];

export const trigammaCentre = 1.22930908203125;

/** x³ (trigamma(x) − 1/x − 1/(2x²)) in 1/x², x ≥ 2.5. Relative error of the function: 2^-31.2. */
export const trigammaAsymptotic: readonly number[] = [0.16666654, -0.033320624, 0.023396261, -0.027109375, 0.025634862];

/** The positive root of digamma, in two parts. */
export const digammaRootHigh = 1.4616321;
export const digammaRootLow = 1.243815e-8;

/** π/2 in parts; n times each but the last is exact for |n| ≤ 2¹⁶. */
export const halfPiParts: readonly number[] = [
  1.5703125, 0.0004825592041015625, 1.2665987014770508e-6, 9.89530235528946e-10, 2.5633440682570896e-12,
];
