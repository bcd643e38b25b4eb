// ADVI and Pathfinder through the one interface of methods: draws of a model's sites, findings, structure, stopping and going on.
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { fit } from '../../../src/inference/fit.js';
import { methods } from '../../../src/inference/methods/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { normal } from '../../../src/models/distributions/index.js';
import { defineModel } from '../../../src/models/model.js';
import { positive, real } from '../../../src/models/parameters.js';
import { threeLevelModel } from '../../../src/models/threeLevel/threeLevel.js';
import { randomNumbers } from '../../models/random.js';
import { threeLevelExample } from '../../models/threeLevelExample.js';

const random = randomNumbers('approximations');
const x = random.normals(80);
const y = x.map((value) => 1 - 2 * value + 0.5 * random.normal());
const regression = defineModel({
  name: 'regression',
  data: { x, y },
  parameters: { alpha: real(), beta: real(), sigma: positive() },
  logPrior: ({ alpha, beta, sigma }) =>
    tf.addN([normal.logDensity(alpha, 0, 10), normal.logDensity(beta, 0, 10), normal.logDensity(sigma, 0, 10)]),
  logLikelihood: ({ alpha, beta, sigma }, d) => normal.logDensity(d.y, d.x.mul(beta).add(alpha), sigma),
});

const moments = (chains: readonly Float64Array[]): { mean: number; sd: number } => {
  const values = chains.flatMap((chain) => [...chain]);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, sd: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) };
};

describe.each(['advi', 'pathfinder'] as const)('%s', (method) => {
  it('gives the draws of sites that NUTS gives, and says how good they are', async () => {
    const options = { chains: 4, draws: 1000, seed: 3 };
    const [reference, own] = [
      await fit(regression, { ...options, method: 'nuts', warmup: 300 }),
      await fit(regression, { ...options, method, ...(method === 'advi' && { advi: { family: 'full-rank' } }) }),
    ];
    for (const site of ['alpha', 'beta', 'sigma']) {
      const [expected, actual] = [moments(reference.element(site)), moments(own.element(site))];
      // Monte-Carlo error of both: about 0.03 sd.
      expect(Math.abs(actual.mean - expected.mean) / expected.sd).toBeLessThan(0.12);
      expect(Math.abs(actual.sd / expected.sd - 1)).toBeLessThan(0.1);
    }
    const approximation = own.findings.find(({ name }) => name === 'approximation')!;
    expect(approximation.status).not.toBe('fail');
    expect(approximation.detail).toMatch(/Pareto k/);
    expect(own.info[2][5].logDensity).toBeLessThan(0);
    expect(own.efforts.every(({ effort }) => effort > 0)).toBe(true);
  });

  it('goes on after a stop with the very draws that were left', async () => {
    const settings = { chains: 2, draws: 40, seed: 5 };
    const prepared = await methods[method].prepare(regression, cpuDevice(), { chains: 2, threads: 1 });
    const whole: number[][] = [];
    const all = await prepared.run(settings, { onDraw: ({ position }) => void whole.push([...position]) }, {});
    expect(all.isComplete).toBe(true);
    const stop = new AbortController();
    const parts: number[][] = [];
    const first = await prepared.run(
      settings,
      {
        onDraw: ({ position }) => {
          parts.push([...position]);
          if (parts.length === 33) stop.abort();
        },
      },
      { signal: stop.signal },
    );
    if (first.isComplete) expect(parts).toEqual(whole);
    else {
      const { snapshot } = first;
      const onDraw = ({ position }: { position: Float64Array }): void => void parts.push([...position]);
      const second = await prepared.run(
        settings,
        { onDraw },
        { resume: JSON.parse(JSON.stringify(snapshot)) as object },
      );
      expect(second.isComplete).toBe(true);
      expect(parts).toEqual(whole);
    }
    const other = { resume: { kind: 'nuts', seed: 5, handedOut: 3 } };
    await expect(prepared.run(settings, { onDraw: () => undefined }, other)).rejects.toThrow(/not one of/);
    await prepared.dispose();
  });
});

it(
  'ADVI follows declared structure, and is judged on the exact marginal density of the scales',
  { timeout: 120_000 },
  async () => {
    const { data } = threeLevelExample({ markets: 12, products: 5, x: 1, w: 1, spread: 2, rowsOf: () => 12 });
    const model = threeLevelModel(data);
    const options = { chains: 4, draws: 500, seed: 1 };
    const reference = await fit(model, { ...options, method: 'nuts', warmup: 500 });
    const structured = await fit(model, { ...options, method: 'advi' });
    const meanField = await fit(model, { ...options, method: 'advi', advi: { family: 'mean-field' } });
    const finding = structured.findings.find(({ name }) => name === 'approximation')!;
    expect(finding.detail).toMatch(/marginal posterior of the scales/);
    // Pathfinder has no such structure: it is judged on the same density, and found wanting.
    const paths = await fit(model, { ...options, method: 'pathfinder' });
    expect(paths.findings[0].detail).toMatch(/marginal posterior of the scales/);
    expect(paths.findings[0].status).toBe('fail');
    const ratios = (posterior: typeof reference): number => {
      const units = Array.from({ length: 60 }, (_, unit) => 2 * unit);
      const all = units
        .map((i) => moments(posterior.element('beta', i)).sd / moments(reference.element('beta', i)).sd)
        .sort((a, b) => a - b);
      return all[30];
    };
    // What mean-field leaves out of the spread of group coefficients, the structured family has.
    expect(Math.abs(ratios(structured) - 1)).toBeLessThan(0.08);
    expect(ratios(meanField)).toBeLessThan(ratios(structured));
    for (let i = 0; i < 4; i++) {
      const [expected, actual] = [moments(reference.element('delta', i)), moments(structured.element('delta', i))];
      expect(Math.abs(actual.mean - expected.mean) / expected.sd).toBeLessThan(0.25);
    }
  },
);
