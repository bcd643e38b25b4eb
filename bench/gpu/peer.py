# The models of the benchmark `gpu` in NumPyro and JAX, f32: one gradient of all chains, and NUTS per leapfrog step.
#
#     npm run bench -- gpu --export DIR [--size 0.05]
#     python bench/gpu/peer.py DIR --out numpyro.json [--chains 4] [--seconds 10]
#     npm run bench -- gpu --numpyro numpyro.json [--size 0.05]
#
# Needs numpyro and a JAX build for the device (pip install numpyro "jax[cuda12]"). Data are those that hierax wrote. Compilation is
# timed apart and is part of no figure.
import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import initialize_model

MAX_TREE_DEPTH = 6
WARMUP = 40


def load(folder):
    meta = json.loads((folder / "meta.json").read_text())
    arrays = {
        name: jnp.asarray(np.fromfile(folder / f"{name}.bin", dtype=spec["dtype"]).reshape(spec["shape"]))
        for name, spec in meta["arrays"].items()
    }
    if "group" in arrays:
        # Shapes must be known while tracing, values are not.
        arrays["of_groups"] = jnp.zeros(int(arrays["group"][-1]) + 1)
    return meta, arrays


def logistic(d):
    """Priors of NumPyro's own example covtype.py."""
    dim = d["x"].shape[1]
    b = numpyro.sample("b", dist.Normal(jnp.zeros(dim), jnp.ones(dim)).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=d["x"] @ b), obs=d["y"])


def hierarchical(d):
    dim = d["x"].shape[1]
    groups = d["of_groups"].shape[0]
    mu = numpyro.sample("mu", dist.Normal(0, 1).expand([dim]).to_event(1))
    tau = numpyro.sample("tau", dist.HalfNormal(1).expand([dim]).to_event(1))
    z = numpyro.sample("z", dist.Normal(0, 1).expand([groups, dim]).to_event(2))
    beta = mu + tau * z
    eta = jnp.sum(d["x"] * beta[d["group"]], axis=1)
    numpyro.sample("y", dist.Bernoulli(logits=eta), obs=d["y"])


def three_level(d):
    """Centred on both levels, as the many rows of a unit suggest; half-normal spreads of the size of the response's."""
    p = d["x"].shape[1]
    traits = d["w"].shape[1]
    markets = d["w"].shape[0]
    units = d["market"].shape[0]
    scale = jnp.std(d["y"])
    delta = numpyro.sample("delta", dist.Normal(0, 10).expand([p, traits]).to_event(2))
    sigma_v = numpyro.sample("sigma_v", dist.HalfNormal(scale).expand([p]).to_event(1))
    sigma_u = numpyro.sample("sigma_u", dist.HalfNormal(scale).expand([p]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(scale))
    gamma = numpyro.sample("gamma", dist.Normal(d["w"] @ delta.T, sigma_v).to_event(2))
    beta = numpyro.sample("beta", dist.Normal(gamma[d["market"]], sigma_u).to_event(2))
    assert gamma.shape == (markets, p) and beta.shape == (units, p)
    eta = jnp.sum(d["x"] * beta[d["unit"]], axis=1)
    numpyro.sample("y", dist.Normal(eta, sigma), obs=d["y"])


MODELS = {"logistic": logistic, "hierarchical": hierarchical, "three-level": three_level}


def wait(tree):
    return jax.block_until_ready(tree)


def time_gradient(model, data, chains, seconds):
    """Milliseconds of value and gradient of all chains; positions are drawn about the origin of unconstrained space."""
    info = initialize_model(jax.random.PRNGKey(0), model, model_args=(data,), dynamic_args=True)
    template = info.param_info.z
    keys = jax.random.split(jax.random.PRNGKey(1), len(template))
    positions = {
        name: 0.1 * jax.random.normal(key, (chains, *value.shape))
        for key, (name, value) in zip(keys, template.items())
    }
    # The data are arguments: as constants they would be folded into the program at compile time.
    gradient = jax.jit(
        lambda z, d: jax.vmap(jax.value_and_grad(lambda one: info.potential_fn(d)(one)))(z)
    )
    start = time.perf_counter()
    value, _ = wait(gradient(positions, data))
    compiled = time.perf_counter() - start
    assert bool(jnp.all(jnp.isfinite(value)))
    start = time.perf_counter()
    wait(gradient(positions, data))
    once = time.perf_counter() - start
    count = max(1, min(1000, int(seconds / 5 / max(once, 1e-6))))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            result = gradient(positions, data)
        wait(result)
        times.append((time.perf_counter() - start) / count)
    return 1000 * sorted(times)[2], compiled


def time_leapfrog(model, data, chains, seconds):
    """
    Milliseconds per leapfrog step of all chains, vectorised, in short NUTS runs. The chains of a vectorised run wait for the one with
    the longest tree, so the steps of a transition are those of that chain.
    """
    kernel = NUTS(model, max_tree_depth=MAX_TREE_DEPTH)
    warmup = MCMC(
        kernel,
        num_warmup=WARMUP,
        num_samples=1,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
        jit_model_args=True,
    )
    start = time.perf_counter()
    warmup.run(jax.random.PRNGKey(2), data)
    state = warmup.last_state

    # MCMC.run compiles its loop anew at every call, so the transitions are compiled here, once.
    def transition(state, d):
        state = kernel.sample(state, (d,), {})
        return state, jnp.max(state.num_steps)

    ten = jax.jit(lambda state, d: jax.lax.scan(lambda s, _: transition(s, d), state, None, length=10))
    state, _ = wait(ten(state, data))
    compiled = time.perf_counter() - start
    steps, spent = 0, 0.0
    while spent < seconds:
        start = time.perf_counter()
        state, count = wait(ten(state, data))
        spent += time.perf_counter() - start
        steps += int(jnp.sum(count))
    return 1000 * spent / steps, steps, compiled


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--models", default=",".join(MODELS))
    options = parser.parse_args()
    device = jax.devices()[0]
    label = f"NumPyro {numpyro.__version__}, JAX {jax.__version__} on {device.device_kind}, f32"
    models = {}
    for name in options.models.split(","):
        meta, data = load(options.folder / name)
        figures = {"rows": meta["rows"], "gradientMs": None, "leapfrogMs": None}
        try:
            milliseconds, compiled = time_gradient(MODELS[name], data, options.chains, options.seconds)
            figures.update(gradientMs=milliseconds, gradientCompileSeconds=compiled)
            milliseconds, steps, compiled = time_leapfrog(MODELS[name], data, options.chains, options.seconds)
            figures.update(leapfrogMs=milliseconds, leapfrogSteps=steps, leapfrogCompileSeconds=compiled)
        except Exception as error:  # Out of memory on one model must not lose the figures of the others.
            figures["error"] = str(error).split("\n")[0]
        statistics = device.memory_stats()
        if statistics and "peak_bytes_in_use" in statistics:
            figures["peakMemoryBytes"] = statistics["peak_bytes_in_use"]
        models[name] = figures
        print(name, json.dumps(figures), flush=True)
        report = {"label": label, "chains": options.chains, "models": models}
        options.out.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
