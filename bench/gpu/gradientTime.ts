// Milliseconds of one evaluation of value and gradient of all chains, on any device.
import { type ModelDensity, modelSettings, traceDensity } from '../../src/inference/index.js';
import type { ResidentProgram } from '../../src/kernels/webgpu/resident.js';
import { median } from '../rounds.js';
import type { BenchmarkDevice } from './devices.js';
import type { BenchmarkProblem } from './problems.js';
import { benchmarkRandom } from './random.js';

export interface GradientTime {
  readonly chains: number;
  readonly milliseconds: number;
  /** Read and written by one evaluation. */
  readonly bytesMoved: number;
  /** Of the GPU's kernels; null where there are none. */
  readonly dispatches: number | null;
  readonly memoryBytes: number;
  readonly compileSeconds: number;
}

/** Seconds that a figure may take, in all. */
const budget = 2;
const rounds = 5;

/** Compiles for so many chains and times evaluations at positions about the model's start. Rejects when there is no room. */
export async function timeGradient(
  { model, likelihood }: BenchmarkProblem,
  { device, context }: BenchmarkDevice,
  chains: number,
): Promise<GradientTime> {
  const started = performance.now();
  const traced = traceDensity(model, likelihood);
  const density = await traced.compile(device, chains);
  const compileSeconds = (performance.now() - started) / 1000;
  try {
    writePositions(density, modelSettings(model, {}).initial?.centre, modelSettings(model, {}).initial?.radius);
    await density.evaluate();
    if (!density.logDensities.subarray(0, chains).every(Number.isFinite)) throw new Error('the density is not finite');
    const program = density.resident?.program;
    const run = program === undefined ? () => hostEvaluations(density) : () => residentEvaluations(program);
    const evaluate = run();
    const one = await evaluate(1);
    const batch = Math.max(1, Math.min(1000, Math.floor((budget * 1000) / rounds / one)));
    const times: number[] = [];
    for (let round = 0; round < (one > budget * 1000 ? 1 : rounds); round++) times.push(await evaluate(batch));
    return {
      chains,
      milliseconds: median(times),
      // On the CPU: data as they are stored at most, positions and gradients, each once.
      bytesMoved: program?.bytesMoved ?? traced.dataBytes + 16 * density.dimension * density.lanes,
      dispatches: program?.dispatches ?? null,
      memoryBytes: context?.allocatedBytes ?? density.memoryBytes,
      compileSeconds,
    };
  } finally {
    await density.dispose();
  }
}

type Numbers = number | ArrayLike<number> | undefined;
const at = (values: Numbers, i: number, fallback: number): number =>
  values === undefined ? fallback : typeof values === 'number' ? values : values[i];

function writePositions({ positions, lanes, dimension }: ModelDensity, centre: Numbers, radius: Numbers): void {
  const random = benchmarkRandom(7);
  for (let i = 0; i < dimension; i++) {
    const [middle, width] = [at(centre, i, 0), at(radius, i, 0.1)];
    for (let lane = 0; lane < lanes; lane++) positions[i * lanes + lane] = middle + width * (2 * random.uniform() - 1);
  }
}

/** Milliseconds per evaluation of `count` in a row. */
function hostEvaluations(density: ModelDensity): (count: number) => Promise<number> {
  return async (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      const running = density.evaluate();
      if (running !== undefined) await running;
    }
    return (performance.now() - start) / count;
  };
}

/** The same on the device alone: encoded together, one word is read back when all are done. */
function residentEvaluations(program: ResidentProgram): (count: number) => Promise<number> {
  const { context } = program;
  const { buffer, offset } = program.accurate('value').words;
  return async (count) => {
    const start = performance.now();
    const encoder = context.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < count; i++) program.encode(pass);
    pass.end();
    await context.submitAndRead(encoder, [{ buffer, offset, bytes: 4 }]);
    return (performance.now() - start) / count;
  };
}
