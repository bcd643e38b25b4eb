// Draws for the tests of the diagnostics: a small seeded generator and autoregressive chains.

/** Uniform numbers in (0, 1): mulberry32. */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (((z ^ (z >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
}

/** Standard normal numbers (Box & Muller). */
export function normals(seed: number): () => number {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Stationary AR(1) chains with standard normal margins, `[chain][draw]`. */
export function autoregressiveChains(seed: number, chains: number, draws: number, rho: number): Float64Array[] {
  const normal = normals(seed);
  return Array.from({ length: chains }, () => {
    let x = normal();
    return Float64Array.from({ length: draws }, () => {
      const now = x;
      x = rho * x + Math.sqrt(1 - rho * rho) * normal();
      return now;
    });
  });
}
