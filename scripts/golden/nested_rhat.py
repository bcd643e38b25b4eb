# Writes test/golden/nested-rhat.json: draws in superchains with the nested R-hat that ArviZ gives for them.
# Run from the repository root: python scripts/golden/nested_rhat.py   (Python 3 with numpy and arviz-stats 0.8)
# The method "identity" is the formula of posterior's rhat_nested (R, 1.6 and later).

import json

import arviz_stats
import numpy as np
from arviz_stats.base import array_stats

generator = np.random.default_rng(20240715)


def autoregressive(superchains, chains, draws, rho, start_spread=0.0):
    """AR(1) chains with standard normal margins; those of a superchain share a start, the farther out the larger the spread."""
    out = np.empty((superchains * chains, draws))
    starts = np.repeat(start_spread * generator.standard_normal(superchains), chains)
    x = starts if start_spread > 0 else generator.standard_normal(superchains * chains)
    for i in range(draws):
        x = rho * x + np.sqrt(1 - rho**2) * generator.standard_normal(superchains * chains)
        out[:, i] = x
    return superchains, out


def transformed(case, function):
    superchains, draws = case
    return superchains, function(draws)


cases = {
    "stationary": autoregressive(8, 8, 20, 0.5),
    "rememberTheirStarts": autoregressive(8, 8, 10, 0.9, 5.0),
    "twoSuperchains": autoregressive(2, 4, 30, 0.3),
    "oneChainEach": autoregressive(6, 1, 40, 0.6),
    "fourDraws": autoregressive(4, 16, 4, 0.2),
    "oddDraws": autoregressive(4, 4, 7, 0.2),
    "twoDraws": autoregressive(4, 16, 2, 0.2),
    "oneDraw": autoregressive(4, 16, 1, 0.2),
    "oneDrawRemembersItsStart": autoregressive(16, 32, 1, 0.5, 3.0),
    "cauchy": (4, generator.standard_cauchy((32, 12))),
    "logNormal": transformed(autoregressive(4, 8, 16, 0.4), lambda x: np.exp(2 * x)),
    "largeOffset": transformed(autoregressive(4, 4, 20, 0.5), lambda x: 1e6 + x),
    "ties": transformed(autoregressive(4, 4, 20, 0.5), np.round),
    "scalesDiffer": (4, generator.standard_normal((16, 20)) * np.repeat([1, 1, 1, 4], 4)[:, None]),
}


def figure(draws, superchains, method):
    ids = np.repeat(np.arange(superchains), draws.shape[0] // superchains)
    if method == "identity":
        # The formula itself, also for chains that are too short for ArviZ's own check.
        return float(array_stats._rhat_nested(draws, ids))
    value = float(array_stats.rhat_nested(draws, ids, method=method))
    return None if np.isnan(value) else value


golden = {
    "versions": {"arviz-stats": arviz_stats.__version__, "numpy": np.__version__},
    "cases": {
        name: {
            "superchains": superchains,
            "chains": draws.tolist(),
            "identity": figure(draws, superchains, "identity"),
            "rank": figure(draws, superchains, "rank"),
        }
        for name, (superchains, draws) in cases.items()
    },
}
with open("test/golden/nested-rhat.json", "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
