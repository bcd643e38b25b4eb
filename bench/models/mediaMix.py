# PyMC-Marketing with nutpie: the media-mix benchmark's model and data, with the same chains and draws.
"""Needs pymc-marketing, nutpie and netCDF4 (pip install pymc-marketing nutpie netCDF4).

python mediaMix.py DATA.csv TRUTH.nc CHAINS WARMUP DRAWS SEED CORES TARGET prints one line of JSON.
"""
import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import pymc_marketing
import xarray as xr
from pymc_extras.prior import Prior
from pymc_marketing.mmm import GeometricAdstock, LogisticSaturation
from pymc_marketing.mmm.multidimensional import MMM

data, truth_file = sys.argv[1:3]
chains, warmup, draws, seed, cores = map(int, sys.argv[3:8])
target = float(sys.argv[8])
# PyMC-Marketing scales by the largest value; the true values are on the scale of its generator's placeholder response. Priors are stated on the
# latter, so those of quantities in units of the response are rescaled, and the coefficients afterwards.
drawn_on = 6542.739919832825

frame = pd.read_csv(data, parse_dates=["date"])
ratio = drawn_on / frame["y"].max()




saturation = LogisticSaturation(
    priors={
        "beta": Prior(
            "Normal",
            mu=Prior("Normal", mu=-1.5 + float(np.log(ratio)), sigma=0.25, dims=("channel",)),
            sigma=Prior("Exponential", scale=0.25, dims=("channel",)),
            dims=("channel", "geo"),
            transform="exp",
            centered=False,
        ),
        "lam": Prior("Gamma", mu=0.25, sigma=0.15, dims=("channel",)),
    }
)
adstock = GeometricAdstock(l_max=8, priors={"alpha": Prior("Beta", alpha=2, beta=5, dims=("geo", "channel"))})
config = {
    "intercept": Prior("Normal", mu=0.5 * ratio, sigma=0.2 * ratio, dims="geo"),
    "gamma_control": Prior("Normal", mu=0, sigma=0.5 * ratio, dims="control"),
    "gamma_fourier": Prior(
        "Normal", mu=0, sigma=Prior("HalfNormal", sigma=0.2 * ratio), dims=("geo", "fourier_mode"), centered=False
    ),
    "likelihood": Prior(
        "TruncatedNormal", lower=0, sigma=Prior("HalfNormal", sigma=0.5 * ratio), dims=("date", "geo")
    ),
}
model = MMM(
    date_column="date",
    target_column="y",
    channel_columns=["x1", "x2"],
    control_columns=["event_1", "event_2"],
    dims=("geo",),
    scaling={"channel": {"method": "max", "dims": ()}, "target": {"method": "max", "dims": ()}},
    adstock=adstock,
    saturation=saturation,
    yearly_seasonality=2,
    model_config=config,
)
start = time.perf_counter()
model.build_model(frame.drop(columns="y"), frame["y"])
compiled = nutpie.compile_pymc_model(model.model)
compile_seconds = time.perf_counter() - start
start = time.perf_counter()
trace = nutpie.sample(
    compiled, chains=chains, cores=cores, tune=warmup, draws=draws, seed=seed, target_accept=target, progress_bar=False
)
sample_seconds = time.perf_counter() - start

truth = xr.open_dataset(truth_file)
posterior = trace.posterior[["saturation_beta", "adstock_alpha", "saturation_lam"]].copy()
posterior["saturation_beta"] = posterior["saturation_beta"] / ratio
low, high = (posterior.quantile(q, dim=("chain", "draw")) for q in (0.05, 0.95))
inside = sum(
    int(((truth[name] > low[name]) & (truth[name] < high[name].transpose(*truth[name].dims))).sum()) for name in posterior
)
# By place and channel, as hierax names them.
order = {"saturation_beta": ("geo", "channel"), "adstock_alpha": ("geo", "channel"), "saturation_lam": ("channel",)}
summary = az.summary(posterior, kind="diagnostics")
print(
    json.dumps(
        {
            "version": pymc_marketing.__version__,
            "compileSeconds": compile_seconds,
            "sampleSeconds": sample_seconds,
            "divergences": int(trace.sample_stats["diverging"].sum()),
            "inside": inside,
            "maxRhat": float(summary["r_hat"].max()),
            "minEssBulk": float(summary["ess_bulk"].min()),
            "means": {name: posterior[name].mean(("chain", "draw")).transpose(*own).values.ravel().tolist() for name, own in order.items()},
            "sds": {name: posterior[name].std(("chain", "draw")).transpose(*own).values.ravel().tolist() for name, own in order.items()},
            "truth": {name: truth[name].transpose(*own).values.ravel().tolist() for name, own in order.items()},
        }
    )
)
