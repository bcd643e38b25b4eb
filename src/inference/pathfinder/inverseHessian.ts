// The inverse Hessian along an L-BFGS path, diagonal plus low rank, as the covariance of a normal distribution.
import { cholesky, solve } from '../linearAlgebra.js';
import { dot } from '../optimise/vectors.js';

/** A step of the path with the fall of the gradient along it. */
export interface PathPair {
  /** s = θ' − θ */
  readonly step: Float64Array;
  /** z = ∇ log p(θ) − ∇ log p(θ') */
  readonly fall: Float64Array;
}

/** N(mean, Σ), Σ = A^½ (I + Q (M − I) Q') A^½ with A = diag(alpha), Q orthonormal columns and M = L L'. */
export interface PathNormal {
  readonly mean: Float64Array;
  /** √α, `[dimension]` */
  readonly scale: Float64Array;
  /** Columns of Q. */
  readonly columns: readonly Float64Array[];
  /** L, `[rank][rank]`, lower. */
  readonly factor: Float64Array;
  readonly logDeterminant: number;
}

/** Whether a pair's curvature is positive enough to be used (Zhang et al. 2022, algorithm 3). */
export function isUsable({ step, fall }: PathPair): boolean {
  const product = dot(step, fall);
  return product > 1e-12 * dot(fall, fall) && product > 0;
}

/** The diagonal estimate after one more pair (Gilbert and Lemaréchal 1989; Zhang et al. 2022, algorithm 3). */
export function updatedDiagonal(alpha: Float64Array, { step, fall }: PathPair): Float64Array {
  let [a, c] = [0, 0];
  for (let i = 0; i < alpha.length; i++) {
    a += fall[i] * fall[i] * alpha[i];
    c += (step[i] * step[i]) / alpha[i];
  }
  const b = dot(fall, step);
  return alpha.map((value, i) => {
    const inverse = a / (b * value) + (fall[i] * fall[i]) / b - (a * step[i] * step[i]) / (b * c * value * value);
    return inverse > 0 ? 1 / inverse : value;
  });
}

/**
 * The normal approximation at a point of the path: covariance diag(α) + β γ β' with β = [diag(α) Z, S] (Byrd, Nocedal and Schnabel 1994, theorem
 * 2.2; Zhang et al. 2022, algorithm 4), mean one Newton step ahead. Undefined where it is not positive definite.
 */
export function pathNormal(
  position: Float64Array,
  gradient: Float64Array,
  alpha: Float64Array,
  pairs: readonly PathPair[],
): PathNormal | undefined {
  const scale = alpha.map(Math.sqrt);
  const whitened = [
    ...pairs.map(({ fall }) => fall.map((value, i) => value * scale[i])),
    ...pairs.map(({ step }) => step.map((value, i) => value / scale[i])),
  ];
  const { columns, coefficients } = orthonormalise(whitened);
  const rank = columns.length;
  const gamma = middleMatrix(alpha, pairs);
  const size = whitened.length;
  const inner = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? 1 : 0;
      for (let a = 0; a < size; a++) {
        for (let b = 0; b < size; b++) sum += coefficients[a][i] * gamma[a * size + b] * coefficients[b][j];
      }
      inner[i * rank + j] = inner[j * rank + i] = sum;
    }
  }
  const factor = cholesky(inner, rank);
  if (factor === undefined) return undefined;
  let logDeterminant = 0;
  for (const value of alpha) logDeterminant += Math.log(value);
  for (let i = 0; i < rank; i++) logDeterminant += 2 * Math.log(factor[i * rank + i]);
  const mean = position.slice();
  const white = gradient.map((slope, i) => slope * scale[i]);
  const parts = columns.map((column) => dot(column, white));
  const change = parts.map((part, i) => parts.reduce((sum, other, j) => sum + inner[i * rank + j] * other, -part));
  columns.forEach((column, i) => {
    for (let k = 0; k < white.length; k++) white[k] += change[i] * column[k];
  });
  for (let k = 0; k < mean.length; k++) mean[k] += scale[k] * white[k];
  return { mean, scale, columns, factor, logDeterminant };
}

/** Writes a draw from standard normals `[dimension]` to `position`; returns its log density (Zhang et al. 2022, algorithm 5). */
export function drawFrom(
  { mean, scale, columns, factor, logDeterminant }: PathNormal,
  noise: Float64Array,
  position: Float64Array,
): number {
  const rank = columns.length;
  const parts = columns.map((column) => dot(column, noise));
  const change = parts.map((part, i) => {
    let sum = -part;
    for (let j = 0; j <= i; j++) sum += factor[i * rank + j] * parts[j];
    return sum;
  });
  position.set(noise);
  columns.forEach((column, i) => {
    for (let k = 0; k < position.length; k++) position[k] += change[i] * column[k];
  });
  for (let k = 0; k < position.length; k++) position[k] = mean[k] + scale[k] * position[k];
  return -0.5 * (logDeterminant + dot(noise, noise) + noise.length * Math.log(2 * Math.PI));
}

