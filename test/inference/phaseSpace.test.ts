// Leapfrog, momenta and turning: reversible, volume-preserving, second order, and the same for every form of the metric.
import { describe, expect, it } from 'vitest';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import type { Metric } from '../../src/inference/phaseSpace/metric.js';
import {
  blockMetric,
  denseIndices,
  diagonalMetric,
  inverseMassDiagonal,
} from '../../src/inference/phaseSpace/metric.js';
import type { Coroutine, PhasePoint, Request } from '../../src/inference/phaseSpace/requests.js';
import type { RandomStream } from '../../src/inference/random/streams.js';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';
import { banana, batched } from './densities.js';
import { drive } from './monteCarlo.js';

/** Every z is what the test wants it to be. */
const fixedNormals = (values: ArrayLike<number>): RandomStream => ({
  uniform: () => 0.5,
  bernoulli: () => true,
  fillNormal: (target) => target.set(values),
});

const covariance = Float64Array.of(2, 0.6, 0.6, 0.5);
const metrics: [string, Metric][] = [
  ['diagonal', diagonalMetric(2, [0.7, 1.9])],
  ['dense', blockMetric(Float64Array.of(2, 0.5), Int32Array.of(0, 1), covariance)],
];

function* trajectory(from: PhasePoint, stream: RandomStream, steps: number, stepSize: number): Coroutine<number[]> {
  const requests: Request[] = [
    { kind: 'evaluate', point: from.point },
    { kind: 'refresh', at: from, stream },
  ];
  for (let i = 0; i < 2 * steps; i++) {
    requests.push({ kind: 'leapfrog', from, to: from, stepSize: i < steps ? stepSize : -stepSize });
  }
  return Array.from(yield requests).slice(1);
}

describe.each(metrics)('leapfrog with a %s metric', (_, metric) => {
  const make = () => {
    const density = batched(2, banana.density, 3);
    return { density, space: new HostPhaseSpace(density, 1, metric) };
  };

  it('is reversible', () => {
    const { density, space } = make();
    space.positionAt(0).set([0.3, -1.2]);
    const energies = drive(trajectory({ point: 0, momentum: 0 }, fixedNormals([0.8, -0.4]), 50, 0.1), space, density);
    expect(space.positionAt(0)[0]).toBeCloseTo(0.3, 11);
    expect(space.positionAt(0)[1]).toBeCloseTo(-1.2, 11);
    expect(energies[100]).toBeCloseTo(energies[0], 11);
    expect(Math.abs(energies[50] - energies[0])).toBeGreaterThan(1e-9);
  });

  it('has an energy error of second order', () => {
    const errorAt = (stepSize: number) => {
      const { density, space } = make();
      space.positionAt(0).set([0.3, -1.2]);
      const steps = Math.round(1 / stepSize);
      const energies = drive(
        trajectory({ point: 0, momentum: 0 }, fixedNormals([0.8, -0.4]), steps, stepSize),
        space,
        density,
      );
      return Math.abs(energies[steps] - energies[0]);
    };
    expect(errorAt(0.02) / errorAt(0.01)).toBeCloseTo(4, 1);
    expect(errorAt(0.002)).toBeLessThan(1e-4);
  });

  it('preserves volume in phase space', () => {
    // Jacobian of (q, z) → (q', velocity-independent p') by central differences; z and p differ by a constant linear map.
    const factor = metric.block?.factor;
    const toMomentum = (z: number[]) => {
      if (!factor) return z.map((value, i) => value / Math.sqrt(metric.inverseMass[i]));
      const second = z[1] / factor[3];
      return [(z[0] - factor[2] * second) / factor[0], second];
    };
    const flow = (z: number[]): number[] => {
      const { density, space } = make();
      space.positionAt(0).set(z.slice(0, 2));
      drive(oneStep(fixedNormals(z.slice(2))), space, density);
      // p' from energies is not available; recover it from the positions: p' = M (q' − q)/ε + ε/2 ∇(q').
      const [q, to] = [z.slice(0, 2), [...space.positionAt(1)]];
      const velocity = to.map((value, i) => (value - q[i]) / 0.3);
      const mass = factor ? inverse2(covariance) : [1 / metric.inverseMass[0], 0, 0, 1 / metric.inverseMass[1]];
      const gradient = space.gradientAt(1);
      return [
        ...to,
        mass[0] * velocity[0] + mass[1] * velocity[1] + 0.15 * gradient[0],
        mass[2] * velocity[0] + mass[3] * velocity[1] + 0.15 * gradient[1],
      ];
    };
    const at = [0.3, -1.2, 0.8, -0.4];
    const h = 1e-5;
    const columns = at.map((_, k) => {
      const moved = (by: number) => flow(at.map((value, i) => (i === k ? value + by : value)));
      const [plus, minus] = [moved(h), moved(-h)];
      return plus.map((value, i) => (value - minus[i]) / (2 * h));
    });
    const [a, b] = [toMomentum([1, 0]), toMomentum([0, 1])];
    expect(determinant(columns) / (a[0] * b[1] - a[1] * b[0])).toBeCloseTo(1, 6);
  });

  it('draws momenta whose kinetic energy is chi-square', () => {
    const { density, space } = make();
    const at = { point: 0, momentum: 0 };
    let [sum, squares] = [0, 0];
    const n = 20_000;
    for (let i = 0; i < n; i++) {
      const stream = stepKey(randomKey(1), 0, i).stream(0);
      const twice = 2 * (drive(trajectory(at, stream, 0, 1), space, density)[0] + space.logDensityAt(0));
      sum += twice / n;
      squares += twice ** 2 / n;
    }
    // χ²₂: mean 2, variance 4; second moment 8 with standard deviation √(384 − 64).
    expect(Math.abs(sum - 2)).toBeLessThan((4 * 2) / Math.sqrt(n));
    expect(Math.abs(squares - 8)).toBeLessThan((4 * Math.sqrt(320)) / Math.sqrt(n));
  });
});

