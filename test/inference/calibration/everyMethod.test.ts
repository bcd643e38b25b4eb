// Simulation-based calibration of every exact method on every shape of the three-level model.
import { expect, it } from 'vitest';
import { rankClasses } from '../../../src/cli/calibration/rankClasses.js';
import { calibrationFigures } from '../../../src/diagnostics/index.js';
import { methods, RANKED_DRAWS, type Simulation, simulateAndFit } from '../../../src/inference/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../../src/models/model.js';
import { threeLevelModel } from '../../../src/models/threeLevel/threeLevel.js';
import { threeLevelExample } from '../../models/threeLevelExample.js';
import { everyOther, someOf } from '../../thorough.js';

const simulations = someOf(60);
const signal = new AbortController().signal;

/** 12 products, or 3 in each of 10 markets; one predictor. */
function problem(markets: number | null, covariance: 'diagonal' | 'full') {
  const { data } = threeLevelExample({
    markets,
    products: markets === null ? 12 : 3,
    x: 1,
    rowsOf: (unit) => 4 + (unit % 5),
  });
  const rebuild = (y: Float64Array): Model =>
    threeLevelModel({ ...data, y }, { covariance: { product: covariance, market: covariance } });
  return { model: rebuild(data.y), rebuild };
}

const shapes = [
  ['two levels, diagonal', null, 'diagonal'],
  ['two levels, full', null, 'full'],
  ['three levels, diagonal', 10, 'diagonal'],
  ['three levels, full', 10, 'full'],
] as const;
const warmups = [
  [methods.nuts, 400],
  [methods.marginal, 200],
  [methods.gibbs, 200],
] as const;
const tried = shapes.flatMap(([shape, markets, covariance]) =>
  warmups.map(([method, warmup]) => ({ shape, name: method.name, markets, covariance, method, warmup })),
);

it.each(everyOther(tried))(
  '$shape by $name is calibrated',
  { timeout: 300_000 },
  async ({ markets, covariance, method, warmup }) => {
    const { model, rebuild } = problem(markets, covariance);
    const settings = { chains: 2, warmup, draws: 400 };
    const threads = { count: 1, starters: undefined };
    const task = { model, rebuild, method, settings, seed: 1, device: cpuDevice(), threads };
    const all: Simulation[] = [];
    for (let index = 0; index < simulations; index++) all.push(await simulateAndFit(task, index, signal));
    expect(all.filter(({ failure }) => failure !== undefined)).toEqual([]);
    const { checks, classes } = calibrationFigures(rankClasses(model, all), RANKED_DRAWS + 1);
    for (const { status, detail } of checks) expect(status, detail).not.toBe('fail');
    // As if the parameters of a class were one: their intervals hold or miss together at worst.
    const error = Math.sqrt((0.9 * 0.1) / simulations);
    for (const { site, coverage90 } of classes) expect(Math.abs(coverage90 - 0.9), site).toBeLessThan(4 * error);
  },
);
