// The low-rank metric: equal to its written-out matrix in all that phase space does, and learnt from few draws with their gradients.
import { describe, expect, it } from 'vitest';
import { GpuPhaseSpaces } from '../../src/inference/gpu/gpuPhaseSpaces.js';
import type { ResidentDensity } from '../../src/inference/logDensity.js';
import { DrawPairs } from '../../src/inference/phaseSpace/drawPairs.js';
import { estimateMetric } from '../../src/inference/phaseSpace/estimateMetric.js';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { LowRank } from '../../src/inference/phaseSpace/lowRank.js';
import type { LowRankLimits, Metric } from '../../src/inference/phaseSpace/metric.js';
import {
  blockMetric,
  correctionOf,
  inverseMassDiagonal,
  lowRankLimits,
} from '../../src/inference/phaseSpace/metric.js';
import { RunningMoments } from '../../src/inference/phaseSpace/moments.js';
import type { Coroutine, Request } from '../../src/inference/phaseSpace/requests.js';
import type { RandomStream } from '../../src/inference/random/streams.js';
import { batched, correlatedNormal } from './densities.js';
import { drive } from './monteCarlo.js';
import { dot, normals, orthonormal } from './vectors.js';

const limits: LowRankLimits = { rank: 20, cutoff: 2, keptDraws: 128 };

/** D^½ (I + U (Λ − I) Uᵀ) D^½, applied to a vector; with 1/D and 1/Λ its inverse. */
function scaledProduct(
  scales: Float64Array,
  directions: readonly Float64Array[],
  eigenvalues: readonly number[],
  x: Float64Array,
): Float64Array {
  const inner = x.map((value, i) => value * scales[i]);
  const result = inner.slice();
  directions.forEach((direction, k) => {
    const along = (eigenvalues[k] - 1) * dot(direction, inner);
    direction.forEach((value, i) => (result[i] += along * value));
  });
  return result.map((value, i) => value * scales[i]);
}

