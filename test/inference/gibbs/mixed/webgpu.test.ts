// Mixed sweeps on WebGPU: the draws of the processor up to single precision.
import { afterAll, describe, expect, it } from 'vitest';
import { packValues } from '../../../../src/inference/gibbs/chainValues.js';
import { hasFewRows, startPrecisions } from '../../../../src/inference/gibbs/polyaGamma/fewRows.js';
import { samplerOf } from '../../../../src/inference/gibbs/sampler.js';
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

/** Values of two chains after one sweep from the same start with the same random numbers. */
async function swept(structure: GeneralisedHierarchy, device: Device): Promise<Float64Array[]> {
  const model = declaredModel(structure);
  const sampler = samplerOf(model, 'integrated');
  const sweep = await sampler.compile(device, 2);
  const positions = new HierarchyPositions(model);
  const chains = [0, 1].map((lane) => ({
    lane,
    values: {
      ...positions.read(randomNumbers(`gpu ${lane}`).normals(positions.dimension, 0.4)),
      ...(hasFewRows(structure) && { omega: startPrecisions(structure) }),
    },
    learners: sampler.newLearners(),
    progress: { sweep: 0, warmup: 0 },
    key: stepKey(randomKey(9), lane, 0),
  }));
  await sweep.sweep(chains, sweep.scanned);
  await sweep.dispose();
  return chains.map(({ values }) => packValues(values));
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
    for (const [lane, values] of found.entries())
      values.forEach((x, i) => expect(Math.abs(x - expected[lane][i]), `${lane} ${i}`).toBeLessThan(0.02));
  });
});
