// Monte-Carlo error of correlated draws, and runs of a bare kernel, for the statistical tests.
import type { Kernel, TransitionInfo } from '../../src/inference/kernel.js';
import type { BatchedLogDensity } from '../../src/inference/logDensity.js';
import type { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { type Coroutine, isBatched, type PhaseSpace, type Request } from '../../src/inference/phaseSpace/requests.js';
import type { StepKey } from '../../src/inference/random/streams.js';
import type { KnownPosterior } from './densities.js';

/**
 * Effective sample size of chains `[chain][draw]`: Geyer's (1992) initial monotone positive sequence on autocovariances
 * averaged over chains, with the between-chain variance as in Gelman et al. (BDA3, §11.5).
 */
export function effectiveSampleSize(chains: readonly (readonly number[])[]): number {
  const draws = chains[0].length;
  const means = chains.map((chain) => chain.reduce((a, b) => a + b, 0) / draws);
  const overall = means.reduce((a, b) => a + b, 0) / chains.length;
  const autocovariance = (lag: number) =>
    chains.reduce((total, chain, c) => {
      let sum = 0;
      for (let i = lag; i < draws; i++) sum += (chain[i] - means[c]) * (chain[i - lag] - means[c]);
      return total + sum / draws / chains.length;
    }, 0);
  const within = (autocovariance(0) * draws) / (draws - 1);
  const between = means.reduce((total, mean) => total + (mean - overall) ** 2, 0) / Math.max(1, chains.length - 1);
  const variance = (within * (draws - 1)) / draws + between;
  if (!(variance > 0)) return NaN;
  const correlation = (lag: number) => 1 - (within - (autocovariance(lag) * draws) / (draws - 1)) / variance;
  let [sum, previous] = [0, Infinity];
  for (let lag = 0; lag + 1 < draws; lag += 2) {
    const pair = (lag === 0 ? 1 : correlation(lag)) + correlation(lag + 1);
    if (pair <= 0) break;
    previous = Math.min(previous, pair);
    sum += previous;
  }
  return (chains.length * draws) / Math.max(2 * sum - 1, 1 / Math.log10(chains.length * draws));
}

/** Distance of the estimate of every known expectation from its value, in Monte-Carlo standard errors. */
export function standardErrorsOff(
  { expectations }: KnownPosterior,
  chains: readonly (readonly Float64Array[])[],
): { name: string; z: number }[] {
  return expectations.map(({ name, of, value }) => {
    const values = chains.map((chain) => chain.map(of));
    const all = values.flat();
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    const sd = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / (all.length - 1));
    return { name, z: (mean - value) / (sd / Math.sqrt(effectiveSampleSize(values))) };
  });
}

/** What a kernel sees of a phase space. */
export function samplerView(space: HostPhaseSpace, lookahead = 1): PhaseSpace {
  return { lookahead, logDensityAt: (point) => space.logDensityAt(point) };
}

/** Answers a coroutine's requests one at a time, on the lane of its phase space, until it returns. */
export function drive<Result>(coroutine: Coroutine<Result>, space: HostPhaseSpace, density: BatchedLogDensity): Result {
  const answer = (request: Request): number => {
    if (!isBatched(request)) return space.answer(request);
    space.begin(request);
    void density.evaluate();
    return space.finish(request);
  };
  let next = coroutine.next();
  while (!next.done) next = coroutine.next(next.value.map(answer));
  return next.value;
}

/** Draws of a bare kernel with a fixed step size, from `start`. */
export function runKernel(
  kernel: Kernel,
  space: HostPhaseSpace,
  density: BatchedLogDensity,
  start: ArrayLike<number>,
  keys: readonly StepKey[],
  stepSize: number,
): { positions: Float64Array[]; infos: TransitionInfo[] } {
  space.positionAt(0).set(start);
  drive(evaluateStart(), space, density);
  let state = { point: 0 };
  const [positions, infos]: [Float64Array[], TransitionInfo[]] = [[], []];
  for (const key of keys) {
    const [next, info] = drive(kernel.step(key, state, stepSize), space, density);
    state = next;
    positions.push(space.positionAt(state.point).slice());
    infos.push(info);
  }
  return { positions, infos };
}

function* evaluateStart(): Coroutine<void> {
  yield [{ kind: 'evaluate', point: 0 }];
}
