// The pieces of ChEES' adaptation against what they estimate: jitter, criterion, optimiser, and reductions over chains.
import { describe, expect, it } from 'vitest';
import { harmonicMean } from '../../../src/inference/chees/chees.js';
import { cheesStages } from '../../../src/inference/chees/cheesWarmup.js';
import { halton } from '../../../src/inference/chees/halton.js';
import {
  adaptedLength,
  cheesGradient,
  startTrajectoryLength,
  updateTrajectoryLength,
} from '../../../src/inference/chees/trajectoryLength.js';
import { HostPhaseSpaces } from '../../../src/inference/phaseSpace/hostPhaseSpaces.js';
import { RunningMoments } from '../../../src/inference/phaseSpace/moments.js';
import type { Moves } from '../../../src/inference/phaseSpace/pooled.js';
import { randomKey, stepKey } from '../../../src/inference/random/streams.js';
import { batched, correlatedNormal } from '../densities.js';

/** Standard normals `[row][dimension]`. */
function normals(seed: number, rows: number, dimension: number): Float64Array[] {
  return Array.from({ length: rows }, (_, row) => {
    const values = new Float64Array(dimension);
    stepKey(randomKey(seed), row, 0).stream(0).fillNormal(values);
    return values;
  });
}

describe('Halton sequence', () => {
  it('is the known one, and fills every dyadic interval once', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(halton)).toEqual([0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875]);
    const cells = Array.from({ length: 1024 }, (_, i) => Math.floor(1024 * halton(1024 + i)));
    expect(new Set(cells).size).toBe(1024);
    expect(halton(2 ** 31 + 1)).toBe(0.5 + 2 ** -32);
  });
});

describe('gradient of the criterion', () => {
  it('is the derivative of ChEES by log T along the exact flow of a normal', () => {
    const [chains, dimension, jitter] = [300, 4, 0.7];
    const [starts, momenta] = [normals(1, chains, dimension), normals(2, chains, dimension)];
    /** q(t) = q cos t + p sin t of a standard normal. */
    const at = (t: number) => starts.map((q, c) => q.map((x, i) => x * Math.cos(t) + momenta[c][i] * Math.sin(t)));
    const square = (q: Float64Array, mean: Float64Array) => q.reduce((sum, x, i) => sum + (x - mean[i]) ** 2, 0);
    const meanOf = (points: Float64Array[]) =>
      Float64Array.from({ length: dimension }, (_, i) => points.reduce((sum, q) => sum + q[i] / chains, 0));
    const before = meanOf(starts);
    for (const longest of [0.3, 1, 2, 2.9]) {
      const t = jitter * longest;
      // The means stand for expectations: they do not move with t.
      const after = meanOf(at(t));
      const criterion = (logT: number): number =>
        at(jitter * Math.exp(logT)).reduce(
          (sum, q, c) => sum + (square(q, after) - square(starts[c], before)) ** 2 / 4 / chains,
          0,
        );
      const proposals = at(t);
      const velocities = starts.map((q, c) => q.map((x, i) => -x * Math.sin(t) + momenta[c][i] * Math.cos(t)));
      const gradient = cheesGradient(
        {
          weights: new Float64Array(chains).fill(1),
          changes: proposals.map((q, c) => square(q, after) - square(starts[c], before)),
          slopes: proposals.map((q, c) => q.reduce((sum, x, i) => sum + (x - after[i]) * velocities[c][i], 0)),
        },
        t,
      );
      const h = 1e-5;
      const expected = (criterion(Math.log(longest) + h) - criterion(Math.log(longest) - h)) / (2 * h);
      expect(Math.abs(gradient - expected), `T = ${longest}`).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
    }
  });

  it('weighs by acceptance and leaves out what is not finite', () => {
    const moves = { weights: [1, 0.5, 0, 1], changes: [2, -1, NaN, Infinity], slopes: [3, 4, NaN, 1] };
    expect(cheesGradient(moves, 2)).toBeCloseTo((2 * (6 - 2)) / 1.5, 12);
    expect(cheesGradient({ weights: [0, 0], changes: [NaN, NaN], slopes: [NaN, NaN] }, 2)).toBe(0);
  });
});