describe('phase space with a low-rank metric', () => {
  const dimension = 7;
  const eigenvalues = [25, 4, 0.05];
  const variances = Float64Array.from({ length: dimension }, (_, i) => 0.2 + 0.5 * i);
  const scales = variances.map(Math.sqrt);
  const directions = orthonormal(dimension, eigenvalues.length, 1);
  const columns = Float64Array.from(directions.flatMap((u) => [...u.map((value, i) => value * scales[i])]));
  const lowRank: Metric = {
    inverseMass: variances,
    lowRank: new LowRank(variances, columns, Float64Array.from(eigenvalues)),
  };
  const unit = (i: number): Float64Array => Float64Array.from({ length: dimension }, (_, j) => Number(i === j));
  const matrix = Float64Array.from({ length: dimension }, (_, i) => i).reduce(
    (all, i) => {
      all.set(scaledProduct(scales, directions, eigenvalues, unit(i)), i * dimension);
      return all;
    },
    new Float64Array(dimension * dimension),
  );
  const times = (x: Float64Array): Float64Array =>
    x.map((_, i) => dot(matrix.subarray(i * dimension, (i + 1) * dimension), x));
  const indices = Int32Array.from({ length: dimension }, (_, i) => i);
  const dense = blockMetric(variances, indices, matrix);

  const make = (metric: Metric) => {
    const density = batched(dimension, correlatedNormal(dimension, 0.6).density, 2);
    return { density, space: new HostPhaseSpace(density, 1, metric) };
  };
  const given = (values: ArrayLike<number>): RandomStream => ({
    uniform: () => 0.5,
    bernoulli: () => true,
    fillNormal: (target) => target.set(values),
  });

  function* ask(requests: readonly Request[]): Coroutine<number[]> {
    return Array.from(yield requests);
  }

  /** The momentum that standard normals z become, and its energy less that of the position. */
  function refreshed(metric: Metric, z: Float64Array): { momentum: Float64Array; kinetic: number } {
    const { density, space } = make(metric);
    const energies = drive(
      ask([
        { kind: 'evaluate', point: 0 },
        { kind: 'refresh', at: { point: 0, momentum: 0 }, stream: given(z) },
      ]),
      space,
      density,
    );
    return { momentum: space.momentumAt(0).slice(), kinetic: energies[1] + space.logDensityAt(0) };
  }

  it('draws momenta of covariance M, with kinetic energy pᵀ M⁻¹ p / 2', () => {
    // p = B z, so B Bᵀ M⁻¹ = I.
    const images = Array.from({ length: dimension }, (_, i) => refreshed(lowRank, unit(i)).momentum);
    for (let j = 0; j < dimension; j++) {
      const row = times(unit(j));
      const along = images.map((image) => dot(image, row));
      for (let i = 0; i < dimension; i++) {
        const element = images.reduce((sum, image, k) => sum + image[i] * along[k], 0);
        expect(element).toBeCloseTo(Number(i === j), 11);
      }
    }
    const { momentum, kinetic } = refreshed(lowRank, normals(dimension, 5));
    expect(kinetic).toBeCloseTo(dot(momentum, times(momentum)) / 2, 11);
    expect(kinetic).toBeCloseTo(dot(normals(dimension, 5), normals(dimension, 5)) / 2, 11);
  });

  it('moves as with the written-out matrix', () => {
    const start = normals(dimension, 6);
    const { momentum } = refreshed(lowRank, normals(dimension, 7));
    const runs = [lowRank, dense].map((metric) => {
      const { density, space } = make(metric);
      const at = { point: 0, momentum: 0 };
      space.positionAt(0).set(start);
      drive(
        ask([
          { kind: 'evaluate', point: 0 },
          { kind: 'refresh', at, stream: given(start) },
        ]),
        space,
        density,
      );
      space.momentumAt(0).set(momentum);
      const steps = Array.from({ length: 9 }, (): Request => ({ kind: 'leapfrog', from: at, to: at, stepSize: 0.07 }));
      return [...drive(ask(steps), space, density), ...space.positionAt(0), ...space.momentumAt(0)];
    });
    runs[0].forEach((value, k) => expect(value).toBeCloseTo(runs[1][k], 10));
    expect(Math.abs(runs[0][8] - runs[0][0])).toBeGreaterThan(1e-4);
  });

  it('tests for turns by the products of its definition, of sums of sums as well', () => {
    const { density, space } = make(lowRank);
    const momenta = Array.from({ length: 4 }, (_, slot) => {
      const refresh = {
        kind: 'refresh',
        at: { point: 0, momentum: slot },
        stream: given(normals(7, 8, slot)),
      } as const;
      drive(ask([{ kind: 'evaluate', point: 0 }, refresh]), space, density);
      return space.momentumAt(slot).slice();
    });
    const leaf = (slot: number) => ({ begin: slot, end: slot, sum: slot });
    const sum = (...vectors: Float64Array[]) => vectors[0].map((_, i) => vectors.reduce((all, v) => all + v[i], 0));
    const product = (p: Float64Array, rho: Float64Array) => dot(p, times(rho));
    const [a, b, c, d] = momenta;
    const left = space.answer({ kind: 'turning', left: leaf(0), right: leaf(1), sum: 4 });
    expect(left).toBeCloseTo(Math.min(product(a, sum(a, b)), product(b, sum(a, b))), 10);
    space.answer({ kind: 'turning', left: leaf(2), right: leaf(3), sum: 5 });
    const whole = space.answer({
      kind: 'turning',
      left: { begin: 0, end: 1, sum: 4 },
      right: { begin: 2, end: 3, sum: 5 },
      sum: 6,
    });
    const all = sum(a, b, c, d);
    const [leftward, rightward] = [sum(a, b, c), sum(b, c, d)];
    const products = [
      ...[a, d].map((p) => product(p, all)),
      ...[a, c].map((p) => product(p, leftward)),
      ...[b, d].map((p) => product(p, rightward)),
    ];
    expect(whole).toBeCloseTo(Math.min(...products), 10);
    // The image of the sum is that of a momentum like any other.
    const e = normals(dimension, 9);
    const refresh = { kind: 'refresh', at: { point: 0, momentum: 7 }, stream: given(e) } as const;
    drive(ask([{ kind: 'evaluate', point: 0 }, refresh]), space, density);
    const last = space.momentumAt(7).slice();
    const longer = space.answer({
      kind: 'turning',
      left: { begin: 0, end: 3, sum: 6 },
      right: leaf(7),
      sum: 8,
    });
    const five = sum(all, last);
    const expected = [
      ...[a, last].map((p) => product(p, five)),
      ...[a, last].map((p) => product(p, sum(all, last))),
      ...[d, last].map((p) => product(p, sum(last, d))),
    ];
    expect(longer).toBeCloseTo(Math.min(...expected), 10);
  });

  it('measures distances and variances by the same matrix', () => {
    const x = normals(dimension, 10);
    const diagonal = inverseMassDiagonal(lowRank);
    diagonal.forEach((value, i) => expect(value).toBeCloseTo(matrix[i * (dimension + 1)], 12));
    const velocity = new Float64Array(dimension);
    const correction = correctionOf(lowRank)!;
    const image = new Float64Array(correction.size);
    // x = M⁻¹ p has the squared distance pᵀ M⁻¹ p.
    correction.project(x, image);
    x.forEach((value, i) => (velocity[i] = variances[i] * value));
    correction.addVelocity(image, 1, velocity);
    times(x).forEach((value, i) => expect(velocity[i]).toBeCloseTo(value, 12));
    const ofDiagonal = velocity.reduce((sum, value, i) => sum + (value * value) / variances[i], 0);
    expect(ofDiagonal + correction.squaredDistance(velocity)).toBeCloseTo(dot(x, times(x)), 10);
  });
});

