// NUTS: the iterative form equals the recursive one, and its transition probabilities leave the target invariant, enumerated.
import { describe, expect, it } from 'vitest';
import { hmc } from '../../src/inference/hmc.js';
import type { Kernel } from '../../src/inference/kernel.js';
import { nuts } from '../../src/inference/nuts.js';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { diagonalMetric } from '../../src/inference/phaseSpace/metric.js';
import type { RandomStream, StepKey } from '../../src/inference/random/streams.js';
import { randomKey, sites, stepKey } from '../../src/inference/random/streams.js';
import { recursiveNuts } from '../reference/recursiveNuts.js';
import type { PlainDensity } from './densities.js';
import { banana, batched, correlatedNormal, eightSchools, studentT } from './densities.js';
import { runKernel } from './monteCarlo.js';

/** Flat inside a ball, steep outside: trajectories diverge at its edge. */
const cliff: PlainDensity = (q, gradient) => {
  const radius = Math.hypot(...q);
  q.forEach((value, i) => (gradient[i] = radius > 1 ? (-1e7 * value) / radius : 0));
  return radius > 1 ? -1e7 * (radius - 1) : 0;
};

describe('the iterative tree equals the recursive definition, given the same random numbers', () => {
  const variants: [string, number, PlainDensity, number, number][] = [
    ['correlated normal', 20, correlatedNormal(20, 0.9).density, 0.25, 10],
    ['correlated normal, trees cut at depth 3', 20, correlatedNormal(20, 0.9).density, 0.05, 3],
    ['correlated normal, long trees', 2, correlatedNormal(2, 0.99).density, 0.05, 10],
    ['banana', 2, banana.density, 0.3, 10],
    ['eight schools', 10, eightSchools().density, 0.3, 10],
    ['Student t', 1, studentT.density, 1.1, 10],
    ['cliff', 2, cliff, 0.2, 10],
  ];

  it.each(variants)('%s', (name, dimension, plain, stepSize, maxTreeDepth) => {
    const inverseMass = Float64Array.from({ length: dimension }, (_, i) => 0.5 + (i % 3) / 2);
    const density = batched(dimension, plain, 1);
    const seen = new Set<string>();
    for (let seed = 1; seed <= 3; seed++) {
      const space = new HostPhaseSpace(density, 0, diagonalMetric(dimension, inverseMass));
      const keys = Array.from({ length: 60 }, (_, step) => stepKey(randomKey(seed), 0, step));
      const start = new Float64Array(dimension).fill(0.1);
      const { positions, infos } = runKernel(nuts(space, { maxTreeDepth }), space, density, start, keys, stepSize);
      keys.forEach((key, step) => {
        const from = step === 0 ? start : positions[step - 1];
        const expected = recursiveNuts(plain, from, inverseMass, stepSize, maxTreeDepth, key);
        const { treeDepth, leapfrogSteps, isDivergent, acceptanceRate, energy } = infos[step];
        expect({ treeDepth, leapfrogSteps, isDivergent }).toEqual({
          treeDepth: expected.treeDepth,
          leapfrogSteps: expected.leapfrogSteps,
          isDivergent: expected.isDivergent,
        });
        expect(acceptanceRate).toBeCloseTo(expected.acceptanceRate, 9);
        expect(energy).toBeCloseTo(expected.energy, 8);
        positions[step].forEach((value, i) => expect(value).toBeCloseTo(expected.position[i], 9));
        seen.add(`${treeDepth} ${leapfrogSteps}`);
        if (isDivergent) seen.add('divergent');
      });
    }
    // The comparison means something only if trees of several shapes came up (and divergences, at the cliff).
    expect(seen.size).toBeGreaterThan(maxTreeDepth === 3 ? 0 : 3);
    if (name === 'cliff') expect(seen).toContain('divergent');
  });
});

it.each([4, 7, 10])('the slots in use grow linearly with the tree depth: %d', (maxTreeDepth) => {
  const density = batched(2, correlatedNormal(2, 0.5).density, 1);
  const space = new HostPhaseSpace(density, 0, diagonalMetric(2));
  const kernel = nuts(space, { maxTreeDepth });
  let [points, momenta, leapfrogSteps] = [0, 0, 0];
  const watched: Kernel = {
    *step(key, state, stepSize) {
      const transition = kernel.step(key, state, stepSize);
      let next = transition.next();
      while (!next.done) {
        const request = next.value;
        if (request.kind === 'leapfrog') {
          points = Math.max(points, request.to.point + 1);
          momenta = Math.max(momenta, request.to.momentum + 1);
        } else if (request.kind === 'turning') momenta = Math.max(momenta, request.sum + 1);
        next = transition.next(yield request);
      }
      leapfrogSteps = Math.max(leapfrogSteps, next.value[1].leapfrogSteps);
      return next.value;
    },
  };
  const keys = Array.from({ length: 30 }, (_, step) => stepKey(randomKey(1), 0, step));
  runKernel(watched, space, density, [0.3, 0.4], keys, 1e-3);
  expect(leapfrogSteps).toBe(2 ** maxTreeDepth - 1);
  // Start, two ends, the current draw and one proposal per piece; two ends and a sum per piece.
  expect(points).toBeLessThanOrEqual(maxTreeDepth + 6);
  expect(momenta).toBeLessThanOrEqual(3 * maxTreeDepth + 9);
});

/** A stream whose every yes/no takes both answers in turn; `probability` is that of the path taken. */
class BranchingStream implements RandomStream {
  probability = 1;
  private readonly taken: { answer: boolean; isLast: boolean }[] = [];

  constructor(private readonly prefix: readonly boolean[]) {}