/** The marginal normal of some elements. Undefined where rounding leaves its covariance without a factor. */
export function marginalNormal(
  { mean, scale, columns, factor }: PathNormal,
  indices: ArrayLike<number>,
): PathNormal | undefined {
  const [size, rank] = [indices.length, columns.length];
  const covariance = new Float64Array(size * size);
  for (let a = 0; a < size; a++) {
    const own = partOf(indices[a]);
    for (let b = 0; b <= a; b++) {
      const other = partOf(indices[b]);
      let sum = a === b ? 1 : 0;
      for (let r = 0; r < rank; r++) {
        sum += own.image[r] * other.image[r] - own.row[r] * other.row[r];
      }
      covariance[a * size + b] = covariance[b * size + a] = sum;
    }
  }
  const marginalFactor = cholesky(covariance, size);
  if (marginalFactor === undefined) return undefined;
  let logDeterminant = 0;
  for (let i = 0; i < size; i++) logDeterminant += 2 * Math.log(marginalFactor[i * (size + 1)] * scale[indices[i]]);
  return {
    mean: Float64Array.from(indices, (i) => mean[i]),
    scale: Float64Array.from(indices, (i) => scale[i]),
    // All of the space: what is outside the columns has the variance of the scale, and nothing is.
    columns: Array.from({ length: size }, (_, i) => Float64Array.from({ length: size }, (__, k) => Number(i === k))),
    factor: marginalFactor,
    logDeterminant,
  };

  /** Row i of Q, and of Q L. */
  function partOf(i: number): { row: Float64Array; image: Float64Array } {
    const row = Float64Array.from(columns, (column) => column[i]);
    const image = new Float64Array(rank);
    for (let r = 0; r < rank; r++) for (let j = 0; j <= r; j++) image[j] += row[r] * factor[r * rank + j];
    return { row, image };
  }
}

/** Log density of the normal at a position. */
export function logDensityOf(
  { mean, scale, columns, factor, logDeterminant }: PathNormal,
  position: Float64Array,
): number {
  const white = position.map((value, k) => (value - mean[k]) / scale[k]);
  const parts = Float64Array.from(columns, (column) => dot(column, white));
  const outside = dot(white, white) - dot(parts, parts);
  solve(factor, parts);
  return -0.5 * (logDeterminant + outside + dot(parts, parts) + position.length * Math.log(2 * Math.PI));
}

/** Variances of the normal, `[dimension]`. */
export function variancesOf({ scale, columns, factor }: PathNormal): Float64Array {
  const rank = columns.length;
  return scale.map((value, k) => {
    let sum = 1;
    for (let i = 0; i < rank; i++) sum -= columns[i][k] ** 2;
    for (let j = 0; j < rank; j++) {
      let part = 0;
      for (let i = j; i < rank; i++) part += factor[i * rank + j] * columns[i][k];
      sum += part * part;
    }
    return value * value * sum;
  });
}

/** γ over [Z, S], `[2J][2J]`. */
function middleMatrix(alpha: Float64Array, pairs: readonly PathPair[]): Float64Array {
  const count = pairs.length;
  const size = 2 * count;
  const upper = new Float64Array(count * count);
  const inner = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      if (i <= j) upper[i * count + j] = dot(pairs[i].step, pairs[j].fall);
      let sum = 0;
      for (let k = 0; k < alpha.length; k++) sum += pairs[i].fall[k] * alpha[k] * pairs[j].fall[k];
      inner[i * count + j] = sum;
    }
  }
  for (let i = 0; i < count; i++) inner[i * (count + 1)] += upper[i * (count + 1)];
  const inverse = invertUpper(upper, count);
  const gamma = new Float64Array(size * size);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      gamma[i * size + count + j] = -inverse[i * count + j];
      gamma[(count + i) * size + j] = -inverse[j * count + i];
      let sum = 0;
      for (let a = 0; a <= i; a++) {
        for (let b = 0; b <= j; b++) sum += inverse[a * count + i] * inner[a * count + b] * inverse[b * count + j];
      }
      gamma[(count + i) * size + count + j] = sum;
    }
  }
  return gamma;
}

function invertUpper(upper: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    for (let row = column; row >= 0; row--) {
      let sum = row === column ? 1 : 0;
      for (let k = row + 1; k <= column; k++) sum -= upper[row * size + k] * inverse[k * size + column];
      inverse[row * size + column] = sum / upper[row * size + row];
    }
  }
  return inverse;
}

/** Columns nearly spanned by those before them add none of their own. */
const DEPENDENT = 1e-10;

/** Q with orthonormal columns and, of each vector, its coefficients in them (Gram and Schmidt, twice). */
function orthonormalise(vectors: readonly Float64Array[]): {
  columns: Float64Array[];
  coefficients: Float64Array[];
} {
  const columns: Float64Array[] = [];
  const coefficients = vectors.map(() => new Float64Array(vectors.length));
  vectors.forEach((vector, v) => {
    const rest = vector.slice();
    const size = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++) {
      columns.forEach((column, i) => {
        const part = dot(column, rest);
        coefficients[v][i] += part;
        for (let k = 0; k < rest.length; k++) rest[k] -= part * column[k];
      });
    }
    const norm = Math.sqrt(dot(rest, rest));
    if (!(norm > DEPENDENT * size)) return;
    coefficients[v][columns.length] = norm;
    columns.push(rest.map((value) => value / norm));
  });
  return { columns, coefficients };
}