/** Independent draws of N(0, S (I + U (Λ − I) Uᵀ) S) with their gradients, as a window has observed them. */
function windowOf(dimension: number, draws: number, eigenvalues: readonly number[], seed: number, kept = 128) {
  const scales = Float64Array.from({ length: dimension }, (_, i) => 0.1 + (9.9 * i) / dimension);
  const directions = orthonormal(dimension, eigenvalues.length, 100 + seed);
  const inverse = scales.map((value) => 1 / value);
  const inverted = eigenvalues.map((value) => 1 / value);
  const roots = eigenvalues.map(Math.sqrt);
  const ones = new Float64Array(dimension).fill(1);
  const moments = new RunningMoments(dimension, new Int32Array(0), new DrawPairs(dimension, kept));
  for (let n = 0; n < draws; n++) {
    const z = scaledProduct(ones, directions, roots, normals(dimension, seed, n));
    const position = z.map((value, i) => 3 + value * scales[i]);
    const centred = position.map((value) => value - 3);
    moments.add(
      position,
      scaledProduct(inverse, directions, inverted, centred).map((value) => -value),
    );
  }
  const precision = (x: Float64Array) => scaledProduct(inverse, directions, inverted, x);
  return { moments, precision, prior: new Float64Array(dimension).fill(1e-3) };
}

/** Largest over smallest eigenvalue of M⁻¹ Σ⁻¹ by power iteration: the square of how many steps a trajectory takes, about. */
function condition(metric: Metric, precision: (x: Float64Array) => Float64Array): number {
  const { inverseMass } = metric;
  const correction = correctionOf(metric);
  const image = new Float64Array(correction?.size ?? 0);
  const apply = (x: Float64Array): Float64Array => {
    const p = precision(x);
    const result = p.map((value, i) => inverseMass[i] * value);
    correction?.project(p, image);
    correction?.addVelocity(image, 1, result);
    return result;
  };
  const largest = (of: (x: Float64Array) => Float64Array): number => {
    let [x, value] = [normals(inverseMass.length, 77), 0];
    for (let step = 0; step < 1500; step++) {
      const length = Math.sqrt(dot(x, x));
      x = of(x.map((element) => element / length));
      value = Math.sqrt(dot(x, x));
    }
    return value;
  };
  const most = largest(apply);
  const least = most - largest((x) => apply(x).map((value, i) => most * x[i] - value));
  return most / least;
}

