// Sums over vectors that the optimisers share.

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** target += factor · vector */
export function addScaled(target: Float64Array, factor: number, vector: ArrayLike<number>): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * vector[i];
}

export function isFiniteVector(vector: Float64Array): boolean {
  for (const value of vector) if (!Number.isFinite(value)) return false;
  return true;
}
