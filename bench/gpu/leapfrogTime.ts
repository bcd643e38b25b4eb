// What a leapfrog step costs in real sampling: a short NUTS run, its time and what it asks of the device per step.
import { compileDensity, type Draw, modelSettings, SamplingRun } from '../../src/inference/index.js';
import type { GpuCounters } from '../../src/kernels/webgpu/context.js';
import type { BenchmarkDevice } from './devices.js';
import type { BenchmarkProblem } from './problems.js';

export interface LeapfrogTime {
  readonly chains: number;
  /** Leapfrog steps of one chain in the time measured; all chains advance together. */
  readonly steps: number;
  readonly milliseconds: number;
  /** Per leapfrog step of all chains; null on devices that count nothing. */
  readonly dispatches: number | null;
  readonly readBacks: number | null;
  readonly memoryBytes: number;
  /** The warm-up was not over when its time was: measured within it. */
  readonly isWarmup: boolean;
}

/** Short trees: some hundreds of steps are enough, and all chains' trees are of like length. */
const maxTreeDepth = 6;
const warmup = 40;

interface Mark {
  readonly at: number;
  readonly steps: number;
  readonly counters: GpuCounters | undefined;
}

/**
 * NUTS from the model's start: warm-up, then transitions for `seconds` (of a long warm-up, its last part). Steps are those of the first
 * chain between its transitions. Undefined when not even two transitions were done in three times as long.
 */
export async function timeLeapfrog(
  { model, likelihood }: BenchmarkProblem,
  { device, context }: BenchmarkDevice,
  chains: number,
  seconds: number,
): Promise<LeapfrogTime | undefined> {
  const density = await compileDensity(model, device, chains, likelihood);
  const controller = new AbortController();
  const started = performance.now();
  let steps = 0;
  let isWarmup = true;
  let first: Mark | undefined;
  let last: Mark | undefined;
  const onDraw = ({ chain, phase, info }: Draw): void => {
    if (chain !== 0) return;
    steps += info.leapfrogSteps;
    const mark = { at: performance.now(), steps, counters: context && { ...context.counters } };
    const elapsed = (mark.at - started) / 1000;
    if (first === undefined || (isWarmup && phase === 'sampling' && elapsed < 2 * seconds)) {
      first = mark;
      isWarmup = phase === 'warmup';
    }
    last = mark;
    const since = isWarmup ? elapsed - 2 * seconds : (mark.at - first.at) / 1000;
    if (since >= seconds) controller.abort();
  };
  const patience = setTimeout(() => controller.abort(), 4000 * seconds);
  try {
    const settings = modelSettings(model, { chains, warmup, draws: 1_000_000, maxTreeDepth });
    const listener = { onDraw, wantsDraw: () => false };
    await new SamplingRun(density, settings, listener, { signal: controller.signal }).run();
    if (first === undefined || last === undefined || last.steps === first.steps) return undefined;
    const count = last.steps - first.steps;
    const perStep = (name: 'dispatches' | 'readBacks'): number | null =>
      context === undefined ? null : (last!.counters![name] - first!.counters![name]) / count;
    return {
      chains,
      steps: count,
      milliseconds: (last.at - first.at) / count,
      dispatches: perStep('dispatches'),
      readBacks: perStep('readBacks'),
      memoryBytes: context?.allocatedBytes ?? density.memoryBytes,
      isWarmup,
    };
  } finally {
    clearTimeout(patience);
    await density.dispose();
  }
}
