// Starts: jittered within bounds, retried, and refused with the name of the parameter to blame.
import { describe, expect, it } from 'vitest';
import { InitialisationError, sample } from '../../src/inference/index.js';
import type { PlainDensity } from './densities.js';
import { batched, independentNormal } from './densities.js';

const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
const parameterNameOf = (dimension: number) => names[dimension];
const settings = { chains: 2, warmup: 0, draws: 0, stepSize: 1, parameterNameOf };

async function failure(density: PlainDensity, more: object = {}): Promise<InitialisationError> {
  const error: unknown = await sample(batched(5, density), { ...settings, ...more }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InitialisationError);
  return error as InitialisationError;
}

const quadratic: PlainDensity = (q, gradient) => {
  q.forEach((value, i) => (gradient[i] = -value));
  return -q.reduce((sum, value) => sum + value * value, 0) / 2;
};

describe('initial positions', () => {
  it('lie within the radius of the centre, differ between chains and repeat with the seed', async () => {
    const startsOf = async (seed: number) => {
      const density = batched(3, independentNormal.density);
      const initial = { centre: [5, 0, -5], radius: [0.5, 2, 0] };
      await sample(density, { chains: 4, warmup: 0, draws: 0, seed, initial });
      return Array.from(density.positions);
    };
    const starts = await startsOf(1);
    for (let chain = 0; chain < 4; chain++) {
      expect(Math.abs(starts[chain] - 5)).toBeLessThan(0.5);
      expect(Math.abs(starts[4 + chain])).toBeLessThan(2);
      expect(starts[8 + chain]).toBe(-5);
    }
    expect(new Set(starts.slice(0, 8)).size).toBe(8);
    expect(await startsOf(1)).toEqual(starts);
    expect(await startsOf(2)).not.toEqual(starts);
  });

  it('are tried again until density and gradient are finite', async () => {
    // One start in about 6 has q0 > 4/3 on (−2, 2).
    const density = batched(5, (q, gradient) => (q[0] > 4 / 3 ? quadratic(q, gradient) : -Infinity), 2);
    await sample(density, settings);
    expect(Math.min(density.positions[0], density.positions[1])).toBeGreaterThan(4 / 3);
  });

  it('given exactly are used as they are', async () => {
    const density = batched(5, quadratic, 2);
    const positions = [
      [1, 2, 3, 4, 5],
      [-1, -2, -3, -4, -5],
    ];
    await sample(density, { ...settings, initial: { positions } });
    expect(Array.from(density.positions)).toEqual(positions[0].flatMap((value, i) => [value, positions[1][i]]));
    const error = await failure((q, gradient) => (q[1] < 1 ? quadratic(q, gradient) : NaN), { initial: { positions } });
    expect(error).toMatchObject({ chain: 0, attempts: 1, notFinite: 'log density', parameter: 'beta', value: 2 });
  });
});

describe('a start that cannot be found names', () => {
  it('the parameter whose gradient is not finite', async () => {
    const error = await failure((q, gradient) => {
      const value = quadratic(q, gradient);
      gradient[2] = NaN;
      return value;
    });
    expect(error).toMatchObject({ attempts: 100, notFinite: 'gradient', dimension: 2, parameter: 'gamma' });
    expect(error.message).toMatch(
      /^initial positions of chain 0: after 100 attempts the gradient is not finite because of gamma /,
    );
  });

  it.each([0, 3, 4])('the parameter whose value makes the density not finite: %d', async (bad) => {
    const error = await failure((q, gradient) => (q[bad] === 0 ? quadratic(q, gradient) : -Infinity));
    expect(error).toMatchObject({ notFinite: 'log density', dimension: bad, parameter: names[bad] });
    expect(Math.abs(error.value!)).toBeGreaterThan(0);
  });

  it('none when the centre is no better', async () => {
    const error = await failure(() => NaN);
    expect(error).toMatchObject({ notFinite: 'log density', parameter: undefined, dimension: undefined });
    expect(error.message).toMatch(/the centre included$/);
  });
});
