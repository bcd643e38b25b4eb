# Prints the f32 polynomials of src/kernels/webgpu/math/coefficients.ts.
"""Needs mpmath and numpy. Run from the repository root:

    python3 scripts/golden/wgsl_coefficients.py > src/kernels/webgpu/math/coefficients.ts
    npx prettier --write src/kernels/webgpu/math/coefficients.ts

Minimax polynomials by Lawson's reweighted least squares on Chebyshev nodes, in units of the relative error of the function that
they serve. Coefficients are rounded to f32 one after another, constant term first, each time refitting those of higher order,
so that the rounded polynomial is near the best rounded one. The degree is the smallest that reaches the target.
"""
import sys

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
NODES = 400


def lawson(x, y, weight, powers):
    """Coefficients of x**powers that make max |weight (p(x) - y)| small."""
    scale = max(abs(x).max(), 1e-9)
    basis = (x / scale)[:, None] ** np.array(powers)[None, :]
    lam = np.ones(len(x))
    best = None
    for _ in range(60):
        w = weight * np.sqrt(lam)
        c = np.linalg.lstsq(basis * w[:, None], y * w, rcond=None)[0]
        error = abs(weight * (basis @ c - y))
        if best is None or error.max() < best[0]:
            best = (error.max(), c)
        lam = lam * (error + 1e-30)
        lam /= lam.max()
    return best[1] / scale ** np.array(powers, dtype=float)


def fit(name, comment, function, interval, weight, target):
    low, high = interval
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    x[abs(x) < 1e-12] = 1e-12
    y = np.array([float(function(mpf(v))) for v in x])
    w = np.array([float(weight(mpf(v))) for v in x])
    for terms in range(2, 22):
        full = lawson(x, y, w, list(range(terms)))
        if abs(w * (np.polyval(full[::-1], x) - y)).max() > target / 2:
            continue
        rounded, rest = [], y.copy()
        for k in range(terms):
            c = lawson(x, rest, w, list(range(k, terms)))[0]
            rounded.append(np.float32(c))
            rest = rest - float(rounded[-1]) * x**k
        error = abs(w * rest).max()
        if error < target:
            break
    print(f'{name}: {terms} terms, 2^{np.log2(error):.1f}', file=sys.stderr)
    body = ', '.join(repr(float(str(c))) for c in rounded)
    print(f'/** {comment} Relative error of the function: 2^{np.log2(error):.1f}. */')
    print(f'export const {name}: readonly number[] = [{body}];\n')


def mills(a):
    """exp(a^2/2) Phi(-a)"""
    if a < 30:
        return mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2
    tail = mpf(0)
    for k in range(60, 0, -1):
        tail = k / (a + tail)
    return 1 / (a + tail) / mp.sqrt(2 * mp.pi)


def from_half_line(t, centre):
    """a with t = (a - centre)/(a + centre)"""
    return centre * (1 + t) / (1 - t)


