// NUTS: the iterative form equals the recursive one, and its transition probabilities leave the target invariant, enumerated.
import { describe, expect, it } from 'vitest';
import { defaultHmcOptions, hmc } from '../../src/inference/hmc.js';
import type { Kernel } from '../../src/inference/kernel.js';
import { nuts } from '../../src/inference/nuts.js';
import { nutsSlotCounts } from '../../src/inference/nutsPlan.js';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { diagonalMetric } from '../../src/inference/phaseSpace/metric.js';
import type { PhaseSpace, Request } from '../../src/inference/phaseSpace/requests.js';
import type { RandomStream, StepKey } from '../../src/inference/random/streams.js';
import { randomKey, sites, stepKey } from '../../src/inference/random/streams.js';
import { recursiveNuts } from '../reference/recursiveNuts.js';
import type { PlainDensity } from './densities.js';
import { banana, batched, correlatedNormal, eightSchools, studentT } from './densities.js';
import { runKernel, samplerView } from './monteCarlo.js';

/** Flat inside a ball, steep outside: trajectories diverge at its edge. */
const cliff: PlainDensity = (q, gradient) => {
  const radius = Math.hypot(...q);
  q.forEach((value, i) => (gradient[i] = radius > 1 ? (-1e7 * value) / radius : 0));
  return radius > 1 ? -1e7 * (radius - 1) : 0;
};

