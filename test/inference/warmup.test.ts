// Warm-up: Stan's schedule, dual averaging, moments, the metric's estimate and the step-size search.
import { describe, expect, it } from 'vitest';
import { cholesky, multiply, solveTransposed } from '../../src/inference/linearAlgebra.js';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { diagonalMetric } from '../../src/inference/phaseSpace/metric.js';
import type { Coroutine, Request } from '../../src/inference/phaseSpace/requests.js';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';
import { startDualAveraging, updateDualAveraging } from '../../src/inference/warmup/dualAveraging.js';
import { estimateMetric } from '../../src/inference/phaseSpace/estimateMetric.js';
import { RunningMoments } from '../../src/inference/phaseSpace/moments.js';
import { searchStepSize } from '../../src/inference/warmup/searchStepSize.js';
import { warmupStages } from '../../src/inference/warmup/stages.js';
import type { WarmupPlan, WarmupState } from '../../src/inference/warmup/warmup.js';
import { startWarmup, warmupTransition, withSearchedStepSize } from '../../src/inference/warmup/warmup.js';
import type { Draw, TransitionInfo } from '../../src/inference/index.js';
import { sample } from '../../src/inference/index.js';
import { banana, batched, correlatedNormal, independentNormal } from './densities.js';
import { drive } from './monteCarlo.js';

describe('stages', () => {
  const lengths = (warmup: number) => warmupStages(warmup).map(({ transitions }) => transitions);

  it('are those of Stan', () => {
    expect(lengths(1000)).toEqual([75, 25, 50, 100, 200, 500, 50]);
    expect(lengths(150)).toEqual([75, 25, 50]);
    expect(lengths(100)).toEqual([15, 75, 10]);
    expect(lengths(19)).toEqual([19]);
    expect(lengths(0)).toEqual([]);
    expect(warmupStages(1000).map(({ adapts }) => adapts)).toEqual([
      'stepSize',
      ...new Array<string>(5).fill('metric'),
      'stepSize',
    ]);
  });

  it('add up to the warm-up at every length', () => {
    for (let warmup = 0; warmup <= 2100; warmup += 7) {
      expect(lengths(warmup).reduce((sum, length) => sum + length, 0)).toBe(warmup);
    }
  });
});

describe('dual averaging', () => {
  it('finds the step size whose acceptance is the target', () => {
    // Acceptance falls with the step size as exp(−ε/2): 0.8 is reached at ε = −2 log 0.8.
    let state = startDualAveraging(5);
    for (let i = 0; i < 20_000; i++)
      state = updateDualAveraging(state, Math.exp(-Math.exp(state.logStepSize) / 2), 0.8);
    expect(Math.exp(state.logAveraged)).toBeCloseTo(-2 * Math.log(0.8), 2);
  });

  it('follows the recursion of the paper on its first two steps', () => {
    const first = updateDualAveraging(startDualAveraging(1), 0.5, 0.8);
    const mu = Math.log(10);
    expect(first.logStepSize).toBeCloseTo(mu - (1 / 0.05) * (0.3 / 11), 12);
    expect(first.logAveraged).toBeCloseTo(first.logStepSize, 12);
    const second = updateDualAveraging(first, NaN, 0.8);
    const error = (11 / 12) * (0.3 / 11) + 0.8 / 12;
    expect(second.logStepSize).toBeCloseTo(mu - (Math.SQRT2 / 0.05) * error, 12);
    const weight = 2 ** -0.75;
    expect(second.logAveraged).toBeCloseTo(weight * second.logStepSize + (1 - weight) * first.logStepSize, 12);
  });
});

describe('the fold over the stages', () => {
  const info = (acceptanceRate: number): TransitionInfo => ({
    logDensity: 0,
    energy: 1,
    acceptanceRate,
    stepSize: 1,
    treeDepth: 1,
    leapfrogSteps: 1,
    isDivergent: false,
    reachedMaxTreeDepth: false,
  });
  const plan: WarmupPlan = {
    stages: [
      { adapts: 'stepSize', transitions: 2 },
      { adapts: 'metric', transitions: 3 },
      { adapts: 'stepSize', transitions: 4 },
    ],
    targetAcceptance: 0.8,
  };
  const none = Array<boolean>(9).fill(false);
  const rates = [0.9, 0.1, 0.8, 1, 0.3, 0.95, 0.2, 0.7, 1];
  const states: WarmupState[] = [startWarmup(plan, 1, true)];
  const steps = rates.map((rate, i) => {
    const state = states[i].isSearchPending ? withSearchedStepSize(states[i], 0.5) : states[i];
    const step = warmupTransition(plan, state, info(rate));
    states.push(step.state);
    return step;
  });

  it('explores with the current step size and keeps the averaged one at the end', () => {
    for (const state of states.slice(1, 5)) expect(state.stepSize).toBe(Math.exp(state.dualAveraging.logStepSize));
    const { stepSize, dualAveraging } = states[9];
    expect(dualAveraging.count).toBe(4);
    expect(stepSize).toBe(Math.exp(dualAveraging.logAveraged));
    expect(stepSize).not.toBeCloseTo(Math.exp(dualAveraging.logStepSize), 3);
  });

  it('has the draws of the window observed, the metric adapted at its end, and a step size searched for then', () => {
    expect(steps.map(({ observes }) => observes)).toEqual([2, 3, 4].reduce((all, i) => all.with(i, true), none));
    expect(steps.map(({ adapts }) => adapts)).toEqual(none.with(4, true));
    expect(states.map(({ isSearchPending }) => isSearchPending).indexOf(true, 1)).toBe(5);
  });

  it('changes nothing once it is over', () => {
    expect(warmupTransition(plan, states[9], info(0.1))).toEqual({ state: states[9], observes: false, adapts: false });
  });
});