function* oneStep(stream: RandomStream): Coroutine<void> {
  yield [
    { kind: 'evaluate', point: 0 },
    { kind: 'refresh', at: { point: 0, momentum: 0 }, stream },
    { kind: 'leapfrog', from: { point: 0, momentum: 0 }, to: { point: 1, momentum: 1 }, stepSize: 0.3 },
  ];
}

const inverse2 = ([a, b, c, d]: ArrayLike<number> & Iterable<number>): number[] =>
  [d, -b, -c, a].map((value) => value / (a * d - b * c));

function determinant(matrix: number[][]): number {
  if (matrix.length === 1) return matrix[0][0];
  return matrix[0].reduce(
    (sum, value, k) =>
      sum + (k % 2 === 0 ? 1 : -1) * value * determinant(matrix.slice(1).map((row) => row.filter((_, j) => j !== k))),
    0,
  );
}

describe('metric', () => {
  it('a block whose covariance is diagonal acts as the diagonal metric does', () => {
    const energiesOf = (metric: Metric) => {
      const density = batched(2, banana.density, 2);
      const space = new HostPhaseSpace(density, 0, metric);
      space.positionAt(0).set([0.3, -1.2]);
      const energies = drive(trajectory({ point: 0, momentum: 0 }, fixedNormals([0.8, -0.4]), 7, 0.2), space, density);
      return [...energies, ...space.positionAt(0)];
    };
    const variances = [0.7, 1.9];
    const diagonal = energiesOf(diagonalMetric(2, variances));
    for (const [indices, block] of [
      [
        [0, 1],
        [0.7, 0, 0, 1.9],
      ],
      [[1], [1.9]],
    ]) {
      const metric = blockMetric(Float64Array.from(variances), Int32Array.from(indices), Float64Array.from(block));
      energiesOf(metric).forEach((value, i) => expect(value).toBeCloseTo(diagonal[i], 11));
      expect([...inverseMassDiagonal(metric)]).toEqual(variances);
    }
  });

  it.each(metrics)('the turning products follow their definition (%s)', (_, metric) => {
    const density = batched(2, banana.density, 1);
    const space = new HostPhaseSpace(density, 0, metric);
    const mass = metric.block ? metric.block.inverseMass : [metric.inverseMass[0], 0, 0, metric.inverseMass[1]];
    const factor = metric.block?.factor ?? [Math.sqrt(mass[0]), 0, 0, Math.sqrt(mass[3])];
    for (let trial = 0; trial < 40; trial++) {
      const momenta = [0, 1, 2, 3, 4, 5].map((slot) => {
        const z = new Float64Array(2);
        stepKey(randomKey(trial), slot, 0).stream(0).fillNormal(z);
        drive(refreshOnly(slot, fixedNormals(z)), space, density);
        const second = z[1] / factor[3];
        return [(z[0] - factor[2] * second) / factor[0], second];
      });
      const [leftBegin, leftEnd, leftSum, rightBegin, rightEnd, rightSum] = momenta;
      const product = (p: number[], rho: number[]) =>
        p[0] * (mass[0] * rho[0] + mass[1] * rho[1]) + p[1] * (mass[2] * rho[0] + mass[3] * rho[1]);
      const add = (a: number[], b: number[]) => [a[0] + b[0], a[1] + b[1]];
      const expected = Math.min(
        ...[leftBegin, rightEnd].map((p) => product(p, add(leftSum, rightSum))),
        ...[leftBegin, rightBegin].map((p) => product(p, add(leftSum, rightBegin))),
        ...[leftEnd, rightEnd].map((p) => product(p, add(rightSum, leftEnd))),
      );
      const [left, right] = [
        { begin: 0, end: 1, sum: 2 },
        { begin: 3, end: 4, sum: 5 },
      ];
      expect(space.answer({ kind: 'turning', left, right, sum: 6 })).toBeCloseTo(expected, 10);
    }
  });

  it('refuses a dense block that is too large or names dimensions that do not exist', () => {
    expect(() => denseIndices({ kind: 'dense' }, 1001)).toThrow(/1001 dense dimensions, the limit is 1000/);
    expect(() => denseIndices({ kind: 'block', dense: [2, 5] }, 5)).toThrow(/dense dimension 5 is not between 0 and 4/);
    expect(() => denseIndices({ kind: 'block', dense: [2, 1, 2] }, 5)).toThrow(/dense dimension 2 is listed twice/);
    expect([...denseIndices({ kind: 'block', dense: [3, 1] }, 5)]).toEqual([1, 3]);
  });
});

function* refreshOnly(slot: number, stream: RandomStream): Coroutine<void> {
  yield [
    { kind: 'evaluate', point: 0 },
    { kind: 'refresh', at: { point: 0, momentum: slot }, stream },
  ];
}
