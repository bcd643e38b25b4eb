// Loadings of all draws turned into one orientation, for reports: which one the posterior leaves open.
import { symmetricEigensystem } from '../inference/symmetricEigensystem.js';

/** Λ `[coefficient][factor]` of every draw of every chain, turned alike. */
export interface AlignedLoadings {
  /** `[chain][draw]`, each `[coefficient][factor]`. */
  readonly loadings: readonly (readonly Float64Array[])[];
  /** Q of each, `[factor][factor]`: the aligned Λ is ΛQ, and factors go with it as z Q. */
  readonly rotations: readonly (readonly Float64Array[])[];
  /** What all draws are turned towards: the principal axes of the mean of ΛΛ', the largest loading of each positive. */
  readonly pivot: Float64Array;
}

/**
 * Orthogonal Procrustes (Schönemann 1966): every draw by the rotation, reflections included, that brings it closest to one pivot. The pivot is
 * made of the mean of ΛΛ' over all draws of all chains, which no rotation changes, so it depends on no draw's orientation.
 * Alignment is for looking at Λ. It cannot hide chains that differ, as ΛΛ' stays what it is, but it makes draws alike
 * that say nothing of a direction: R-hat and ESS belong to ΛΛ' and ΛΛ' + Ψ.
 */
export function alignLoadings(draws: readonly (readonly Float64Array[])[], factors: number): AlignedLoadings {
  const pivot = principalAxes(draws.flat(), factors);
  const rotations = draws.map((chain) => chain.map((own) => rotationTowards(own, pivot, factors)));
  const loadings = draws.map((chain, c) => chain.map((own, d) => rotate(own, rotations[c][d], factors)));
  return { loadings, rotations, pivot };
}

/** Rows x of X, `[row][factor]`, as x Q: loadings, or the factors of groups. */
export function rotate(rows: Float64Array, rotation: Float64Array, factors: number): Float64Array {
  return rows.map((_, at) => {
    const [row, column] = [Math.floor(at / factors), at % factors];
    let sum = 0;
    for (let f = 0; f < factors; f++) sum += rows[row * factors + f] * rotation[f * factors + column];
    return sum;
  });
}

/** Leading eigenvectors of the mean of ΛΛ', times the roots of their eigenvalues. */
function principalAxes(draws: readonly Float64Array[], factors: number): Float64Array {
  const size = draws[0].length / factors;
  const mean = new Float64Array(size * size);
  for (const own of draws) {
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        for (let f = 0; f < factors; f++)
          mean[i * size + j] += (own[i * factors + f] * own[j * factors + f]) / draws.length;
  }
  const { values, vectors } = symmetricEigensystem(mean, size);
  const axes = new Float64Array(size * factors);
  for (let f = 0; f < factors; f++) {
    const largest = vectors[f].reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0);
    const length = Math.sign(largest) * Math.sqrt(Math.max(0, values[f]));
    for (let i = 0; i < size; i++) axes[i * factors + f] = length * vectors[f][i];
  }
  return axes;
}

/** Q = U V' of Λ'P = U D V': the orthogonal matrix for which ‖ΛQ − P‖ is least. */
function rotationTowards(loadings: Float64Array, pivot: Float64Array, factors: number): Float64Array {
  const cross = new Float64Array(factors * factors);
  for (let at = 0; at < loadings.length; at += factors)
    for (let f = 0; f < factors; f++)
      for (let g = 0; g < factors; g++) cross[f * factors + g] += loadings[at + f] * pivot[at + g];
  const square = new Float64Array(factors * factors);
  for (let f = 0; f < factors; f++)
    for (let g = 0; g < factors; g++)
      for (let h = 0; h < factors; h++) square[f * factors + g] += cross[h * factors + f] * cross[h * factors + g];
  const { vectors } = symmetricEigensystem(square, factors);
  // Columns of U are Λ'P v over their lengths; where Λ has fewer directions than factors, whatever completes them.
  const left: Float64Array[] = [];
  for (const v of vectors) {
    const image = Float64Array.from(v, (_, f) => v.reduce((sum, x, g) => sum + cross[f * factors + g] * x, 0));
    left.push(unitOrthogonal(image, left));
  }
  const rotation = new Float64Array(factors * factors);
  for (const [d, u] of left.entries())
    for (let f = 0; f < factors; f++)
      for (let g = 0; g < factors; g++) rotation[f * factors + g] += u[f] * vectors[d][g];
  return rotation;
}

/** A unit vector orthogonal to the others: x's own direction where it has one. */
function unitOrthogonal(x: Float64Array, others: readonly Float64Array[]): Float64Array {
  const norm = Math.hypot(...x);
  const candidates = [x, ...x.keys()].map((own) =>
    typeof own === 'number' ? Float64Array.from(x, (_, i) => Number(i === own)) : own,
  );
  for (const [c, candidate] of candidates.entries()) {
    const rest = candidate.slice();
    // Twice, as once leaves rounding.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of others) {
        const dot = rest.reduce((sum, value, i) => sum + value * other[i], 0);
        for (let i = 0; i < rest.length; i++) rest[i] -= dot * other[i];
      }
    }
    const length = Math.hypot(...rest);
    if (length > (c === 0 ? 1e-9 * norm : 0.1 / x.length)) return rest.map((value) => value / length);
  }
  throw new Error('as many orthogonal directions as there are dimensions');
}