describe.each([1, 5])('the iterative tree, planned %d ahead, equals the recursive definition', (lookahead) => {
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
      const kernel = nuts(samplerView(space, lookahead), { maxTreeDepth });
      const { positions, infos } = runKernel(kernel, space, density, start, keys, stepSize);
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

describe.each([1, 4, 32])('planned %d steps ahead', (lookahead) => {
  /** The kernel, with every list of requests shown to `see`. */
  const watched = (kernel: Kernel, see: (requests: readonly Request[]) => void): Kernel => ({
    *step(key, state, stepSize) {
      const transition = kernel.step(key, state, stepSize);
      let next = transition.next();
      while (!next.done) {
        see(next.value);
        next = transition.next(yield next.value);
      }
      return next.value;
    },
  });
  const keys = Array.from({ length: 30 }, (_, step) => stepKey(randomKey(1), 0, step));
  const isStep = ({ kind }: Request): boolean => kind === 'leapfrog';

  it.each([4, 7, 10])('the slots in use grow linearly with the tree depth: %d', (maxTreeDepth) => {
    const density = batched(2, correlatedNormal(2, 0.5).density, 1);
    const space = new HostPhaseSpace(density, 0, diagonalMetric(2));
    let [points, momenta] = [0, 0];
    const kernel = watched(nuts(samplerView(space, lookahead), { maxTreeDepth }), (requests) => {
      for (const request of requests) {
        if (request.kind === 'leapfrog') {
          points = Math.max(points, request.to.point + 1);
          momenta = Math.max(momenta, request.to.momentum + 1);
        } else if (request.kind === 'turning') momenta = Math.max(momenta, request.sum + 1);
      }
    });
    const { infos } = runKernel(kernel, space, density, [0.3, 0.4], keys, 1e-3);
    expect(Math.max(...infos.map(({ leapfrogSteps }) => leapfrogSteps))).toBe(2 ** maxTreeDepth - 1);
    const bound = nutsSlotCounts(maxTreeDepth, lookahead);
    expect(points).toBeLessThanOrEqual(bound.points);
    expect(momenta).toBeLessThanOrEqual(bound.momenta);
  });

  it('lists hold that many steps at most, and only one step at a time makes none in vain', () => {
    const density = batched(10, eightSchools().density, 1);
    const space = new HostPhaseSpace(density, 0, diagonalMetric(10));
    const made: number[] = [];
    const kernel = watched(nuts(samplerView(space, lookahead)), (requests) =>
      made.push(requests.filter(isStep).length),
    );
    const { infos } = runKernel(kernel, space, density, new Float64Array(10).fill(0.1), keys, 0.1);
    const used = infos.reduce((sum, { leapfrogSteps }) => sum + leapfrogSteps, 0);
    const total = made.reduce((sum, steps) => sum + steps, 0);
    expect(Math.max(...made)).toBe(lookahead);
    expect(Math.min(...made)).toBeGreaterThan(0);
    if (lookahead === 1) expect(total).toBe(used);
    else {
      expect(made.length).toBeLessThan(used / 2);
      expect(total).toBeLessThan(2 * used);
    }
  });
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

/** Doublings that the enumerated transitions make at most. */
const maxTreeDepth = 3;

/** Probabilities of all draws of one transition from the phase point (q, p) with unit metric. */
function enumerate(
  make: (space: PhaseSpace) => Kernel,
  plain: PlainDensity,
  q: ArrayLike<number>,
  p: ArrayLike<number>,
  stepSize: number,
  lookahead = 1,
): { position: Float64Array; probability: number; steps: number }[] {
  const dimension = q.length;
  const density = batched(dimension, plain, 1);
  const space = new HostPhaseSpace(density, 0, diagonalMetric(dimension));
  const kernel = make(samplerView(space, lookahead));
  const fixed: RandomStream = { uniform: () => 0.5, bernoulli: () => true, fillNormal: (target) => target.set(p) };
  const outcomes = [];
  for (let turns = 0; turns < 2 ** maxTreeDepth; turns++) {
    for (let path: boolean[] | undefined = []; path;) {
      const branching: BranchingStream = new BranchingStream(path);
      let doubling = 0;
      const directions = { ...fixed, bernoulli: () => ((turns >> doubling++) & 1) === 1 };
      const streams = new Map<number, RandomStream>([
        [sites.trajectory, branching],
        [sites.direction, directions],
      ]);
      const key: StepKey = { stream: (site) => streams.get(site) ?? fixed };
      const { positions, infos } = runKernel(kernel, space, density, q, [key], stepSize);
      const probability = branching.probability / 2 ** maxTreeDepth;
      outcomes.push({ position: positions[0], probability, steps: infos[0].leapfrogSteps });
      path = branching.next();
    }
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

  const plans = toys.flatMap(([name, ...toy]) => [1, 4].map((lookahead) => [name, lookahead, ...toy] as const));

  it.each(plans)(
    'NUTS: Σᵢ π(i) P(i → j) = π(j) along an orbit: %s, planned %d ahead',
    (_, lookahead, plain, q0, p0, stepSize) => {
      const maxTreeDepth = 3;
      const reach = 2 ** maxTreeDepth - 1;
      const orbit = orbitOf(plain, q0, p0, stepSize, 2 * reach);
      const target = orbit[2 * reach];
      let [inflow, turned] = [0, 0];
      for (const from of orbit.slice(reach, 3 * reach + 1)) {
        const outcomes = enumerate(
          (space) => nuts(space, { maxTreeDepth }),
          plain,
          from.q,
          from.p,
          stepSize,
          lookahead,
        );
        expect(outcomes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
        turned += outcomes.filter(({ steps }) => steps < reach).length;
        for (const { position, probability } of outcomes) {
          if (position.every((value, i) => Math.abs(value - target.q[i]) < 1e-9)) inflow += from.weight * probability;
        }
      }
      expect(turned).toBeGreaterThan(0);
      expect(inflow / target.weight).toBeCloseTo(1, 9);
    },
  );

  it('HMC: detailed balance between the two ends of a trajectory', () => {
    const [plain, stepSize, steps] = [banana.density, 0.5, 4];
    const options = { integrationTime: stepSize * steps, stepSizeJitter: 0, maxLeapfrogSteps: 100, lengthJitter: 0 };
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

it('HMC: lengths of trajectories are uniform within their jitter', () => {
  const density = batched(2, banana.density, 1);
  const space = new HostPhaseSpace(density, 0, diagonalMetric(2));
  const kernel = hmc(samplerView(space), { ...defaultHmcOptions, integrationTime: 2, lengthJitter: 0.5 });
  const many = Array.from({ length: 2000 }, (_, step) => stepKey(randomKey(9), 0, step));
  const steps = runKernel(kernel, space, density, [0.3, 0.4], many, 0.02).infos.map((info) => info.leapfrogSteps);
  expect(Math.min(...steps)).toBeGreaterThanOrEqual(50);
  expect(Math.max(...steps)).toBeLessThanOrEqual(150);
  const mean = steps.reduce((sum, count) => sum + count / steps.length, 0);
  const variance = steps.reduce((sum, count) => sum + (count - mean) ** 2 / steps.length, 0);
  // Uniform on 50 … 150: sd 28.9, that of the mean of 2,000 is 0.65.
  expect(Math.abs(mean - 100)).toBeLessThan(3);
  expect(Math.abs(Math.sqrt(variance) - 28.9)).toBeLessThan(2);
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