def rounds_well(function, near):
    """An f32 close to `near` where the value of `function` is almost an f32, so that a constant term costs nothing."""
    for k in range(4000):
        x = mpf(near) + mpf((k + 1) // 2 * (-1) ** k) / 2**14
        value = function(x)
        if abs(mpf(float(np.float32(float(value)))) / value - 1) < mpf(2) ** -34:
            return x
    raise ValueError('none')


# Numerators between 0.97 and 1 lose least to rounding.
START = mpf(1.96875)
SLOPE = mpf(2.4375)
ONE = mpf(1)
ROOT = mp.findroot(lambda x: mp.digamma(x), 1.46)


def numerator_at(a):
    return (START + SLOPE * a) * mills(a)


CENTRE = rounds_well(lambda a: numerator_at(a) - START / 2, 4)
LOG_SLOPE = mpf(1.375)
LOG_CENTRE = rounds_well(lambda a: mp.log(2 * (1 + LOG_SLOPE * a) * mills(a)), 4)
LOG_GAMMA_CENTRE = rounds_well(lambda x: mp.loggamma(x) / ((x - 1) * (x - 2)), 1.75)
DIGAMMA_CENTRE = rounds_well(lambda x: mp.digamma(x) / (x - ROOT), 2)
TRIGAMMA_CENTRE = rounds_well(lambda x: mp.psi(1, 1 + x), 1.25)


def asymptotic(u, f, smallest):
    """f at x = 1/sqrt(u)"""
    return f(1 / mp.sqrt(max(u, smallest)))


def main():
    tail = mpf(2) ** -30
    t = float(tail)
    print('// f32 polynomial coefficients of the WGSL functions, constant term first; made by scripts/golden/wgsl_coefficients.py.\n')
    fit('expTail', '(eʳ − 1 − r)/r² in r, |r| ≤ 0.4.', lambda r: (mp.expm1(r) - r) / r**2, (-0.4, 0.4), lambda r: r * r / mp.exp(r), t)
    fit('expm1Tail', '(eʳ − 1 − r)/r² in r, |r| ≤ 0.35.', lambda r: (mp.expm1(r) - r) / r**2, (-0.35, 0.35), lambda r: abs(r * r / mp.expm1(r)), t)
    fit('logTail', '(log(1 + f) − f)/f² in f, −¼ ≤ f ≤ ½.', lambda f: (mp.log1p(f) - f) / f**2, (-0.25, 0.5), lambda f: abs(f * f / mp.log1p(f)), t)
    fit(
        'logSecondTail',
        '(log((1+s)/(1−s)) − 2s − 2s³/3)/s⁵ in z = s², |s| ≤ 1/5.',
        lambda z: (2 * mp.atanh(mp.sqrt(z)) - 2 * mp.sqrt(z) - 2 * mp.sqrt(z) ** 3 / 3) / mp.sqrt(z) ** 5,
        (0, 0.0401),
        lambda z: z * z,
        2.0**-36,
    )
    fit('sinTail', '(sin x − x)/x³ in x², |x| ≤ 0.8.', lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 0.64), lambda z: z, t)
    fit('cosTail', '(cos x − 1 + x²/2)/x⁴ in x², |x| ≤ 0.8.', lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, (0, 0.64), lambda z: z * z, t)
    fit('asinTail', '(asin x − x)/x³ in x², |x| ≤ ½.', lambda z: (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 0.2501), lambda z: z, t)
    fit('atanTail', '(atan x − x)/x³ in x², |x| ≤ 0.55.', lambda z: (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 0.3026), lambda z: z, t)
    fit('sinhTail', '(sinh x − x)/x³ in x², |x| ≤ 1.', lambda z: (mp.sinh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 1), lambda z: z, t)
    fit('tanhTail', '(tanh x − x)/x³ in x², |x| ≤ 0.6.', lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 0.361), lambda z: z, t)
    fit('atanhTail', '(atanh x − x)/x³ in x², |x| ≤ ½.', lambda z: (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 0.2501), lambda z: z, t)
    fit('asinhTail', '(asinh x − x)/x³ in x², |x| ≤ ½.', lambda z: (mp.asinh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, 0.2501), lambda z: z, t)
    fit('erfTail', 'erf(x)/x − 1 in x², |x| ≤ 1.', lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, (0, 1), lambda z: ONE, 5 * tail)

    ends = (-1 + 1e-12, 1 - 1e-9)
    numerator = lambda t: numerator_at(from_half_line(t, CENTRE))
    fit(
        'millsTail',
        '((d + e a) exp(a²/2) Φ(−a) − d/2)/(t + 1), d = millsStart, e = millsSlope, in t = (a − c)/(a + c), a ≥ 0, c = millsCentre.',
        lambda t: (numerator(t) - START / 2) / (t + 1),
        ends,
        lambda t: (t + 1) / numerator(t),
        4 * tail,
    )
    print(f'export const millsStart = {float(START)!r};\nexport const millsSlope = {float(SLOPE)!r};')
    print(f'export const millsCentre = {float(CENTRE)!r};\n')
    log_cdf = lambda a: mp.log(mills(a)) - a * a / 2
    fit(
        'logMills',
        'log((2 + 2 e a) exp(a²/2) Φ(−a))/(t + 1), e = logMillsSlope, in t = (a − c)/(a + c), a ≥ 0, c = logMillsCentre.',
        lambda t: mp.log(2 * (1 + LOG_SLOPE * from_half_line(t, LOG_CENTRE)) * mills(from_half_line(t, LOG_CENTRE))) / (t + 1),
        ends,
        lambda t: (t + 1) / abs(log_cdf(from_half_line(t, LOG_CENTRE))),
        4 * tail,
    )
    print(f'export const logMillsSlope = {float(LOG_SLOPE)!r};')
    print(f'export const logMillsCentre = {float(LOG_CENTRE)!r};\n')
    fit('logGammaCentral', 'logGamma(x)/((x − 1)(x − 2)) in x − logGammaCentre, 0.7 ≤ x ≤ 2.8.',
        lambda v: mp.loggamma(v + LOG_GAMMA_CENTRE) / ((v + LOG_GAMMA_CENTRE - 1) * (v + LOG_GAMMA_CENTRE - 2)),
        (float(0.7 - LOG_GAMMA_CENTRE), float(2.8 - LOG_GAMMA_CENTRE)), lambda v: 1 / mpf(0.5), 4 * tail)
    print(f'export const logGammaCentre = {float(LOG_GAMMA_CENTRE)!r};\n')
    constant = (mp.log(2 * mp.pi) - 1) / 2
    fit('logGammaStirling', 'x (logGamma(x) − (x − ½)(log x − 1) − (log 2π − 1)/2) in 1/x², x ≥ 3.8.',
        lambda u: asymptotic(u, lambda x: x * (mp.loggamma(x) - (x - mpf(1) / 2) * (mp.log(x) - 1) - constant), mpf(10) ** -18),
        (0, 1 / 3.79**2), lambda u: asymptotic(u, lambda x: 1 / (x * mp.loggamma(x)), mpf(10) ** -18), t)
    fit('digammaCentral', 'digamma(x)/(x − x₀) in x − digammaCentre, 1 ≤ x ≤ 3, x₀ the positive root.',
        lambda v: mp.digamma(v + DIGAMMA_CENTRE) / (v + DIGAMMA_CENTRE - ROOT),
        (float(1 - DIGAMMA_CENTRE), float(3 - DIGAMMA_CENTRE)), lambda v: ONE, 4 * tail)
    print(f'export const digammaCentre = {float(DIGAMMA_CENTRE)!r};\n')
    fit('digammaAsymptotic', 'x² (log x − 1/(2x) − digamma(x)) in 1/x², x ≥ 3.',
        lambda u: asymptotic(u, lambda x: x * x * (mp.log(x) - 1 / (2 * x) - mp.digamma(x)), mpf(10) ** -18),
        (0, 1 / 2.999**2), lambda u: asymptotic(u, lambda x: 1 / (x * x * mp.digamma(x)), mpf(10) ** -18), t)
    fit('trigammaCentral', 'trigamma(1 + x) in x − trigammaCentre, 0 ≤ x ≤ 2.5.',
        lambda v: mp.psi(1, v + 1 + TRIGAMMA_CENTRE), (float(-TRIGAMMA_CENTRE), float(mpf(2.5) - TRIGAMMA_CENTRE)),
        lambda v: 1 / mp.psi(1, v + TRIGAMMA_CENTRE + mpf(1e-9)), 4 * tail)
    print(f'export const trigammaCentre = {float(TRIGAMMA_CENTRE)!r};\n')
    fit('trigammaAsymptotic', 'x³ (trigamma(x) − 1/x − 1/(2x²)) in 1/x², x ≥ 2.5.',
        lambda u: asymptotic(u, lambda x: x**3 * (mp.psi(1, x) - 1 / x - 1 / (2 * x * x)), mpf(10) ** -12),
        (0, 1 / 2.499**2), lambda u: asymptotic(u, lambda x: 1 / (x**3 * mp.psi(1, x)), mpf(10) ** -12), t)
    print('/** The positive root of digamma, in two parts. */')
    high = np.float32(float(ROOT))
    print(f'export const digammaRootHigh = {float(str(high))!r};')
    print(f'export const digammaRootLow = {float(str(np.float32(float(ROOT - mpf(float(high))))))!r};\n')
    parts, rest = [], mp.pi / 2
    for bits in (8, 8, 8, 8, 24):
        unit = mpf(2) ** (mp.floor(mp.log(abs(rest), 2)) - bits + 1)
        parts.append(float(mp.floor(rest / unit) * unit if bits == 8 else float(np.float32(float(rest)))))
        rest -= mpf(parts[-1])
    print('/** π/2 in parts; n times each but the last is exact for |n| ≤ 2¹⁶. */')
    print(f'export const halfPiParts: readonly number[] = [{", ".join(map(repr, parts))}];')


main()
