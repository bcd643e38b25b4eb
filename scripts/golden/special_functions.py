# Makes test/golden/special-functions.json (default), or prints the polynomials of src/kernels/math/coefficients.ts ("coefficients").
"""Both need only mpmath. Run from the repository root:

    python3 scripts/golden/special_functions.py
    python3 scripts/golden/special_functions.py coefficients > src/kernels/math/coefficients.ts && npx prettier --write src/kernels/math/coefficients.ts

Golden values are computed with 60 or more digits at exact double arguments and written with 17 digits. Polynomials are Chebyshev
interpolants (near minimax) computed with 60 digits, then rounded to doubles, constant term first.
"""
import json
import math
import random
import sys

from mpmath import mp, mpf

mp.dps = 60


# --- golden values -------------------------------------------------------------------------------------------------------------


def log_uniform(rng, low, high, count):
    return [math.exp(rng.uniform(math.log(low), math.log(high))) for _ in range(count)]


def signed(values):
    return [s * v for v in values for s in (1, -1)]


def near(centre):
    return [centre + s * 2.0**-k for k in (3, 10, 24, 40, 50) for s in (1, -1)]


def normal_cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def normal_log_cdf(x):
    # Below -200 the digits of erfc would be lost in its exponent: the continued fraction of Mills' ratio instead.
    if x > -200:
        return mp.log1p(-normal_cdf(-x)) if x > 0 else mp.log(normal_cdf(x))
    a, tail = -x, mpf(0)
    for k in range(200, 0, -1):
        tail = k / (a + tail)
    return -a * a / 2 - mp.log(2 * mp.pi) / 2 - mp.log(a + tail)


def log_gamma(x):
    return mp.log(abs(mp.gamma(x))) if x < 0 else mp.loggamma(x)


def exp_of(x):
    return mp.exp(x)


def sections(rng):
    """name -> (reference, arguments)"""
    uniform = lambda low, high, count: [rng.uniform(low, high) for _ in range(count)]
    tiny = [5e-324, 1e-320, 2.0**-1022, 1e-300, 1e-100, 1e-30, 2.0**-54, 2.0**-53, 1e-10]
    ordinary = signed(tiny + log_uniform(rng, 1e-12, 700.0, 60) + uniform(0, 30, 40))
    unit = signed(tiny + log_uniform(rng, 1e-9, 1.0, 40) + uniform(0, 1, 30))
    positive = tiny + log_uniform(rng, 1e-300, 1e300, 60) + log_uniform(rng, 0.05, 50.0, 80) + [1.0, 2.0, 1.7976931348623157e308]
    gamma_points = log_uniform(rng, 1e-300, 1e-3, 20) + log_uniform(rng, 1e-3, 1e4, 150) + log_uniform(rng, 1e4, 1e300, 30)
    gamma_points += near(1.0) + near(2.0) + [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 8.0, 8.5, 9.0]
    negative = [-x for x in log_uniform(rng, 0.01, 60.0, 60)] + [-1e-10, -1e-300, -0.5, -1.5, -2.5, -100.25]
    tail = signed(tiny + log_uniform(rng, 1e-6, 27.0, 60) + uniform(0, 27, 40) + [0.5, 1.0, 26.0])
    trig = signed(tiny + log_uniform(rng, 1e-6, 1e5, 80) + uniform(0, 10, 40) + [k * math.pi / 2 for k in (1, 2, 3, 4, 7, 1000, 60000)])
    return {
        'exp': (exp_of, ordinary + uniform(-745.2, -700, 30) + uniform(700, 709.7, 20) + [709.782712893384, -745.13321910194]),
        'log': (mp.log, positive + near(1.0)),
        'log1p': (mp.log1p, signed(tiny) + signed(log_uniform(rng, 1e-12, 0.999, 60)) + log_uniform(rng, 0.5, 1e300, 60) + [-1 + 2.0**-53]),
        'expm1': (mp.expm1, ordinary + uniform(-1, 2, 60) + uniform(700, 709.7, 20)),
        'sigmoid': (lambda x: 1 / (1 + mp.exp(-x)), ordinary + uniform(-745, -700, 20)),
        'logSigmoid': (lambda x: -mp.log1p(mp.exp(-x)), ordinary + uniform(-745, -700, 20)),
        'softplus': (lambda x: mp.log1p(mp.exp(x)), ordinary + uniform(-745, -700, 20)),
        'tanh': (mp.tanh, ordinary),
        'sin': (mp.sin, trig + [1e6, 1e22, -123456789.0]),
        'cos': (mp.cos, trig + [1e6, 1e22, -123456789.0]),
        'tan': (mp.tan, unit + ordinary),
        'asin': (mp.asin, unit),
        'acos': (mp.acos, unit),
        'atan': (mp.atan, ordinary),
        'sinh': (mp.sinh, ordinary),
        'cosh': (mp.cosh, ordinary),
        'asinh': (mp.asinh, ordinary),
        'acosh': (mp.acosh, [1 + x for x in log_uniform(rng, 1e-12, 1e10, 40)]),
        'atanh': (mp.atanh, [x for x in unit if abs(x) < 1]),
        'erf': (mp.erf, tail),
        'erfc': (mp.erfc, tail),
        'normalCdf': (normal_cdf, tail + uniform(-38.5, -20, 40)),
        'normalLogCdf': (normal_log_cdf, tail + [-(10.0**k) for k in range(1, 151, 3)] + [-1e10] + uniform(27, 38, 10)),
        'logGamma': (mp.loggamma, tiny + gamma_points),
        'logGammaNegative': (log_gamma, negative),
        'digamma': (mp.digamma, tiny[3:] + gamma_points + near(1.4616321449683622)),
        'digammaNegative': (mp.digamma, negative),
        'trigamma': (lambda x: mp.psi(1, x), [x for x in gamma_points if x > 1e-150]),
        'trigammaNegative': (lambda x: mp.psi(1, x), [x for x in negative if x < -1e-150]),
    }


