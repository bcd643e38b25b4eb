# Makes test/golden/distributions.json: log densities of src/models/distributions with 17 digits, at exact double arguments.
"""Needs only mpmath. Run from the repository root: python3 scripts/golden/distributions.py

Densities are written from their definitions, not as the project writes them, and computed with 60 digits.
"""
import json
import random

from mpmath import mp, mpf, beta, binomial, erfc, exp, factorial, gamma, log, pi, sqrt

mp.dps = 60


def normal(x, mean, sd):
    return exp(-((x - mean) ** 2) / (2 * sd**2)) / sqrt(2 * pi * sd**2)


def student_t(x, df, location, scale):
    z = (x - location) / scale
    return gamma((df + 1) / 2) / (gamma(df / 2) * sqrt(df * pi) * scale) * (1 + z * z / df) ** (-(df + 1) / 2)


def cauchy(x, location, scale):
    return 1 / (pi * scale * (1 + ((x - location) / scale) ** 2))


def inverse_logit(x):
    return 1 / (1 + exp(-x))


def negative_binomial(y, log_mean, dispersion):
    mean = exp(log_mean)
    success = mean / (mean + dispersion)
    return gamma(y + dispersion) / (factorial(y) * gamma(dispersion)) * success**y * (1 - success) ** dispersion


def bernoulli(y, p, q):
    return p if y == 1 else q


densities = {
    "normal": normal,
    "studentT": student_t,
    "cauchy": cauchy,
    "halfNormal": lambda x, sd: 2 * normal(x, 0, sd),
    "halfStudentT": lambda x, df, scale: 2 * student_t(x, df, 0, scale),
    "halfCauchy": lambda x, scale: 2 * cauchy(x, 0, scale),
    "logNormal": lambda x, mean, sd: normal(log(x), mean, sd) / x,
    "exponential": lambda x, rate: rate * exp(-rate * x),
    "gamma": lambda x, shape, rate: rate**shape * x ** (shape - 1) * exp(-rate * x) / gamma(shape),
    "inverseGamma": lambda x, shape, scale: scale**shape * x ** (-shape - 1) * exp(-scale / x) / gamma(shape),
    "beta": lambda x, a, b: x ** (a - 1) * (1 - x) ** (b - 1) / beta(a, b),
    "bernoulliLogit": lambda y, eta: bernoulli(y, inverse_logit(eta), inverse_logit(-eta)),
    "bernoulliProbit": lambda y, eta: bernoulli(y, erfc(-eta / sqrt(2)) / 2, erfc(eta / sqrt(2)) / 2),
    "binomialLogit": lambda y, n, eta: binomial(n, y) * inverse_logit(eta) ** y * inverse_logit(-eta) ** (n - y),
    "poissonLog": lambda y, eta: exp(y * eta - exp(eta)) / factorial(y),
    "negativeBinomialLog": negative_binomial,
    "laplace": lambda x, location, scale: exp(-abs(x - location) / scale) / (2 * scale),
}


def main():
    rng = random.Random(20)
    real = lambda spread=3.0: lambda: rng.gauss(0, spread)
    scale = lambda low=-3.0, high=3.0: lambda: 2 ** rng.uniform(low, high)
    count = lambda most: lambda: float(rng.randint(0, most))
    coin = lambda: float(rng.randint(0, 1))
    arguments = {
        "normal": [real(), real(), scale()],
        "studentT": [real(20), scale(-1, 6), real(), scale()],
        "cauchy": [real(20), real(), scale()],
        "halfNormal": [scale(-9, 3), scale()],
        "halfStudentT": [scale(-9, 6), scale(-1, 6), scale()],
        "halfCauchy": [scale(-9, 6), scale()],
        "logNormal": [scale(-6, 6), real(1), scale(-2, 2)],
        "exponential": [scale(-9, 3), scale()],
        "gamma": [scale(-9, 3), scale(), scale()],
        "inverseGamma": [scale(-4, 6), scale(), scale()],
        "beta": [lambda: rng.random(), scale(), scale()],
        "bernoulliLogit": [coin, real(20)],
        "bernoulliProbit": [coin, real(8)],
        "poissonLog": [count(40), real(1.5)],
        "negativeBinomialLog": [count(60), real(2), scale(-3, 8)],
    }
    cases = {name: [[draw() for draw in arguments[name]] for _ in range(24)] for name in arguments}
    trials = [float(rng.randint(1, 50)) for _ in range(24)]
    cases["binomialLogit"] = [[float(rng.randint(0, int(n))), n, rng.gauss(0, 5)] for n in trials]
    cases["laplace"] = [[rng.gauss(0, 5), rng.gauss(0, 3), 2 ** rng.uniform(-3, 3)] for _ in range(24)]
    golden = {
        name: [[*row, float(mp.nstr(log(densities[name](*map(mpf, row))), 17))] for row in rows]
        for name, rows in sorted(cases.items())
    }
    with open("test/golden/distributions.json", "w") as file:
        lines = [f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in golden.items()]
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