describe('a low-rank metric is learnt', () => {
  const eigenvalues = [400, 100, 30, 0.02, 0.005];

  it.each([
    [50, 25],
    [50, 200],
    [200, 50],
    [200, 200],
    [500, 100],
  ])('in %d dimensions from %d draws, far better than a diagonal', (dimension, draws) => {
    for (const seed of [1, 2]) {
      const { moments, precision, prior } = windowOf(dimension, draws, eigenvalues, seed);
      const diagonal = estimateMetric(moments, prior)!;
      const metric = estimateMetric(moments, prior, limits)!;
      expect(diagonal.lowRank).toBeUndefined();
      expect(metric.lowRank!.size).toBeGreaterThanOrEqual(5);
      expect(metric.lowRank!.size).toBeLessThanOrEqual(20);
      // Eigenvalues of the first span a factor of 80,000; 25 draws are shrunk by a sixth of their logarithms.
      expect(condition(metric, precision)).toBeLessThan(condition(diagonal, precision) / 50);
    }
  });

  it('exactly, but for the shrinkage, where its columns may be all dimensions', () => {
    const { moments, precision, prior } = windowOf(50, 400, eigenvalues, 3);
    const all = { rank: 50, cutoff: 1.001, keptDraws: 128 };
    // Directions differ by 80,000, and a share 5/405 of its logarithm is lost; the diagonal costs as much again at most.
    expect(condition(estimateMetric(moments, prior, all)!, precision)).toBeLessThan(80_000 ** (10 / 405));
  });

  it('with no columns where there is no correlation', () => {
    for (const seed of [1, 2, 3]) {
      const { moments, prior } = windowOf(60, 100, [], seed);
      const metric = estimateMetric(moments, prior, limits)!;
      expect(metric.lowRank).toBeUndefined();
      // Gradients of independent normals tell the variances exactly; the rest is shrinkage by 5 draws in 105.
      metric.inverseMass.forEach((value, i) => {
        expect(value).toBeCloseTo((100 / 105) * (0.1 + (9.9 * i) / 60) ** 2 + (5 / 105) * 1e-3, 10);
      });
    }
  });

  it('with no more columns than its rank, those that matter most', () => {
    const { moments, prior } = windowOf(40, 200, eigenvalues, 4);
    const { size, eigenvalues: found } = estimateMetric(moments, prior, { ...limits, rank: 2 })!.lowRank!;
    expect(size).toBe(2);
    expect([...found].some((value) => value > 100)).toBe(true);
    expect([...found].every((value) => Math.abs(Math.log(value)) > Math.log(30))).toBe(true);
  });

  it('not from a window that allows none: the metric is then the diagonal one', () => {
    const sameAsDiagonal = (moments: RunningMoments, prior: Float64Array) => {
      const metric = estimateMetric(moments, prior, limits);
      expect(metric).toEqual(estimateMetric(moments, prior));
      return metric!.inverseMass;
    };
    const few = windowOf(30, 3, eigenvalues, 5);
    sameAsDiagonal(few.moments, few.prior);
    for (const bad of [NaN, Infinity, -Infinity]) {
      const { moments, prior } = windowOf(30, 40, eigenvalues, 6);
      moments.add(normals(30, 7), normals(30, 8).fill(bad, 4, 5));
      expect(sameAsDiagonal(moments, prior).every((value) => value > 0 && value < Infinity)).toBe(true);
    }
    const one = windowOf(30, 1, eigenvalues, 5);
    expect(estimateMetric(one.moments, one.prior, limits)).toBeUndefined();
  });

  it('with fewer columns than its rank from fewer draws', () => {
    const { moments, prior } = windowOf(30, 9, eigenvalues, 5);
    const metric = estimateMetric(moments, prior, limits)!;
    expect(metric.lowRank!.size).toBeLessThanOrEqual(4);
    expect(metric.inverseMass.every((value) => value > 0 && value < Infinity)).toBe(true);
  });

  it('where dimensions, or all draws, are constant', () => {
    const prior = new Float64Array(10).fill(0.01);
    const still = new RunningMoments(10, new Int32Array(0), new DrawPairs(10, 64));
    for (let n = 0; n < 50; n++) still.add(new Float64Array(10).fill(2), normals(10, 9));
    const metric = estimateMetric(still, prior, limits)!;
    metric.inverseMass.forEach((value) => expect(value).toBeCloseTo((0.01 * 5) / 55, 12));
    const some = new RunningMoments(10, new Int32Array(0), new DrawPairs(10, 64));
    for (let n = 0; n < 50; n++) {
      const position = normals(10, 10, n);
      const gradient = position.map((value) => -value);
      some.add(position.fill(7, 3, 5), n % 2 === 0 ? gradient.fill(0, 4, 5) : gradient.fill(0, 4, 6));
    }
    const { inverseMass, lowRank } = estimateMetric(some, prior, limits)!;
    expect(inverseMass.every((value) => value > 0 && value < Infinity)).toBe(true);
    expect(lowRank?.columns.every(Number.isFinite) ?? true).toBe(true);
    expect(lowRank?.eigenvalues.every((value) => value > 0 && value < Infinity) ?? true).toBe(true);
  });
});

