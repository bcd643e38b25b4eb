// Random tensor programs on every device: values and gradients equal those of the plain interpreter up to float32's rounding.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/kernels/device.js';
import { trace } from '../../src/kernels/trace/trace.js';
import { randomProgram } from '../kernels/randomPrograms.js';
import { evaluate, gradientProgram } from '../kernels/support.js';
import { testDevices } from './devices.js';
import { deviceErrors } from './deviceErrors.js';

/** Each of some hundred operations rounds to 2⁻²⁴, and the worst of them (pow, tan, atanh, solves) magnify rounding a few hundredfold. */
const tolerance = 5e-4;
/** An accurate output of small arrays is computed in f64 from parameters that are not rounded. */
const accurateTolerance = 1e-6;

async function check(device: Device, seed: number, longExtents: readonly number[] = []): Promise<void> {
  const { fn, margin, signature, arrays } = randomProgram(seed, 12, longExtents);
  const names = Object.keys(signature.parameters);
  // Chains at slightly different places: lanes must not be confused.
  const chains = [1, 0.984375, 1.0078125].map(
    (factor) => new Map(names.map((name) => [name, Float64Array.from(arrays[name], (x) => Math.fround(x * factor))])),
  );
  const distance = trace(margin, signature);
  const distances = distance.builder.finish(distance.outputs);
  // Within rounding of a jump the two may stand on different sides.
  for (const chain of chains) {
    fc.pre(evaluate(distances, { ...arrays, ...Object.fromEntries(chain) }).get('value')![0] > 1e-3);
  }
  const data = new Map(
    Object.entries(signature.data ?? {}).map(([name, { shape }]) => [name, { shape, values: arrays[name] }]),
  );
  const { program } = gradientProgram(fn, signature);
  for (const [name, error] of await deviceErrors(device, { program, data, chains })) {
    expect(error, `${name} of seed ${seed}`).toBeLessThan(tolerance);
  }
  const accurate = await deviceErrors(device, { program, data, chains, accurate: ['value'] });
  expect(accurate.get('value'), `value of seed ${seed}`).toBeLessThan(
    longExtents.length > 0 ? tolerance : accurateTolerance,
  );
}

describe.each(await testDevices())('random programs on $label', ({ device, share }) => {
  it('give what the interpreter computes', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), (seed) => check(device, seed));
    await fc.assert(property, { numRuns: Math.ceil(60 * share), seed: 22 });
  }, 180_000);

  it('give what the interpreter computes when axes are long', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), (seed) => check(device, seed, [33, 300]));
    await fc.assert(property, { numRuns: Math.ceil(20 * share), seed: 23 });
  }, 180_000);
});