describe('updates of the length', () => {
  it('move log T by the learning rate along a steady gradient, whatever its size', () => {
    for (const size of [1e-6, 1, 1e6]) {
      let state = startTrajectoryLength(1);
      for (let i = 0; i < 40; i++) state = updateTrajectoryLength(state, size, 1e-3, 1e3);
      expect(state.logLength).toBeCloseTo(40 * 0.025, 10);
    }
  });

  it('find the top of a noisy criterion, on average', () => {
    const noise = normals(3, 1, 2000)[0];
    let state = startTrajectoryLength(20);
    // −(log T − 1)² has its top at log T = 1.
    for (const z of noise) state = updateTrajectoryLength(state, -2 * (state.logLength - 1) + 3 * z, 1e-3, 1e3);
    expect(Math.abs(Math.log(adaptedLength(state)) - 1)).toBeLessThan(0.1);
  });

  it('stay within bounds, and where a gradient says nothing', () => {
    let state = startTrajectoryLength(1);
    for (let i = 0; i < 500; i++) state = updateTrajectoryLength(state, 1, 0.1, 2);
    expect(Math.exp(state.logLength)).toBeCloseTo(2, 12);
    for (const gradient of [0, NaN, Infinity, 1e-200]) {
      expect(updateTrajectoryLength(state, gradient, 0.1, 2)).toBe(state);
    }
    expect(adaptedLength(startTrajectoryLength(1.5))).toBeCloseTo(1.5, 12);
  });
});

describe('harmonic mean of acceptance', () => {
  it('minds the worst, but no more than their share', () => {
    expect(harmonicMean([0.5, 0.5])).toBe(0.5);
    expect(harmonicMean([1, 0.25])).toBeCloseTo(0.4, 12);
    const probabilities = new Float64Array(1000).fill(0.7);
    probabilities[3] = 0;
    expect(harmonicMean(probabilities)).toBeGreaterThan(0.65);
  });
});

describe('stages', () => {
  it('spend every transition, the last and longest part on the trajectory', () => {
    for (const transitions of [1, 19, 20, 21, 57, 100, 999]) {
      const stages = cheesStages(transitions);
      expect(stages.reduce((sum, stage) => sum + stage.transitions, 0)).toBe(transitions);
      const last = stages[stages.length - 1];
      expect(last.adapts).toBe('stepSize');
      expect(last.transitions).toBe(Math.max(...stages.map((stage) => stage.transitions)));
    }
    expect(cheesStages(0)).toEqual([]);
  });
});