  bernoulli(chance: number): boolean {
    const yes = Math.min(1, chance);
    const answer = this.prefix[this.taken.length] ?? yes > 0;
    this.probability *= answer ? yes : 1 - yes;
    this.taken.push({ answer, isLast: !answer || yes === 1 });
    return answer;
  }

  /** The path after this one in depth-first order. */
  next(): boolean[] | undefined {
    const turn = this.taken.findLastIndex(({ isLast }) => !isLast);
    return turn < 0 ? undefined : [...this.taken.slice(0, turn).map(({ answer }) => answer), false];
  }

  uniform(): number {
    return 0.5;
  }

  fillNormal(): void {
    throw new Error('momenta come from their own stream');
  }
}

/** Probabilities of all draws of one transition from the phase point (q, p) with unit metric. */
function enumerate(
  make: (space: HostPhaseSpace) => Kernel,
  plain: PlainDensity,
  q: ArrayLike<number>,
  p: ArrayLike<number>,
  stepSize: number,
): { position: Float64Array; probability: number; steps: number }[] {
  const dimension = q.length;
  const density = batched(dimension, plain, 1);
  const space = new HostPhaseSpace(density, 0, diagonalMetric(dimension));
  const kernel = make(space);
  const outcomes = [];
  for (let path: boolean[] | undefined = []; path;) {
    const branching: BranchingStream = new BranchingStream(path);
    const momentum: RandomStream = { uniform: () => 0.5, bernoulli: () => true, fillNormal: (target) => target.set(p) };
    const key: StepKey = { stream: (site) => (site === sites.trajectory ? branching : momentum) };
    const { positions, infos } = runKernel(kernel, space, density, q, [key], stepSize);
    outcomes.push({ position: positions[0], probability: branching.probability, steps: infos[0].leapfrogSteps });
    path = branching.next();
  }
  return outcomes;
}

describe('stationarity by enumeration of every path', () => {
  const toys: [string, PlainDensity, number[], number[], number][] = [
    ['normal with large steps', correlatedNormal(2, 0.5).density, [0.4, -0.9], [1.1, 0.3], 0.9],
    ['normal with turns inside subtrees', correlatedNormal(2, 0.5).density, [0.4, -0.9], [1.1, 0.3], 0.45],
    ['banana', banana.density, [0.5, 1.5], [-0.7, 0.4], 0.4],
    ['heavy tails', studentT.density, [0.8], [0.5], 1.2],
  ];

  it.each(toys)('NUTS: Σᵢ π(i) P(i → j) = π(j) along an orbit: %s', (_, plain, q0, p0, stepSize) => {
    const maxTreeDepth = 3;
    const reach = 2 ** maxTreeDepth - 1;
    const orbit = orbitOf(plain, q0, p0, stepSize, 2 * reach);
    const target = orbit[2 * reach];
    let [inflow, turned] = [0, 0];
    for (const from of orbit.slice(reach, 3 * reach + 1)) {
      const outcomes = enumerate((space) => nuts(space, { maxTreeDepth }), plain, from.q, from.p, stepSize);
      expect(outcomes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
      turned += outcomes.filter(({ steps }) => steps < reach).length;
      for (const { position, probability } of outcomes) {
        if (position.every((value, i) => Math.abs(value - target.q[i]) < 1e-9)) inflow += from.weight * probability;
      }
    }
    expect(turned).toBeGreaterThan(0);
    expect(inflow / target.weight).toBeCloseTo(1, 9);
  });

  it('HMC: detailed balance between the two ends of a trajectory', () => {
    const [plain, stepSize, steps] = [banana.density, 0.5, 4];
    const options = { integrationTime: stepSize * steps, stepSizeJitter: 0, maxLeapfrogSteps: 100 };
    const orbit = orbitOf(plain, [0.5, 1.5], [-0.7, 0.4], stepSize, steps);
    const [start, end] = [orbit[steps], orbit[2 * steps]];
    const flow = (from: (typeof orbit)[0], to: (typeof orbit)[0], sign: number) =>
      enumerate(
        (space) => hmc(space, options),
        plain,
        from.q,
        from.p.map((value) => sign * value),
        stepSize,
      )
        .filter(({ position }) => position.every((value, i) => Math.abs(value - to.q[i]) < 1e-9))
        .reduce((sum, { probability }) => sum + from.weight * probability, 0);
    expect(flow(start, end, 1)).toBeGreaterThan(0);
    expect(flow(start, end, 1)).toBeCloseTo(flow(end, start, -1), 12);
    expect(start.weight).not.toBeCloseTo(end.weight, 3);
  });
});

/** Leapfrog orbit of 2·reach + 1 phase points around (q, p), with weights exp(−H). */
function orbitOf(plain: PlainDensity, q: readonly number[], p: readonly number[], stepSize: number, reach: number) {
  const gradient = new Float64Array(q.length);
  const point = (q: Float64Array, p: Float64Array) => ({
    q,
    p,
    weight: Math.exp(plain(q, gradient) - p.reduce((sum, value) => sum + (value * value) / 2, 0)),
  });
  const walk = (epsilon: number) => {
    const points = [point(Float64Array.from(q), Float64Array.from(p))];
    for (let i = 0; i < reach; i++) {
      const { q, p } = points[i];
      plain(q, gradient);
      const half = p.map((value, k) => value + (epsilon / 2) * gradient[k]);
      const moved = q.map((value, k) => value + epsilon * half[k]);
      plain(moved, gradient);
      points.push(
        point(
          moved,
          half.map((value, k) => value + (epsilon / 2) * gradient[k]),
        ),
      );
    }
    return points;
  };
  return [...walk(-stepSize).slice(1).reverse(), ...walk(stepSize)];
}
