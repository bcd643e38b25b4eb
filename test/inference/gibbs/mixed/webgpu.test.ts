// Mixed sweeps on WebGPU: the draws of the processor up to single precision.
import { afterAll, describe, expect, it } from 'vitest';
import { packValues } from '../../../../src/inference/gibbs/chainValues.js';
import type { MixedTuning } from '../../../../src/inference/gibbs/mixed/tuning.js';
import { hasFewRows, startPrecisions } from '../../../../src/inference/gibbs/polyaGamma/fewRows.js';
import { samplerOf } from '../../../../src/inference/gibbs/sampler.js';
import type { ScalarTuning } from '../../../../src/inference/gibbs/scalars/tuning.js';
import { HierarchyPositions } from '../../../../src/inference/linearHierarchy/positions.js';
import { randomKey, stepKey } from '../../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../../src/kernels/cpu/cpuDevice.js';
import type { Device } from '../../../../src/kernels/device.js';
import { webgpuDevice } from '../../../../src/kernels/webgpu/webgpuDevice.js';
import { declaredModel } from '../../../../src/models/linearHierarchy/declaredModel.js';
import type { GeneralisedHierarchy } from '../../../../src/models/linearHierarchy/structure.js';
import { testGpu } from '../../../kernels/webgpu/testGpu.js';
import { randomNumbers } from '../../../models/random.js';
import { generalisedExample } from './example.js';

const context = await testGpu();
afterAll(() => context?.dispose());

/** Chains that are compared. */
const lanes = 6;

/** A sweep past the first one, before which coordinates are learnt from differences of gradients. */
const progress = { sweep: 1, warmup: 0 };

/** In coordinates that were learnt already: differences of single-precision gradients would make others. */
function learnersOf(sampler: ReturnType<typeof samplerOf>) {
  const learners = sampler.newLearners();
  const [own] = learners as unknown as [MixedTuning | ScalarTuning];
  const tuning = 'scalars' in own ? own.scalars : own;
  const { dimension: n } = tuning;
  const hessian = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 40 : 0));
  tuning.renew(hessian, new Float64Array(n), { sweep: 0, warmup: 0 });
  return learners;
}

/** Values of chains after one sweep from the same start with the same random numbers, and how many of them moved their scales. */
async function swept(
  structure: GeneralisedHierarchy,
  device: Device,
): Promise<{ readonly values: Float64Array[]; readonly moved: number }> {
  const model = declaredModel(structure);
  const sampler = samplerOf(model, 'integrated');
  const sweep = await sampler.compile(device, lanes);
  const positions = new HierarchyPositions(model);
  const chains = Array.from({ length: lanes }, (_, lane) => ({
    lane,
    values: {
      ...positions.read(randomNumbers(`gpu ${lane}`).normals(positions.dimension, 0.4)),
      ...(hasFewRows(structure) && { omega: startPrecisions(structure) }),
    },
    learners: learnersOf(sampler),
    progress,
    key: stepKey(randomKey(9), lane, 0),
  }));
  const spreadOf = ({ values }: (typeof chains)[number]): number => values.terms[0].levels[0].sds[0];
  const before = chains.map(spreadOf);
  await sweep.sweep(chains, sweep.scanned);
  await sweep.dispose();
  return {
    values: chains.map(({ values }) => packValues(values)),
    moved: chains.filter((chain, lane) => spreadOf(chain) !== before[lane]).length,
  };
}

describe.skipIf(context === undefined)('on WebGPU', { timeout: 120_000 }, () => {
  it.each([
    [
      'counts',
      generalisedExample('poisson', {
        terms: [{ slopes: 1, levels: [{ groups: 9, full: true, covariates: 1 }, { groups: 3 }] }],
        fixed: { dense: 1 },
      }),
    ],
    ['few rows', generalisedExample('bernoulli', { terms: [{ slopes: 2, levels: [{ groups: 12, full: true }] }] })],
  ] as const)('a sweep is that of the processor: %s', async (_, structure) => {
    const expected = await swept(structure, cpuDevice());
    const found = await swept(structure, webgpuDevice(context!));
    expect(expected.moved).toBeGreaterThan(0);
    for (const [lane, values] of found.values.entries())
      values.forEach((x, i) => expect(Math.abs(x - expected.values[lane][i]), `${lane} ${i}`).toBeLessThan(1e-3));
  });
});
