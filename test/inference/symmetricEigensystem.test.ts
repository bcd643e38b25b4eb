// Eigensystems of small symmetric matrices: the matrix comes back from them, whatever its eigenvalues.
import { describe, expect, it } from 'vitest';
import { symmetricEigensystem } from '../../src/inference/symmetricEigensystem.js';
import { dot, normals } from './vectors.js';

describe('eigensystems', () => {
  it.each([1, 2, 3, 8, 25])('of %d dimensions give the matrix back', (size) => {
    const rows = Array.from({ length: size }, (_, k) => normals(size + 1, 3, k));
    const matrix = Float64Array.from({ length: size * size }, (_, at) =>
      dot(rows[Math.floor(at / size)], rows[at % size]),
    );
    const { values, vectors } = symmetricEigensystem(matrix, size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const element = vectors.reduce((sum, vector, k) => sum + values[k] * vector[i] * vector[j], 0);
        expect(element).toBeCloseTo(matrix[i * size + j], 10);
        expect(dot(vectors[i], vectors[j])).toBeCloseTo(Number(i === j), 12);
      }
      expect(values[i]).toBeLessThanOrEqual(values[Math.max(0, i - 1)]);
    }
  });

  it('of diagonal, zero and repeated ones come out too', () => {
    expect([...symmetricEigensystem(Float64Array.of(1, 0, 0, 0, 3, 0, 0, 0, 2), 3).values]).toEqual([3, 2, 1]);
    expect([...symmetricEigensystem(new Float64Array(16), 4).values]).toEqual([0, 0, 0, 0]);
    const { values } = symmetricEigensystem(new Float64Array(25).fill(1), 5);
    expect(values[0]).toBeCloseTo(5, 12);
    values.slice(1).forEach((value) => expect(value).toBeCloseTo(0, 12));
  });
});
