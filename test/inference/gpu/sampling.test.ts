// NUTS, HMC and the warm-up with all vectors on the device find known posteriors within their Monte-Carlo error.
import { afterAll, describe, expect, it } from 'vitest';
import { GpuPhaseSpaces } from '../../../src/inference/gpu/gpuPhaseSpaces.js';
import type { SampleSettings } from '../../../src/inference/index.js';
import { sample } from '../../../src/inference/index.js';
import type { BatchedLogDensity } from '../../../src/inference/logDensity.js';
import type { SampleListener, SampleOptions, SampleResult } from '../../../src/inference/sample.js';
import type { GpuCounters } from '../../../src/kernels/webgpu/context.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import type { KnownPosterior } from '../densities.js';
import { banana, correlatedNormal, eightSchools } from '../densities.js';
import { standardErrorsOff } from '../monteCarlo.js';
import type { WgslDensity } from './residentDensities.js';
import { resident, wgslBanana, wgslCorrelatedNormal, wgslEightSchools } from './residentDensities.js';
import { isThorough } from '../../thorough.js';

const context = await testGpu();
afterAll(() => context?.dispose());

/** As on the host (../sampling.test.ts): one statistic in 3,000 cases is further off. */
const LARGEST = 4.5;
const MEAN_SQUARE = 2.2;

interface Run {
  readonly result: SampleResult;
  /** `[chain][draw][dimension]`, after warm-up. */
  readonly chains: readonly Float64Array[][];
  readonly batches: number;
  readonly leapfrogs: number;
}

async function run(
  density: WgslDensity,
  settings: SampleSettings,
  { lookahead, lanes, ...options }: SampleOptions & { lookahead?: number; lanes?: number } = {},
  listener: SampleListener = {},
): Promise<Run> {
  const count = settings.chains ?? 4;
  const program = await resident(context!, density, lanes ?? count);
  const batch: BatchedLogDensity = {
    dimension: density.dimension,
    lanes: lanes ?? count,
    positions: new Float64Array(0),
    logDensities: new Float64Array(0),
    gradients: new Float64Array(0),
    evaluate: () => {
      throw new Error('positions never come to the host');
    },
  };
  const chains: Float64Array[][] = Array.from({ length: count }, () => []);
  let [batches, leapfrogs] = [0, 0];
  const result = await sample(
    batch,
    settings,
    {
      ...listener,
      onDraw: (draw) => {
        if (draw.phase === 'sampling') chains[draw.chain].push(draw.position.slice());
        listener.onDraw?.(draw);
      },
    },
    {
      ...options,
      createPhaseSpaces: async (_, spaceSettings) => {
        const spaces = await GpuPhaseSpaces.create(program, spaceSettings, lookahead);
        const answer = spaces.answer.bind(spaces);
        spaces.answer = (lists) => {
          batches++;
          leapfrogs += Math.max(...lists.map((list) => list?.filter(({ kind }) => kind === 'leapfrog').length ?? 0));
          return answer(lists);
        };
        return spaces;
      },
    },
  );
  program.dispose();
  return { result, chains, batches, leapfrogs };
}

/** On software each takes a minute. */
const isSlow = process.env.HIERAX_TEST_GPU === undefined && !isThorough;
const SEEDS = isSlow ? [1] : [1, 2];
const length = isSlow ? { warmup: 70, draws: 40 } : { warmup: 100, draws: 60 };

const cases: [KnownPosterior, WgslDensity, SampleSettings][] = [
  [correlatedNormal(6, 0.8), wgslCorrelatedNormal(6, 0.8), { metric: { kind: 'block', dense: [0, 1, 4] } }],
  [correlatedNormal(2, 0.7), wgslCorrelatedNormal(2, 0.7), { method: 'hmc' }],
  [correlatedNormal(3, 0.8), wgslCorrelatedNormal(3, 0.8), { method: 'chees' }],
];
if (!isSlow)
  cases.push(
    [eightSchools(), wgslEightSchools, {}],
    [correlatedNormal(3, 0.8), wgslCorrelatedNormal(3, 0.8), {}],
    [correlatedNormal(3, 0.9), wgslCorrelatedNormal(3, 0.9), { metric: { kind: 'dense' } }],
    [banana, wgslBanana, { targetAcceptance: 0.9 }],
  );

/** A case takes seconds; on a machine that does much else it may take minutes. */
const timeout = 600_000;

describe.skipIf(context === undefined)('sampling on the device', () => {
  it.each(cases.map(([posterior, density, settings]) => ({ name: posterior.name, posterior, density, settings })))(
    'finds $name, $settings',
    async ({ posterior, density, settings }) => {
      const offsets: number[] = [];
      for (const seed of SEEDS) {
        const { chains } = await run(density, { chains: 16, ...length, ...settings, seed });
        offsets.push(...standardErrorsOff(posterior, chains).map(({ z }) => z));
      }
      expect(Math.max(...offsets.map(Math.abs))).toBeLessThan(LARGEST);
      expect(offsets.reduce((sum, z) => sum + z * z, 0) / offsets.length).toBeLessThan(MEAN_SQUARE);
    },
    timeout,
  );

  const density = wgslCorrelatedNormal(6, 0.5);
  const short: SampleSettings = { chains: 3, warmup: 20, draws: 8, metric: { kind: 'block', dense: [0, 5] } };

  it(
    'gives the same draws for any lookahead, and to a chain whatever the number of lanes',
    async () => {
      const { chains } = await run(density, short, { lookahead: 1 });
      expect((await run(density, short, { lookahead: 5 })).chains).toEqual(chains);
      expect((await run(density, short, { lookahead: 16, lanes: 9 })).chains).toEqual(chains);
      const part = { first: 1, count: 1 };
      expect((await run(density, { ...short, part }, { lookahead: 16 })).chains[1]).toEqual(chains[1]);
    },
    timeout,
  );

  it(
    'resumes with the very draws of an unbroken run',
    async () => {
      const { chains, result } = await run(density, short);
      const stop = new AbortController();
      let drawn = 0;
      const onDraw = () => void (++drawn === 40 && stop.abort());
      const first = await run(density, short, { signal: stop.signal }, { onDraw });
      expect(first.result.isComplete).toBe(false);
      const second = await run(density, short, { resume: first.result.snapshot });
      expect(second.result.isComplete).toBe(true);
      expect(first.chains.map((draws, chain) => [...draws, ...second.chains[chain]])).toEqual(chains);
      expect(second.result.snapshot).toEqual(result.snapshot);
    },
    timeout,
  );

  it(
    'needs at most 10 dispatches a leapfrog step with a program of 4, and at most one read-back',
    async () => {
      const gpu = context!;
      const before: GpuCounters = { ...gpu.counters };
      const settings: SampleSettings = { ...short, warmup: 0, stepSize: 0.05 };
      const { batches, leapfrogs } = await run(density, settings, { lookahead: 16 });
      const dispatches = gpu.counters.dispatches - before.dispatches;
      const readBacks = gpu.counters.readBacks - before.readBacks;
      // The test's density is one dispatch; three more are allowed for.
      expect(dispatches / leapfrogs + 3).toBeLessThanOrEqual(10);
      // Beside the lists only the metrics' diagonals and the last snapshot are read.
      expect(readBacks).toBeLessThanOrEqual(batches + 2 * 3);
      expect(readBacks / leapfrogs).toBeLessThan(0.5);
    },
    timeout,
  );
});
