// The sweeps' programs on WebGPU: the draws of the processor up to single precision.
import { afterAll, describe, expect, it } from 'vitest';
import { packValues } from '../../../src/inference/gibbs/chainValues.js';
import { GibbsRun } from '../../../src/inference/gibbs/run.js';
import { type GibbsScheme, schemes } from '../../../src/inference/gibbs/settings.js';
import { GibbsSweep } from '../../../src/inference/gibbs/sweep.js';
import { randomKey, stepKey } from '../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Device } from '../../../src/kernels/device.js';
import { webgpuDevice } from '../../../src/kernels/webgpu/webgpuDevice.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { randomValues } from './density.js';
import { exampleOf } from './shapes.js';

const context = await testGpu();
afterAll(() => context?.dispose());

/** Values of two chains after one sweep from the same start with the same random numbers. */
async function swept(structure: LinearHierarchy, device: Device, scheme: GibbsScheme): Promise<Float64Array[]> {
  const sweep = await GibbsSweep.create(structure, device, 2, schemes[scheme]);
  const chains = [0, 1].map((lane) => ({
    lane,
    values: randomValues(structure, `gpu ${lane}`),
    key: stepKey(randomKey(9), lane, 0),
    progress: { sweep: 0, warmup: 0 },
  }));
  await sweep.sweep(chains, sweep.scanned);
  await sweep.dispose();
  return chains.map(({ values }) => packValues(values));
}

describe.skipIf(context === undefined)('on WebGPU', { timeout: 120_000 }, () => {
  // f32 rounds matrices of condition up to about 100 here, and slices and rejections turn on rounded numbers smoothly.
  it.each(['two levels, slopes and covariates, full below', 'crossed', 'fixed columns and categories'])(
    'a sweep is that of the processor: %s',
    async (name) => {
      const structure = exampleOf(name);
      for (const scheme of ['plain', 'collapsedInterweaved'] as GibbsScheme[]) {
        const expected = await swept(structure, cpuDevice(), scheme);
        const found = await swept(structure, webgpuDevice(context!), scheme);
        found.forEach((values, lane) =>
          values.forEach((value, i) => {
            const off = Math.abs(value - expected[lane][i]);
            expect(off / (1 + Math.abs(expected[lane][i])), `${scheme}, number ${i}`).toBeLessThan(1e-3);
          }),
        );
      }
    },
  );

  it('a run goes through', async () => {
    const model = declaredModel(exampleOf('one level'));
    let count = 0;
    const { isComplete } = await new GibbsRun(
      model,
      { chains: 2, warmup: 5, draws: 10 },
      { onDraw: ({ position }) => (count += Number(position.every(Number.isFinite))) },
      { device: webgpuDevice(context!) },
    ).run();
    expect([isComplete, count]).toEqual([true, 30]);
  });
});
