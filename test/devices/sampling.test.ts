// The same samplers on every device: a known posterior, the three-level model against the CPU device, a whole fit.
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { advi } from '../../src/inference/advi/advi.js';
import { fit } from '../../src/inference/fit.js';
import { compileDensity } from '../../src/inference/compiledModel.js';
import { sample } from '../../src/inference/sample.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { normal } from '../../src/models/distributions/index.js';
import { defineModel } from '../../src/models/model.js';
import { real } from '../../src/models/parameters.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { testDevices } from './devices.js';
import { randomNumbers } from '../models/random.js';
import { threeLevelExample } from '../models/threeLevelExample.js';
import { randomPosition } from '../models/threeLevelPoints.js';
import { densityOf, quantityOf } from '../models/evaluateModel.js';
import type { KnownPosterior } from '../inference/densities.js';
import { standardErrorsOff } from '../inference/monteCarlo.js';
import { everyOther } from '../thorough.js';

const rows = 120;
const random = randomNumbers('sampling on devices');
const x = Float64Array.from({ length: rows }, () => Math.fround(random.normal()));
const y = x.map((value) => Math.fround(1 - 2 * value + random.normal()));

/** y = α + β x + N(0, 1) with flat priors: the posterior is normal, with the least-squares estimates and (X'X)⁻¹. */
const regression = defineModel({
  name: 'regression',
  data: { x, y },
  parameters: { alpha: real(), beta: real() },
  logPrior: () => tf.scalar(0),
  logLikelihood: ({ alpha, beta }, d) => normal.logDensity(d.y, d.x.mul(beta).add(alpha), 1),
});

function exactPosterior(): KnownPosterior {
  const sum = (of: (i: number) => number): number => x.reduce((total, _, i) => total + of(i), 0);
  const [sx, sxx, sy, sxy] = [sum((i) => x[i]), sum((i) => x[i] ** 2), sum((i) => y[i]), sum((i) => x[i] * y[i])];
  const determinant = rows * sxx - sx * sx;
  const means = [(sxx * sy - sx * sxy) / determinant, (rows * sxy - sx * sy) / determinant];
  const variances = [sxx / determinant, rows / determinant];
  return {
    name: 'regression',
    dimension: 2,
    density: () => NaN,
    expectations: means.flatMap((mean, i) => [
      { name: `mean ${i}`, of: (q: Float64Array) => q[i], value: mean },
      { name: `variance ${i}`, of: (q: Float64Array) => (q[i] - mean) ** 2, value: variances[i] },
      {
        name: `P(q${i} < q05)`,
        of: (q: Float64Array) => Number(q[i] < mean - 1.6448536269514722 * Math.sqrt(variances[i])),
        value: 0.05,
      },
    ]),
  };
}

describe.each(await testDevices())('$label', ({ device, share }) => {
  // What a device compiles so slowly tries half of what is alike.
  const some = <T>(all: readonly T[]): readonly T[] => (share < 0.05 ? everyOther(all) : all);

  it.each(some(['diagonal', 'lowRank'] as const))('NUTS finds a known posterior, metric %s', async (kind) => {
    const density = await compileDensity(regression, device, 4);
    const offsets: number[] = [];
    // A round trip for every few steps makes many small transitions slow.
    const settings = share < 1 ? { warmup: 80, draws: 100 } : { warmup: 200, draws: 400 };
    for (const seed of share < 0.1 ? [1] : [1, 2]) {
      const chains: Float64Array[][] = [[], [], [], []];
      await sample(
        density,
        { ...settings, metric: { kind }, seed },
        { onDraw: ({ chain, phase, position }) => void (phase === 'sampling' && chains[chain].push(position.slice())) },
      );
      offsets.push(...standardErrorsOff(exactPosterior(), chains).map(({ z }) => z));
    }
    // 12 statistics: a right sampler exceeds 4 standard errors in one of them once in 1,300 runs.
    expect(Math.max(...offsets.map(Math.abs))).toBeLessThan(4);
    await density.dispose();
  });

  it.each(['rows', 'shortest'] as const)(
    'three-level density by %s: value and gradient of the CPU device',
    async (likelihood) => {
      const { data } = threeLevelExample({ markets: 4, products: 6, x: 2, z: 1, w: 1, spread: 2 });
      const model = threeLevelModel(data, { covariance: { product: 'full', market: 'full' } });
      const [plain, other] = await Promise.all(
        [cpuDevice(), device].map((each) => densityOf(model, { device: each, likelihood })),
      );
      const numbers = randomNumbers('three levels on devices');
      for (let i = 0; i < 4; i++) {
        const position = randomPosition(model, numbers).map(Math.fround);
        const [expected, actual] = [await plain.at(position), await other.at(position)];
        expect(Math.abs(actual.value / expected.value - 1)).toBeLessThan(1e-5);
        const size = Math.max(...expected.gradient.map(Math.abs));
        expected.gradient.forEach((g, k) => expect(Math.abs(actual.gradient[k] - g) / size).toBeLessThan(1e-4));
      }
    },
  );

  it('reported sites of the three-level model: those of the CPU device', async () => {
    const { data } = threeLevelExample({ markets: 4, products: 6, x: 2, z: 1, w: 1, spread: 2 });
    const model = threeLevelModel(data, { covariance: { product: 'full', market: 'full' } });
    const [plain, other] = await Promise.all([cpuDevice(), device].map((each) => quantityOf(model, 'sites', each)));
    const numbers = randomNumbers('sites on devices');
    for (let i = 0; i < 4; i++) {
      const position = randomPosition(model, numbers).map(Math.fround);
      const [expected, actual] = [await plain(position), await other(position)];
      for (const [name, values] of expected) {
        const size = Math.max(...values.map(Math.abs));
        values.forEach((value, k) => expect(Math.abs(actual.get(name)![k] - value) / size, name).toBeLessThan(1e-5));
      }
    }
  });

  it.each(some(['deterministic', 'stochastic'] as const))('%s ADVI finds a known posterior', async (variant) => {
    const density = await compileDensity(regression, device, 8);
    const { expectations } = exactPosterior();
    const tolerance = variant === 'deterministic' ? 1e-4 : 0.05;
    const result = await advi(density, { variant, family: 'full-rank', tolerance, draws: share < 1 ? 50 : 500 });
    expect(result.isConverged).toBe(true);
    [0, 1].forEach((i) => {
      const [mean, sd] = [expectations[3 * i].value, Math.sqrt(expectations[3 * i + 1].value)];
      // The stochastic variant's tolerance is 0.05 sd over all parameters.
      expect(Math.abs(result.mean[i] - mean) / sd).toBeLessThan(variant === 'deterministic' ? 0.02 : 0.2);
      expect(Math.abs(result.sds[i] / sd - 1)).toBeLessThan(variant === 'deterministic' ? 0.02 : 0.2);
    });
    await density.dispose();
  });

  it('fits a model in one call', async () => {
    const posterior = await fit(regression, { device, chains: 2, warmup: 100, draws: 100, seed: 5 });
    const draws = posterior.element('beta').flatMap((chain) => [...chain]);
    const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
    // The posterior's standard deviation is about 1/√120 = 0.09.
    expect(Math.abs(mean + 2)).toBeLessThan(0.5);
    expect(draws).toHaveLength(200);
  });
});
