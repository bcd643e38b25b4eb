#!/usr/bin/env python3
"""Checks a run of hierax against ArviZ: opens DIR/posterior.zarr and compares every figure of DIR/summary.json.

    python3 scripts/check-arviz.py RUN_DIR [--tolerance 1e-6]

Needs xarray, zarr >= 3 and arviz (checked with 0.23, whose own from_zarr refuses zarr 3: xarray opens the tree). Exit 0: all figures agree; 1: some do not, or a scalar is missing on
either side. Names of scalars are made here from the Zarr metadata alone, so they are compared too.
"""

import argparse
import itertools
import json
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import xarray as xr

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # ArviZ 0.x announces 1.x on import
    import arviz as az


def quote(level: str) -> str:
    """A level as it stands in a name."""
    return '"' + level.replace('"', '""') + '"' if level == "" or any(c in level for c in ',=[]"') else level


def scalar_names(variable: xr.DataArray) -> list[str]:
    """Names of the scalars of a variable [chain, draw, ...] in row-major order."""
    bare = set(variable.attrs.get("coefficient_dims", []))
    axes = []
    for dim in variable.dims[2:]:
        if dim not in variable.coords:
            axes.append([str(index) for index in range(variable.sizes[dim])])
            continue
        prefix = "" if dim in bare else quote(str(dim)) + "="
        axes.append([prefix + quote(str(level)) for level in variable.coords[dim].values])
    if not axes:
        return [str(variable.name)]
    return [f"{variable.name}[{','.join(levels)}]" for levels in itertools.product(*axes)]


def arviz_rhat(dataset: xr.Dataset) -> xr.Dataset:
    """Rank-normalised split R-hat. With an odd number of draws the middle one is left out of the halves; ArviZ then also
    folds around the median without it, the R package posterior (as hierax) around the median of all draws."""
    if dataset.sizes["draw"] % 2 == 0:
        return az.rhat(dataset, method="rank")
    folded = abs(dataset - dataset.median(("chain", "draw")))
    return np.maximum(az.rhat(dataset, method="z_scale"), az.rhat(folded, method="z_scale"))


def arviz_figures(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    """Every figure of summary.json by ArviZ and numpy, one dataset per figure."""
    stacked = ("chain", "draw")
    mean = dataset.mean(stacked)
    return {
        "mean": mean,
        "sd": dataset.std(stacked, ddof=1),
        "mcseMean": az.mcse(dataset, method="mean"),
        "q5": dataset.quantile(0.05, stacked),
        "q50": dataset.quantile(0.50, stacked),
        "q95": dataset.quantile(0.95, stacked),
        "essBulk": az.ess(dataset, method="bulk"),
        "essTail": az.ess(dataset, method="tail", prob=(0.05, 0.95)),
        "rhat": arviz_rhat(dataset),
    }


def relative_difference(ours: float, theirs: float, sd: float) -> float:
    """Difference relative to the figure, or to the sd where the figure (a mean, a quantile) is near 0."""
    return abs(ours - theirs) / max(abs(theirs), sd, sys.float_info.min)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="folder that hierax fit wrote with --out")
    parser.add_argument("--tolerance", type=float, default=1e-6, help="largest relative difference (default 1e-6)")
    options = parser.parse_args()

    tree = xr.open_datatree(options.run / "posterior.zarr", engine="zarr")
    print("groups:", ", ".join(sorted(tree.children)))
    dataset = tree["posterior"].to_dataset().load()
    if hasattr(az, "InferenceData"):  # what a user of ArviZ 0.x does next; later versions work on the tree itself
        az.InferenceData.from_datatree(tree)

    with np.errstate(invalid="ignore", divide="ignore"):  # constants have no R-hat
        figures = arviz_figures(dataset)
    theirs: dict[str, dict[str, float]] = {}
    constant: set[str] = set()
    for name, variable in dataset.data_vars.items():
        names = scalar_names(variable)
        columns = {figure: np.ravel(values[name].values) for figure, values in figures.items()}
        spread = np.ravel((variable.max(("chain", "draw")) - variable.min(("chain", "draw"))).values)
        for index, scalar in enumerate(names):
            theirs[scalar] = {figure: float(column[index]) for figure, column in columns.items()}
            if not spread[index] > np.finfo(float).eps:
                constant.add(scalar)

    parameters = json.loads((options.run / "summary.json").read_text(encoding="utf8"))["parameters"]
    missing = [entry["name"] for entry in parameters if entry["name"] not in theirs]
    worst = {figure: (-1.0, "", math.nan, math.nan) for figure in figures}
    compared = undefined = 0
    for entry in parameters:
        scalar = entry["name"]
        if scalar in missing:
            continue
        for figure in figures:
            ours, reference = entry[figure], theirs[scalar][figure]
            if ours is None and (scalar in constant or math.isnan(reference)):
                undefined += 1  # hierax writes null for a constant, where ArviZ gives a convention
                continue
            compared += 1
            scale = theirs[scalar]["sd"] if figure in ("mean", "q5", "q50", "q95") else 0.0
            difference = math.inf if ours is None else relative_difference(ours, reference, scale)
            if not difference <= worst[figure][0]:  # NaN counts as a difference
                worst[figure] = (difference, scalar, math.nan if ours is None else ours, reference)

    print(f"scalars: {len(theirs)} stored, {len(parameters)} in summary.json; figures compared: {compared}, null: {undefined}")
    print(f"\n{'figure':<10}{'largest relative difference':>29}{'hierax':>18}{'ArviZ':>18}  scalar")
    for figure, (difference, scalar, ours, reference) in worst.items():
        print(f"{figure:<10}{max(difference, 0.0):>29.3g}{ours:>18.10g}{reference:>18.10g}  {scalar}")

    failed = [figure for figure, (difference, *_) in worst.items() if not difference <= options.tolerance]
    if missing:
        print(f"\n{len(missing)} names of summary.json are not in the posterior, first: {missing[0]}")
    if failed:
        print(f"\nmismatch above {options.tolerance:g}: {', '.join(failed)}")
    if compared == 0:
        print("\nnothing was compared")
    return 1 if failed or missing or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