describe('phase spaces in the memory of a GPU', () => {
  it('refuse a low-rank metric in one line', async () => {
    const settings = {
      chains: 1,
      inverseMass: new Float64Array(1),
      denseIndices: new Int32Array(0),
      lowRank: limits,
      slots: () => ({ points: 1, momenta: 1 }),
    };
    await expect(GpuPhaseSpaces.create({} as ResidentDensity, settings)).rejects.toThrow(
      'metric: lowRank needs its vectors on the host; on a GPU take diagonal, dense or block',
    );
  });
});

describe('draws kept with their gradients', () => {
  it('are evenly spaced over the window, in bounded number', () => {
    for (const [draws, kept, stride] of [
      [8, 8, 1],
      [9, 5, 2],
      [100, 7, 16],
      [129, 5, 32],
    ]) {
      const pairs = new DrawPairs(1, 8);
      for (let n = 0; n < draws; n++) pairs.add(Float64Array.of(n), Float64Array.of(-n));
      expect(pairs.stride).toBe(stride);
      expect(pairs.keptDraws.map(([n]) => n)).toEqual(Array.from({ length: kept }, (_, k) => k * stride));
      expect(pairs.keptGradients.map(([n]) => -n)).toEqual(pairs.keptDraws.map(([n]) => n));
      expect(pairs.gradients.count).toBe(draws);
    }
  });

  it('take 32 MiB of a chain at most', () => {
    const kind = { kind: 'lowRank' } as const;
    expect(lowRankLimits(kind, 100)).toEqual({ rank: 20, cutoff: 2, keptDraws: 128 });
    expect(lowRankLimits(kind, 5)!.rank).toBe(5);
    expect(lowRankLimits(kind, 100, 64)!.keptDraws).toBe(2);
    for (const dimension of [16_384, 50_000, 131_072]) {
      expect(lowRankLimits(kind, dimension)!.keptDraws * 16 * dimension).toBeLessThanOrEqual(2 ** 25);
    }
    expect(() => lowRankLimits(kind, 131_073)).toThrow(
      'metric: lowRank keeps draws of at most 131072 dimensions, not 131073; use diagonal',
    );
    expect(() => lowRankLimits({ ...kind, rank: 0 }, 5)).toThrow('metric.rank: 0 is not a whole number above 0');
    expect(() => lowRankLimits({ ...kind, cutoff: 1 }, 5)).toThrow('metric.cutoff: 1 is not above 1 and finite');
    expect(lowRankLimits({ kind: 'dense' }, 5)).toBeUndefined();
  });
});
