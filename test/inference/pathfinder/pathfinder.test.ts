// Pathfinder: its normal approximation in closed form, exact on Gaussians, close on eight schools, and its starts for NUTS.
import { describe, expect, it } from 'vitest';
import { pathfinder, type PathfinderSettings } from '../../../src/inference/pathfinder/pathfinder.js';
import {
  drawFrom,
  logDensityOf,
  marginalNormal,
  pathNormal,
  type PathPair,
  updatedDiagonal,
  variancesOf,
} from '../../../src/inference/pathfinder/inverseHessian.js';
import { sample } from '../../../src/inference/sample.js';
import { randomNumbers } from '../../models/random.js';
import { batched, correlatedNormal, eightSchools, type KnownPosterior, studentT } from '../densities.js';

describe('the approximation at an iterate', () => {
  /** Pairs of a quadratic with the given precision matrix. */
  function pairsOf(dimension: number, count: number): PathPair[] {
    const random = randomNumbers(`pairs ${dimension}`);
    const root = Array.from({ length: dimension }, () => random.normals(dimension));
    return Array.from({ length: count }, () => {
      const step = random.normals(dimension);
      const image = root.map((row) => row.reduce((sum, value, k) => sum + value * step[k], 0));
      const fall = step.map((value, k) => value + root.reduce((sum, row, i) => sum + row[k] * image[i], 0));
      return { step, fall };
    });
  }

  /** The same inverse Hessian by BFGS updates of a dense matrix (Nocedal and Wright 2006, equation 6.17). */
  function denseInverseHessian(alpha: Float64Array, pairs: readonly PathPair[]): number[][] {
    const n = alpha.length;
    let h = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? alpha[i] : 0)));
    for (const { step, fall } of pairs) {
      const rho = 1 / step.reduce((sum, value, i) => sum + value * fall[i], 0);
      const left = Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (_, j) => Number(i === j) - rho * step[i] * fall[j]),
      );
      const half = left.map((row) => Array.from({ length: n }, (_, j) => row.reduce((s, v, k) => s + v * h[k][j], 0)));
      h = half.map((row, i) =>
        Array.from({ length: n }, (_, j) => row.reduce((s, v, k) => s + v * left[j][k], rho * step[i] * step[j])),
      );
    }
    return h;
  }

  // More columns than dimensions, as many, and fewer.
  it.each([
    [3, 3],
    [6, 3],
    [12, 3],
  ])('in %i dimensions with %i pairs is that of dense BFGS updates', (dimension, count) => {
    const pairs = pairsOf(dimension, count);
    const alpha = updatedDiagonal(new Float64Array(dimension).fill(0.5), pairs[0]);
    expect(alpha.every((value) => value > 0)).toBe(true);
    const dense = denseInverseHessian(alpha, pairs);
    const random = randomNumbers('gradient');
    const [position, gradient] = [random.normals(dimension), random.normals(dimension)];
    const normal = pathNormal(position, gradient, alpha, pairs)!;
    dense.forEach((row, i) => {
      const mean = row.reduce((sum, value, k) => sum + value * gradient[k], position[i]);
      expect(normal.mean[i]).toBeCloseTo(mean, 9);
      expect(variancesOf(normal)[i]).toBeCloseTo(row[i], 9);
    });
    // Columns of the draws' linear map: images of the unit vectors. Their products are the covariance.
    const images = dense.map((_, k) => {
      const unit = new Float64Array(dimension);
      unit[k] = 1;
      const image = new Float64Array(dimension);
      const logDensity = drawFrom(normal, unit, image);
      expect(logDensityOf(normal, image)).toBeCloseTo(logDensity, 9);
      expect(logDensity).toBeCloseTo(-0.5 * (normal.logDeterminant + 1 + dimension * Math.log(2 * Math.PI)), 9);
      return image.map((value, i) => value - normal.mean[i]);
    });
    dense.forEach((row, i) =>
      row.forEach((value, j) => {
        expect(images.reduce((sum, image) => sum + image[i] * image[j], 0)).toBeCloseTo(value, 8);
      }),
    );
  });
});

async function drawsOf(
  { dimension, density }: KnownPosterior,
  seed: number,
  more: PathfinderSettings = {},
  lanes = 16,
) {
  const draws: Float64Array[] = [];
  const settings = { seed, draws: 500, chains: 4, ...more };
  const result = await pathfinder(batched(dimension, density, lanes), settings, {
    onDraw: ({ position }) => void draws.push(position.slice()),
  });
  return { draws, result };
}

describe.each([1, 2, 3])('seed %i', (seed) => {
  it.each([correlatedNormal(3, 0.8), correlatedNormal(6, 0.5)])('expectations of $name', async (known) => {
    const { draws, result } = await drawsOf(known, seed, { history: 20 });
    expect(result.verdict.status).toMatch(/good|usable/);
    expect(draws).toHaveLength(2000);
    for (const { name, of, value } of known.expectations) {
      const { mean, sd } = momentsOf(draws.map(of));
      // In standard errors of the weighted draws.
      expect(Math.abs(mean - value) / (sd / Math.sqrt(result.effectiveSize)), name).toBeLessThan(4);
    }
  });

  it('expectations of eight schools, told the scale of its prior', async () => {
    const known = eightSchools();
    const inverseMass = [25, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    const { draws, result } = await drawsOf(known, seed, { inverseMass });
    for (const { name, of, value } of known.expectations) {
      const { mean, sd } = momentsOf(draws.map(of));
      expect(Math.abs(mean - value) / (sd / Math.sqrt(result.effectiveSize)), name).toBeLessThan(4);
    }
  });
});

function momentsOf(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, sd: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) };
}

