// One to a thousand chains on the device: exact posteriors, a chain alone as among a thousand, and limits that such numbers reach.
import type { Tensor } from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { compileDensity } from '../../../src/inference/compiledModel.js';
import type { SampleResult, SampleSettings } from '../../../src/inference/index.js';
import { sample } from '../../../src/inference/index.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { webgpuDevice } from '../../../src/kernels/webgpu/webgpuDevice.js';
import { literal } from '../../../src/kernels/ops/index.js';
import { defineModel } from '../../../src/models/model.js';
import { real } from '../../../src/models/parameters.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';

const context = await testGpu();
/** Few workgroups to a dispatch, and bindings that a thousand chains' partial sums do not fit for a whole list. */
const narrow = await testGpu({ workgroups: 100, bindingBytes: 500_000 });
afterAll(() => {
  context?.dispose();
  narrow?.dispose();
});

const rows = 300;
const [x, y] = [1, 2].map((step) => {
  const values = new Float64Array(rows);
  new PhiloxStream(randomKey('many chains'), 0, step, 0).fillNormal(values);
  return values.map(Math.fround);
});

/** y = α + β x + N(0, 10²) with flat priors: posterior sds near 10/√300, correlated a little. */
const noise = 10;
const model = defineModel({
  name: 'regression of many chains',
  data: { x, y },
  parameters: { theta: real(2) },
  logPrior: () => literal(0),
  logLikelihood: ({ theta }, d): Tensor => {
    const [alpha, beta] = [theta.slice([0], [1]), theta.slice([1], [1])];
    return d.y
      .sub(d.x.mul(beta).add(alpha))
      .square()
      .mul(literal(-0.5 / noise ** 2));
  },
});

/** Least squares, and the Cholesky factor of the posterior covariance σ² (X'X)⁻¹. */
const exact = (() => {
  const sum = (of: (i: number) => number): number => x.reduce((total, _, i) => total + of(i), 0);
  const [sx, sxx, sy, sxy] = [sum((i) => x[i]), sum((i) => x[i] ** 2), sum((i) => y[i]), sum((i) => x[i] * y[i])];
  const scale = noise ** 2 / (rows * sxx - sx * sx);
  const mean = [(sxx * sy - sx * sxy) / (rows * sxx - sx * sx), (rows * sxy - sx * sy) / (rows * sxx - sx * sx)];
  const [v00, v01, v11] = [scale * sxx, -scale * sx, scale * rows];
  const a = Math.sqrt(v00);
  return { mean, sd: [a, Math.sqrt(v11)], factor: [a, v01 / a, Math.sqrt(v11 - (v01 / a) ** 2)] };
})();

function exactDraws(count: number): Float64Array[] {
  const { mean, factor } = exact;
  return Array.from({ length: count }, (_, chain) => {
    const z = new Float64Array(2);
    new PhiloxStream(randomKey('exact draws'), chain, 0, 0).fillNormal(z);
    return Float64Array.of(mean[0] + factor[0] * z[0], mean[1] + factor[1] * z[0] + factor[2] * z[1]);
  });
}

interface Run {
  readonly result: SampleResult;
  /** `[chain][draw][dimension]`, after warm-up; chains that are no part of the run have none. */
  readonly draws: readonly Float64Array[][];
}

/** The order in which a density adds its rows up depends on the lanes that it is compiled for, so they are the same for a part. */
async function run(gpu: GpuContext, settings: SampleSettings & { chains: number }): Promise<Run> {
  const density = await compileDensity(model, webgpuDevice(gpu), settings.chains);
  const draws: Float64Array[][] = Array.from({ length: settings.chains }, () => []);
  const onDraw = ({ chain, phase, position }: { chain: number; phase: string; position: Float64Array }): void =>
    void (phase === 'sampling' && draws[chain].push(position.slice()));
  try {
    return { result: await sample(density, settings, { onDraw }), draws };
  } finally {
    await density.dispose();
  }
}

const timeout = 600_000;

describe.skipIf(context === undefined)('many chains on the device', () => {
  const inverseMass = exact.sd.map((sd) => sd * sd);

  it.each(
    ([65, 257, 1000] as const).flatMap((chains) =>
      (['nuts', 'hmc', 'chees'] as const).map((method) => ({ chains, method })),
    ),
  )(
    '$method leaves the posterior as it is: $chains chains that start from it',
    async ({ chains, method }) => {
      const hmc = { integrationTime: 1.2 };
      const settings = { chains, method, hmc, inverseMass, stepSize: 0.7, warmup: 0, draws: 2, superchains: chains };
      const { draws, result } = await run(context!, { ...settings, initial: { positions: exactDraws(chains) } });
      expect(result.isComplete).toBe(true);
      // The last draws are independent and exact: means and squares of standard normals.
      for (const i of [0, 1]) {
        const z = draws.map((own) => (own[1][i] - exact.mean[i]) / exact.sd[i]);
        const mean = z.reduce((sum, value) => sum + value, 0) / chains;
        const square = z.reduce((sum, value) => sum + value * value, 0) / chains;
        expect(Math.abs(mean) * Math.sqrt(chains)).toBeLessThan(4);
        expect(Math.abs(square - 1) * Math.sqrt(chains / 2)).toBeLessThan(4);
      }
      // Each has moved.
      expect(draws.filter(([first, second]) => first[0] !== second[0]).length).toBeGreaterThan(0.7 * chains);
    },
    timeout,
  );

  const warm: SampleSettings = {
    warmup: 15,
    draws: 2,
    maxTreeDepth: 6,
    metric: { kind: 'block', dense: [0, 1] },
    seed: 4,
  };

  it(
    'warms each chain up among a thousand as alone, and gives the same draws',
    async () => {
      const all = await run(context!, { ...warm, chains: 1000 });
      for (const first of [0, 64, 999]) {
        const { draws, result } = await run(context!, { ...warm, chains: 1000, part: { first, count: 1 } });
        expect(draws[first]).toEqual(all.draws[first]);
        expect(result.chains[first]).toEqual(all.result.chains[first]);
      }
      // From 2 around 0 on a scale of 0.6 they have come to the posterior, most of them.
      const means = [0, 1].map((i) => all.draws.reduce((sum, own) => sum + own[1][i], 0) / 1000);
      means.forEach((mean, i) => expect(Math.abs(mean - exact.mean[i]) / exact.sd[i]).toBeLessThan(0.25));
    },
    timeout,
  );

  it(
    'gives the same draws where a dispatch has few workgroups and a binding few bytes',
    async () => {
      const all = await run(context!, { ...warm, chains: 257 });
      const other = await run(narrow!, { ...warm, chains: 257 });
      expect(other.draws).toEqual(all.draws);
      expect(other.result.snapshot).toEqual(all.result.snapshot);
    },
    timeout,
  );
});
