// Simulation-based calibration of small hierarchies: NUTS passes, and a sampler that is a little wrong does not.
import { describe, expect, it } from 'vitest';
import { calibrationFigures } from '../../../src/diagnostics/index.js';
import {
  calibrationRefusal,
  type Method,
  nuts,
  RANKED_DRAWS,
  type Simulation,
  simulateAndFit,
} from '../../../src/inference/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../../src/models/model.js';
import { threeLevelModel } from '../../../src/models/threeLevel/threeLevel.js';
import { parsePrior } from '../../../src/data/prior.js';
import { threeLevelExample } from '../../models/threeLevelExample.js';

const signal = new AbortController().signal;

function taskOf(method: Method, options: Parameters<typeof threeLevelModel>[1] = {}) {
  const { data } = threeLevelExample({ markets: null, products: 8, x: 1, rowsOf: (unit) => 3 + (unit % 4) });
  const rebuild = (y: Float64Array): Model => threeLevelModel({ ...data, y }, options);
  const settings = { chains: 2, warmup: 200, draws: 250 };
  const threads = { count: 1, starters: undefined };
  return { model: rebuild(data.y), rebuild, method, settings, seed: 3, device: cpuDevice(), threads };
}

async function figuresOf(task: ReturnType<typeof taskOf>, simulations: number) {
  const all: Simulation[] = [];
  for (let index = 0; index < simulations; index++) all.push(await simulateAndFit(task, index, signal));
  expect(all.filter(({ failure }) => failure !== undefined)).toEqual([]);
  const names = ['gamma[0]', 'gamma[1]', 'sigma', 'sigma_u[0]', 'sigma_u[1]'];
  const ranks = all.map((simulation) => simulation.ranks.slice(0, names.length));
  return calibrationFigures([{ site: 'population', level: 'population', names, ranks }], RANKED_DRAWS + 1);
}

/** NUTS whose draws of the first unconstrained dimension, log σ, are off by 0.15, about its posterior standard deviation. */
const shifted: Method = {
  ...nuts,
  prepare: async (...given) => {
    const prepared = await nuts.prepare(...given);
    return {
      ...prepared,
      run: (settings, listener, options) =>
        prepared.run(
          settings,
          {
            ...listener,
            onDraw: (draw) => {
              const position = draw.position.slice();
              if (position.length > 0) position[0] += 0.15;
              listener.onDraw({ ...draw, position });
            },
          },
          options,
        ),
    };
  },
};

describe('calibration', () => {
  it('passes NUTS', { timeout: 120_000 }, async () => {
    const { checks, classes } = await figuresOf(taskOf(nuts), 60);
    expect(checks).toMatchObject([{ status: 'pass' }]);
    expect(Math.abs(classes[0].coverage90 - 0.9)).toBeLessThan(4 * classes[0].coverage90Error);
  });

  it('catches draws that are off by a standard deviation', { timeout: 120_000 }, async () => {
    const { checks } = await figuresOf(taskOf(shifted), 60);
    expect(checks).toMatchObject([{ status: 'fail' }]);
  });

  it('simulates the same again for the same index, and otherwise for another', async () => {
    const task = taskOf(nuts);
    const [first, again, other] = [
      await simulateAndFit(task, 4, signal),
      await simulateAndFit(task, 4, signal),
      await simulateAndFit(task, 5, signal),
    ];
    expect(again).toEqual(first);
    expect(other.ranks).not.toEqual(first.ranks);
  });

  it('stops when it is told to', async () => {
    await expect(simulateAndFit(taskOf(nuts), 0, AbortSignal.abort())).rejects.toThrow();
  });

  it('refuses improper priors', () => {
    const { model } = taskOf(nuts, { priors: { sigma: parsePrior('flat') } });
    expect(calibrationRefusal(model)).toMatch(/improper/);
  });
});