describe('reductions over chains', () => {
  const [chains, dimension] = [5, 6];
  const dense = Int32Array.of(1, 4);
  const positions = normals(5, chains, dimension).map((q, c) => q.map((x, i) => 3 * x + i + c));

  /** Spaces whose chains have each observed `count` positions and then adapted. */
  function adapted(denseIndices: Int32Array): { spaces: HostPhaseSpaces; all: Float64Array[] } {
    const spaces = new HostPhaseSpaces(batched(dimension, correlatedNormal(dimension, 0.5).density, chains), {
      chains,
      inverseMass: new Float64Array(dimension).fill(1),
      denseIndices,
      slots: () => ({ points: 2, momenta: 2 }),
    });
    const all: Float64Array[] = [];
    // One chain has observed nothing.
    for (let c = 0; c < chains - 1; c++) {
      for (let k = 0; k < 3 + c; k++) {
        const position = normals(10 + c, 1, dimension)[0].map((x, i) => x * (i + 1) + k * Math.sin(c + i));
        all.push(position);
        const lists = Array.from({ length: chains }, (_, lane) =>
          lane === c
            ? ([
                { kind: 'write', point: 0, position },
                { kind: 'observe', point: 0 },
              ] as const)
            : undefined,
        );
        void spaces.answer(lists);
      }
    }
    expect(spaces.pooled.adapt(new Float64Array(dimension).fill(0.1))).toBe(true);
    return { spaces, all };
  }

  it.each([new Int32Array(0), dense])('give every chain the metric of all positions, dense over %j', (denseIndices) => {
    const { spaces, all } = adapted(denseIndices);
    const moments = new RunningMoments(dimension, denseIndices);
    for (const position of all) moments.add(position);
    const weight = all.length / (all.length + 5);
    const diagonal = moments.squares.map((s) => (weight * s) / (all.length - 1) + (1 - weight) * 0.1);
    for (let c = 0; c < chains; c++) {
      spaces.inverseMassDiagonal(c).forEach((value, i) => expect(value).toBeCloseTo(diagonal[i], 10));
      expect(spaces.save(c, 0).moments.count).toBe(0);
    }
    expect(spaces.save(0, 0).blockInverseMass?.length).toBe(denseIndices.length > 0 ? 4 : undefined);
    const metric = spaces.inverseMassDiagonal(0);
    expect(spaces.pooled.adapt(new Float64Array(dimension).fill(0.1))).toBe(false);
    expect(spaces.inverseMassDiagonal(0)).toEqual(metric);
  });

  it('merge moments as if all positions had been seen by one', () => {
    const parts = [positions.slice(0, 2), positions.slice(2), []].map((points) => {
      const moments = new RunningMoments(dimension, dense);
      for (const point of points) moments.add(point);
      return moments;
    });
    const [whole, merged] = [new RunningMoments(dimension, dense), new RunningMoments(dimension, dense)];
    for (const point of positions) whole.add(point);
    for (const part of parts) merged.merge(part);
    expect(merged.count).toBe(5);
    for (const name of ['mean', 'squares', 'products'] as const) {
      merged[name].forEach((value, i) => expect(value, name).toBeCloseTo(whole[name][i], 10));
    }
  });

  it.each([new Int32Array(0), dense])('measure moves in the metric, dense over %j', (denseIndices) => {
    const { spaces } = adapted(denseIndices);
    const key = randomKey(3);
    const proposals = positions.map((q, c) => q.map((x, i) => x + Math.cos(3 * i + c)));
    proposals[2].fill(NaN);
    const weights = Float64Array.of(1, 0.3, 0, 0.9, 0.5);
    const [before, after] = [Int32Array.of(0, 1, 0, 1, 0), Int32Array.of(1, 0, 1, 0, 1)];
    void spaces.answer(
      positions.map((position, c) => [
        { kind: 'write', point: before[c], position },
        { kind: 'write', point: after[c], position: proposals[c] },
        { kind: 'refresh', at: { point: before[c], momentum: 1 }, stream: stepKey(key, c, 0).stream(0) },
      ]),
    );
    const moves: Moves = { before, after, momenta: new Int32Array(chains).fill(1), weights };
    const { changes, slopes } = spaces.pooled.moveStatistics(moves);

    // The mass matrix by itself: 1/variance, and the inverse of the 2 × 2 block.
    const { inverseMass, blockInverseMass: a } = spaces.save(0, 0);
    const mass = Array.from({ length: dimension }, (_, i) =>
      Array.from({ length: dimension }, (_, j) => (i === j && inverseMass[i] > 0 ? 1 / inverseMass[i] : 0)),
    );
    if (a) {
      const determinant = a[0] * a[3] - a[1] * a[2];
      [mass[1][1], mass[4][4]] = [a[3] / determinant, a[0] / determinant];
      mass[1][4] = mass[4][1] = -a[1] / determinant;
    }
    const used = [0, 1, 3, 4];
    const mean = (points: Float64Array[], by: (c: number) => number, over: number[]) =>
      Array.from(
        { length: dimension },
        (_, i) => over.reduce((s, c) => s + by(c) * points[c][i], 0) / over.reduce((s, c) => s + by(c), 0),
      );
    const meanBefore = mean(positions, () => 1, [0, 1, 2, 3, 4]);
    const meanAfter = mean(proposals, (c) => weights[c], used);
    const product = (x: number[], y: number[]) =>
      x.reduce((sum, xi, i) => sum + xi * y.reduce((inner, yj, j) => inner + mass[i][j] * yj, 0), 0);
    expect([changes[2], slopes[2]]).toEqual([NaN, NaN]);
    for (const c of used) {
      const d = [...positions[c]].map((x, i) => x - meanBefore[i]);
      const e = [...proposals[c]].map((x, i) => x - meanAfter[i]);
      expect(changes[c]).toBeCloseTo(product(e, e) - product(d, d), 9);
      // (q' − q̄')ᵀ M dq'/dt, dq'/dt = M⁻¹ p by the kinetic energy.
      const momentum = momentumOf(spaces, c);
      expect(slopes[c]).toBeCloseTo(
        e.reduce((sum, x, i) => sum + x * momentum[i], 0),
        9,
      );
    }
  });

  /** The momentum that the refresh drew, from its stream: M^½ z. */
  function momentumOf(spaces: HostPhaseSpaces, chain: number): Float64Array {
    const target = new Float64Array(dimension);
    stepKey(randomKey(3), chain, 0).stream(0).fillNormal(target);
    const { inverseMass, blockInverseMass: a } = spaces.save(chain, 0);
    const p = target.map((z, i) => (inverseMass[i] > 0 ? z / Math.sqrt(inverseMass[i]) : z));
    if (a) {
      // p = L⁻ᵀ z over the block, A = L Lᵀ.
      const l11 = Math.sqrt(a[0]);
      const l21 = a[2] / l11;
      const l22 = Math.sqrt(a[3] - l21 * l21);
      p[4] = target[4] / l22;
      p[1] = (target[1] - l21 * p[4]) / l11;
    }
    return p;
  }
});