it('does not depend on the lanes', async () => {
  const known = eightSchools();
  const [{ draws: few }, { draws: many }] = [await drawsOf(known, 5, {}, 1), await drawsOf(known, 5, {}, 32)];
  expect(few.map((draw) => [...draw])).toEqual(many.map((draw) => [...draw]));
});

it('says so when it does not cover the posterior', async () => {
  // Student t with half a degree of freedom, in 4 dimensions: no normal has such tails.
  const density = (q: Float64Array, gradient: Float64Array): number => {
    let total = 0;
    for (let i = 0; i < 4; i++) {
      gradient[i] = (-1.5 * q[i]) / (0.5 + q[i] * q[i]);
      total -= 0.75 * Math.log1p((q[i] * q[i]) / 0.5);
    }
    return total;
  };
  const { result } = await drawsOf({ ...studentT, dimension: 4, density, expectations: [] }, 1);
  expect(result.verdict.status).toBe('unreliable');
  const many = correlatedNormal(150, 0.5);
  expect((await drawsOf(many, 1)).result.verdict.status).toBe('notAssessed');
});

it('beyond 100 dimensions is judged on a marginal density of some elements', async () => {
  const many = correlatedNormal(150, 0.3);
  const indices = [0, 1];
  const verdictWith = async (rho: number) => {
    const marginal = { density: batched(2, correlatedNormal(2, rho).density, 32), indices };
    return (await pathfinder(batched(150, many.density, 8), { draws: 50, marginal })).verdict;
  };
  // The first two elements of the autoregression, and what they are not.
  const own = await verdictWith(0.3);
  expect(own).toMatchObject({ dimension: 2 });
  expect(own.status).toMatch(/good|usable/);
  expect(own.words).toMatch(/marginal posterior of the scales/);
  const wrong = await verdictWith(0.95);
  expect(wrong.effectiveShare!).toBeLessThan(own.effectiveShare! - 0.2);
});

it('marginals of an approximation are those of its covariance', () => {
  const random = randomNumbers('marginal');
  const dimension = 5;
  const pairs = Array.from({ length: 3 }, () => {
    const step = random.normals(dimension);
    return { step, fall: step.map((value, i) => value * (i + 1) + 0.3 * step[(i + 1) % dimension]) };
  }).filter(({ step, fall }) => step.reduce((sum, value, i) => sum + value * fall[i], 0) > 0);
  const normal = pathNormal(
    random.normals(dimension),
    random.normals(dimension),
    new Float64Array(5).fill(0.4),
    pairs,
  )!;
  const indices = [3, 1];
  const marginal = marginalNormal(normal, indices)!;
  variancesOf(marginal).forEach((value, a) => expect(value).toBeCloseTo(variancesOf(normal)[indices[a]], 10));
  // Of one element: the univariate normal, whose density is known.
  const one = marginalNormal(normal, [3])!;
  const z = 0.7;
  const sd = Math.sqrt(variancesOf(normal)[3]);
  const expected = -0.5 * z * z - Math.log(sd) - 0.5 * Math.log(2 * Math.PI);
  expect(logDensityOf(one, Float64Array.of(normal.mean[3] + z * sd))).toBeCloseTo(expected, 10);
  // Of two: the density of the first and that of the second given the first, by the covariance of the linear map of the draws.
  const images = Array.from({ length: dimension }, (_, k) => {
    const [unit, image] = [new Float64Array(dimension), new Float64Array(dimension)];
    unit[k] = 1;
    drawFrom(normal, unit, image);
    return indices.map((i) => image[i] - normal.mean[i]);
  });
  const covarianceOf = (a: number, b: number): number => images.reduce((sum, image) => sum + image[a] * image[b], 0);
  const [aa, ab, bb] = [covarianceOf(0, 0), covarianceOf(0, 1), covarianceOf(1, 1)];
  const [x, y] = [0.3, -0.8];
  const determinant = aa * bb - ab * ab;
  const quadratic = (bb * x * x - 2 * ab * x * y + aa * y * y) / determinant;
  const at = Float64Array.of(normal.mean[3] + x, normal.mean[1] + y);
  expect(logDensityOf(marginal, at)).toBeCloseTo(
    -0.5 * quadratic - 0.5 * Math.log(determinant) - Math.log(2 * Math.PI),
    10,
  );
});

it('gives NUTS its starts', async () => {
  const known = eightSchools();
  const density = batched(known.dimension, known.density, 4);
  const { starts, variances } = await pathfinder(density, { seed: 3 });
  const positions = starts(4);
  expect(new Set(positions).size).toBe(4);
  const tau: number[] = [];
  await sample(
    density,
    { seed: 3, warmup: 200, draws: 300, initial: { positions }, inverseMass: variances },
    { onDraw: ({ phase, position }) => void (phase === 'sampling' && tau.push(position[1])) },
  );
  const { value } = known.expectations.find(({ name }) => name === 'mean log tau')!;
  expect(Math.abs(tau.reduce((a, b) => a + b, 0) / tau.length - value)).toBeLessThan(0.3);
});

it('refuses settings out of range', async () => {
  const density = batched(3, correlatedNormal(3, 0).density);
  await expect(pathfinder(density, { paths: 0 })).rejects.toThrow(/paths: 0 is not a whole number/);
  await expect(pathfinder(density, { inverseMass: [1] })).rejects.toThrow(/inverseMass: 1 values for 3/);
  const stop = new AbortController();
  stop.abort();
  await expect(pathfinder(density, {}, {}, { signal: stop.signal })).rejects.toThrow(/abort/);
});