describe('the metric of a phase space', () => {
  const density = batched(1, (_, gradient) => (gradient.fill(0), 0), 1);
  const adapt: Request = { kind: 'adapt', priorVariances: Float64Array.of(1e-3) };

  it('is set from the positions observed since the last time, or stays when they say nothing', () => {
    const space = new HostPhaseSpace(density, 0, diagonalMetric(1));
    const observe = (...positions: number[]) =>
      positions.forEach((position) => {
        space.answer({ kind: 'write', point: 3, position: Float64Array.of(position) });
        space.answer({ kind: 'observe', point: 3 });
      });
    observe(4);
    expect(space.answer(adapt)).toBe(0);
    expect(space.metric.inverseMass[0]).toBe(1);
    observe(4, 9, 16);
    expect(space.answer(adapt)).toBe(1);
    // Variance of 4, 9, 16: 109/3.
    expect(space.metric.inverseMass[0]).toBeCloseTo((3 * (109 / 3) + 5e-3) / 8, 12);
    observe(1, Infinity);
    expect(space.answer(adapt)).toBe(0);
    observe(2, 4);
    expect(space.answer(adapt)).toBe(1);
    expect(space.metric.inverseMass[0]).toBeCloseTo((2 * 2 + 5e-3) / 7, 12);
  });

  it('comes back with its moments from what was saved, whatever was done in between', () => {
    const plain = banana.density;
    const indices = Int32Array.of(0, 1);
    const prior: Request = { kind: 'adapt', priorVariances: Float64Array.of(1, 1) };
    const [space, other] = [0, 1].map(() => new HostPhaseSpace(batched(2, plain, 1), 0, diagonalMetric(2), indices));
    const observe = (target: HostPhaseSpace, ...draws: number[]) =>
      draws.forEach((draw) => {
        target.answer({ kind: 'write', point: 0, position: Float64Array.of(Math.sin(draw), Math.cos(3 * draw)) });
        target.answer({ kind: 'observe', point: 0 });
      });
    observe(space, 1, 2, 3, 4, 5);
    space.answer(prior);
    observe(space, 6, 7, 8);
    const saved = space.save(0);
    observe(other, 10, 11);
    other.restore(2, saved);
    expect([...other.positionAt(2)]).toEqual([Math.sin(8), Math.cos(24)]);
    expect(other.metric).toEqual(space.metric);
    expect(space.metric.block).toBeDefined();
    for (const target of [space, other]) {
      observe(target, 9, 10);
      target.answer(prior);
    }
    expect(other.metric).toEqual(space.metric);
  });
});

/** Draws of a stationary autoregression far from the origin, which a naive sum of squares would lose. */
function drawsOf(count: number, dimension: number, rho: number): Float64Array[] {
  return Array.from({ length: count }, (_, draw) => {
    const z = new Float64Array(dimension);
    stepKey(randomKey(3), 0, draw).stream(0).fillNormal(z);
    for (let i = 1; i < dimension; i++) z[i] = rho * z[i - 1] + Math.sqrt(1 - rho * rho) * z[i];
    return z.map((value) => 1e6 + value);
  });
}

function momentsOf(draws: readonly Float64Array[], indices: number[]): RunningMoments {
  const moments = new RunningMoments(draws[0].length, Int32Array.from(indices));
  for (const draw of draws) moments.add(draw);
  return moments;
}