def digits(value):
    """A JSON number with 17 significant digits."""
    return '0.0' if value == 0 else mp.nstr(value, 17, strip_zeros=False, min_fixed=1, max_fixed=0)


def golden():
    rng = random.Random(20240611)
    rows = {}
    for name, (reference, arguments) in sections(rng).items():
        rows[name] = []
        for x in arguments:
            mp.dps = 60 + (340 if abs(x) < 1e-30 or abs(x) > 30 else 0)
            rows[name].append(f'[{x!r}, {digits(reference(mpf(x)))}]')
    powers = [(b, e) for b, e in zip(log_uniform(rng, 1e-5, 1e5, 120), [rng.uniform(-60, 60) for _ in range(120)])]
    powers += [(1 + rng.uniform(-1e-3, 1e-3), rng.uniform(-1e5, 1e5)) for _ in range(60)]
    powers += [(b, rng.uniform(-1, 1)) for b in log_uniform(rng, 1e-300, 1e300, 60)]
    # Results near the ends of the range magnify what the logarithm of a mantissa has lost.
    for b in [rng.uniform(0.71, 0.9) for _ in range(30)] + [rng.uniform(1.1, 1.41) for _ in range(30)]:
        powers.append((b, rng.choice((-1, 1)) * rng.uniform(500, 700) / abs(math.log(b))))
    powers += [(float(b), float(e)) for b in (2, 3, 5, 7, 10, 0.5, 1.5) for e in (-3, -2, -1, 0, 1, 2, 3, 4, 7, 10, 0.5)]
    powers += [(-2.0, 3.0), (-2.0, 4.0), (-1.5, -3.0), (-7.0, 21.0), (2.0, -1074.0), (2.0, 1023.0), (5e-324, 0.5), (10.0, -320.0)]
    rows['pow'] = [f'[{b!r}, {e!r}, {digits(mpf(b) ** mpf(e))}]' for b, e in powers]
    angles = [(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(60)]
    rows['atan2'] = [f'[{y!r}, {x!r}, {digits(mp.atan2(mpf(y), mpf(x)))}]' for y, x in angles]
    text = ',\n'.join('"%s": [\n%s\n]' % (name, ',\n'.join(lines)) for name, lines in rows.items())
    with open('test/golden/special-functions.json', 'w') as file:
        file.write('{\n' + text + '\n}\n')
    json.loads('{' + text + '}')


# --- polynomials ---------------------------------------------------------------------------------------------------------------


def fit(function, interval, terms):
    values = {}

    def at(x):
        x = x or mpf(10) ** -18  # the functions are 0/0 at 0
        if x not in values:
            values[x] = function(x)
        return values[x]

    return [float(c) for c in reversed(mp.chebyfit(at, interval, terms))]


def log_series(z):
    s = mp.sqrt(z)
    return (mp.log((1 + s) / (1 - s)) - 2 * s) / (s * z)


def erfcx_slope(t, centre):
    """(scaled - 1)/(t + 1) with scaled = (1 + 2z) exp(z²) erfc(z)."""
    if t >= 1 - mpf(10) ** -20:
        return (2 / mp.sqrt(mp.pi) - 1) / 2
    z = centre * (1 + t) / (1 - t)
    if z > 1e4:
        scaled = (1 + 2 * z) / (z * mp.sqrt(mp.pi)) * (1 - 1 / (2 * z**2) + 3 / (4 * z**4) - 15 / (8 * z**6) + 105 / (16 * z**8))
    else:
        scaled = (1 + 2 * z) * mp.exp(z * z) * mp.erfc(z)
    return (scaled - 1) / (t + 1)


def coefficients():
    zero = mpf(10) ** -10
    half_log2 = mp.log(2) / 2 * mpf('1.001')
    s_squared = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf('1.0001')
    quarter_pi = (mp.pi / 4) ** 2 * mpf('1.0001')
    root = mp.findroot(mp.digamma, mpf('1.4616'))
    by_square_root = lambda f: lambda u: f(mp.sqrt(u))
    by_inverse = lambda f: lambda u: f(1 / mp.sqrt(u))
    tables = {
        'expTail': ('(eʳ − 1 − r)/r² in r, |r| ≤ ln 2 / 2', lambda r: (mp.exp(r) - 1 - r) / r**2, [-half_log2, half_log2], 12),
        'logTail': ('(log((1+s)/(1−s)) − 2s)/s³ in s², s = f/(2+f), √½ ≤ 1+f ≤ √2', log_series, [zero / 10, s_squared], 8),
        'logSecondTail': ('(logTail − 2/3)/s² in s²', lambda z: (log_series(z) - mpf(2) / 3) / z, [zero / 10, s_squared], 8),
        'erfSmall': ('erf(x)/x in x², |x| ≤ 1', by_square_root(lambda x: mp.erf(x) / x), [zero / 100, 1], 12),
        'erfcxSlope': (
            '((1 + 2z) exp(z²) erfc(z) − 1)/(t + 1) in t = (z − 4)/(z + 4), z ≥ 0', lambda t: erfcx_slope(t, mpf(4)), [-1, 1], 26),
        'logGammaNearTwo': ('logGamma(2 + w)/w in w, |w| ≤ ½', lambda w: mp.loggamma(2 + w) / w, [-0.5, 0.5], 20),
        'logGammaStirling': (
            'x (logGamma(x) − (x − ½)(log x − 1) − (log 2π − 1)/2) in 1/x², x ≥ 8½',
            by_inverse(lambda x: (mp.loggamma(x) - (x - 0.5) * (mp.log(x) - 1) - (mp.log(2 * mp.pi) - 1) / 2) * x),
            [zero, 1 / mpf(8.5) ** 2], 7),
        'digammaNearRoot': (
            'digamma(1.5 + w)/(1.5 + w − x₀) in w, |w| ≤ ½, x₀ the positive root',
            lambda w: mp.digamma(1.5 + w) / (1.5 + w - root), [-0.5, 0.5], 23),
        'digammaAsymptotic': (
            'x² (log x − 1/(2x) − digamma(x)) in 1/x², x ≥ 8',
            by_inverse(lambda x: (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x * x), [zero, 1 / mpf(64)], 8),
        'trigammaAsymptotic': (
            'x³ (trigamma(x) − 1/x − 1/(2x²)) in 1/x², x ≥ 8',
            by_inverse(lambda x: (mp.psi(1, x) - 1 / x - 1 / (2 * x * x)) * x**3), [zero, 1 / mpf(64)], 8),
        'sinTail': ('(sin x − x)/x³ in x², |x| ≤ π/4', by_square_root(lambda x: (mp.sin(x) / x - 1) / x**2), [zero, quarter_pi], 7),
        'cosTail': ('(cos x − 1 + x²/2)/x⁴ in x², |x| ≤ π/4', by_square_root(lambda x: (mp.cos(x) - 1 + x * x / 2) / x**4), [zero, quarter_pi], 6),
    }
    print('// Polynomial coefficients of the special functions, constant term first; made by scripts/golden/special_functions.py.\n')
    for name, (meaning, function, interval, terms) in tables.items():
        print(f'/** {meaning}. */\nexport const {name}: readonly number[] = {fit(function, interval, terms)!r};\n')

    def split(name, value, bits, meaning):
        """The leading part with few bits (so that small multiples are exact) and what is left."""
        scale = mpf(2) ** (bits - 1 - int(mp.floor(mp.log(value, 2))))
        head = float(mp.floor(value * scale) / scale)
        return f'/** {meaning} */\nexport const {name}High = {head!r};', value - mpf(head)

    text, rest = split('ln2', mp.log(2), 42, 'ln 2 in two parts; n·ln2High is exact for |n| ≤ 2¹¹.')
    print(text + f'\nexport const ln2Low = {float(rest)!r};\n')
    text, rest = split('halfPi', mp.pi / 2, 33, 'π/2 in three parts; n times each of the first two is exact for |n| ≤ 2²⁰.')
    print(text)
    text, rest = split('halfPiMiddle', rest, 33, '')
    print(text.split('\n')[1].replace('MiddleHigh', 'Middle') + f'\nexport const halfPiLow = {float(rest)!r};\n')
    high = float(root)
    print(f'/** The positive root of digamma, in two parts. */\nexport const digammaRootHigh = {high!r};')
    print(f'export const digammaRootLow = {float(root - mpf(high))!r};')


if __name__ == '__main__':
    coefficients() if sys.argv[1:] == ['coefficients'] else golden()
