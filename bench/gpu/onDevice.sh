#!/usr/bin/env bash
# The benchmark `gpu` beside NumPyro on one machine with a GPU, in one run, and the converged fit.
#
#     bench/gpu/onDevice.sh OUT [SIZE]
#
# Needs Node 20.19 or later with this repository's packages (npm ci), a Vulkan driver with its loader (libvulkan.so.1), and for the peer
# Python with `numpyro` and JAX for the device (pip install numpyro "jax[cuda12]"); without them the peer's columns are left out.
# PYTHON names another interpreter. SIZE is the share of the rows, default 1. Results: OUT/numpyro.json, gpu.txt, gpu.json, gpu-fit.txt.
set -euo pipefail
out=$(mkdir -p "${1:?usage: bench/gpu/onDevice.sh OUT [SIZE]}" && cd "$1" && pwd)
size=${2:-1}
python=${PYTHON:-python3}
cd "$(dirname "$0")/../.."
bench() { node --import tsx bench/index.ts "$@"; }

peer=()
if "$python" -c 'import numpyro' 2>"$out/python.txt"; then
  bench gpu --export "$out/data" --size "$size"
  # One process after the other: each has the GPU to itself.
  XLA_PYTHON_CLIENT_PREALLOCATE=false "$python" bench/gpu/peer.py "$out/data" --out "$out/numpyro.json"
  peer=(--numpyro "$out/numpyro.json")
else
  echo "NumPyro: not measured ($(tail -n 1 "$out/python.txt"))"
fi
bench gpu --size "$size" "${peer[@]}" --json >"$out/gpu.json"
bench gpu --print "$out/gpu.json" | tee "$out/gpu.txt"
bench gpu-fit --device webgpu --size "$size" | tee "$out/gpu-fit.txt"