describe('metric', () => {
  const covarianceOf = (draws: readonly Float64Array[], i: number, j: number) => {
    const mean = (k: number) => draws.reduce((sum, draw) => sum + draw[k], 0) / draws.length;
    const [a, b] = [mean(i), mean(j)];
    return draws.reduce((sum, draw) => sum + (draw[i] - a) * (draw[j] - b), 0) / (draws.length - 1);
  };

  it('is the regularised covariance over the block and the regularised variance elsewhere', () => {
    const draws = drawsOf(60, 4, 0.9);
    const prior = Float64Array.of(1e-3, 0.5, 1e-3, 2);
    const metric = estimateMetric(momentsOf(draws, [1, 3]), prior)!;
    const expected = (i: number, j: number) => (60 * covarianceOf(draws, i, j) + (i === j ? 5 * prior[i] : 0)) / 65;
    [expected(0, 0), 0, expected(2, 2), 0].forEach((value, i) => expect(metric.inverseMass[i]).toBeCloseTo(value, 7));
    [expected(1, 1), expected(1, 3), expected(1, 3), expected(3, 3)].forEach((value, i) =>
      expect(metric.block!.inverseMass[i]).toBeCloseTo(value, 7),
    );
  });

  it('shrinks the correlations of a window too short for its block, and stays positive definite', () => {
    const draws = drawsOf(12, 30, 0);
    const indices = Array.from({ length: 30 }, (_, i) => i);
    const { inverseMass } = estimateMetric(momentsOf(draws, indices), new Float64Array(30).fill(1e-3))!.block!;
    const sample = Math.abs(covarianceOf(draws, 0, 1));
    expect(Math.abs(inverseMass[1])).toBeLessThan(0.2 * sample);
    expect(cholesky(inverseMass, 30)).toBeDefined();
  });

  it('is not estimated from fewer than two draws or from moments that are not finite', () => {
    expect(estimateMetric(momentsOf(drawsOf(1, 2, 0), []), Float64Array.of(1, 1))).toBeUndefined();
    expect(
      estimateMetric(momentsOf([Float64Array.of(0), Float64Array.of(Infinity)], []), Float64Array.of(1)),
    ).toBeUndefined();
  });

  it('linear algebra: L Lᵀ = A, Lᵀ x = b, and no factor of an indefinite matrix', () => {
    const matrix = Float64Array.of(4, 2, 0.4, 2, 5, 1.1, 0.4, 1.1, 3);
    const factor = cholesky(matrix, 3)!;
    const vector = Float64Array.of(1, -2, 0.5);
    const transposed = Float64Array.from({ length: 9 }, (_, i) => factor[(i % 3) * 3 + Math.floor(i / 3)]);
    const [inner, product, direct] = [new Float64Array(3), new Float64Array(3), new Float64Array(3)];
    multiply(transposed, vector, inner);
    multiply(factor, inner, product);
    multiply(matrix, vector, direct);
    product.forEach((value, i) => expect(value).toBeCloseTo(direct[i], 12));
    solveTransposed(factor, inner);
    inner.forEach((value, i) => expect(value).toBeCloseTo(vector[i], 12));
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
  });
});

function* searchFrom(stepSize: number): Coroutine<number> {
  yield [{ kind: 'evaluate', point: 0 }];
  return (yield* searchStepSize(stepKey(randomKey(1), 0, 0), { point: 0 }, stepSize)).stepSize;
}

describe('step size', () => {
  it.each([1e-4, 1, 300])('the search from %d ends at the scale of the narrowest direction', (start) => {
    const density = batched(3, independentNormal.density, 1);
    const space = new HostPhaseSpace(density, 0, diagonalMetric(3));
    space.positionAt(0).set([1, 2, 3]);
    const found = drive(searchFrom(start), space, density);
    expect(found).toBeGreaterThan(0.02);
    expect(found).toBeLessThan(0.3);
  });

  it('the search ends on a flat density', () => {
    const density = batched(1, (_, gradient) => (gradient.fill(0), 0), 1);
    const space = new HostPhaseSpace(density, 0, diagonalMetric(1));
    expect(drive(searchFrom(1), space, density)).toBe(1e7);
  });

  it.each([0.6, 0.8, 0.95])('while it adapts, the mean acceptance rate is the target %d', async (targetAcceptance) => {
    const { density } = correlatedNormal(20, 0.9);
    const rates: number[] = [];
    // Transitions 450 to 949 are one stage of Stan's schedule; its first 100 are still on their way.
    const onDraw = ({ phase, index, info }: Draw) => {
      if (phase === 'warmup' && index >= 550 && index < 950) rates.push(info.acceptanceRate);
    };
    await sample(batched(20, density), { warmup: 1000, draws: 0, targetAcceptance, seed: 4 }, { onDraw });
    expect(rates).toHaveLength(4 * 400);
    expect(Math.abs(rates.reduce((sum, rate) => sum + rate, 0) / rates.length - targetAcceptance)).toBeLessThan(0.02);
  });

  it('the adapted metric finds the variances, and makes trajectories short', async () => {
    const { density } = independentNormal;
    const { chains } = await sample(batched(3, density), { draws: 100, seed: 2 });
    for (const chain of chains) {
      // Window of 500 draws: standard error of a log variance about √(2/500) = 0.063.
      [0.01, 1, 100].forEach((variance, i) =>
        expect(Math.abs(Math.log(chain!.inverseMass[i] / variance))).toBeLessThan(0.35),
      );
      expect(chain!.gradientEvaluations).toBeLessThan(100 * 8);
    }
  });

  it('an initial metric and step size are used as given when there is no warm-up', async () => {
    const settings = { warmup: 0, draws: 5, stepSize: 0.25, inverseMass: [0.01, 1, 100] };
    const { chains } = await sample(batched(3, independentNormal.density), settings, {
      onDraw: ({ info }) => expect(info.stepSize).toBe(0.25),
    });
    expect([...chains[0]!.inverseMass]).toEqual([0.01, 1, 100]);
  });
});
