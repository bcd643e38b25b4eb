// Random programs: interpreter against eager tfjs, and program-level gradients against finite differences.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { trace } from '../../../src/kernels/trace/trace.js';
import { type RandomProgram, randomProgram } from '../randomPrograms.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../support.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

function eager({ fn, signature, arrays }: RandomProgram): Record<string, ArrayLike<number>> {
  return tf.tidy(() => {
    const parameters = Object.entries(signature.parameters).map(([name, shape]) => [
      name,
      tf.tensor(Float32Array.from(arrays[name]), [...shape], 'float32'),
    ]);
    const data = Object.entries(signature.data!).map(([name, { shape, dtype }]) => [
      name,
      tf.tensor(Float32Array.from(arrays[name]), [...shape], dtype),
    ]);
    const result = fn(
      Object.fromEntries(parameters) as Record<string, tf.Tensor>,
      Object.fromEntries(data) as Record<string, tf.Tensor>,
    );
    return Object.fromEntries(Object.entries(result).map(([name, x]: [string, tf.Tensor]) => [name, x.dataSync()]));
  });
}

/** Distance of the arguments to the nearest kink or jump. */
function margin({ margin: fn, signature, arrays }: RandomProgram): number {
  const { builder, outputs } = trace(fn, signature);
  return evaluate(builder.finish(outputs), arrays).get('value')![0];
}

const seeds = fc.integer({ min: 1, max: 1_000_000_000 });

test('the interpreter of the simplified program agrees with eager tfjs', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const program = randomProgram(seed);
      // Within float32 rounding of a jump the two may stand on different sides.
      fc.pre(margin(program) > 1e-3);
      const { builder, outputs } = trace(program.fn, program.signature);
      const values = evaluate(builder.finish(outputs), program.arrays);
      for (const [name, expected] of Object.entries(eager(program))) {
        // Eager tfjs rounds each of some fifty operations to 2⁻²⁴ and the worst of them (pow, tan, atanh, solves) magnify
        // rounding a few hundredfold.
        expect(largestError(values.get(name)!, expected), name).toBeLessThan(5e-4);
      }
    }),
    { numRuns: 250, seed: 20 },
  );
});

test('gradients of random programs agree with finite differences', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const program = randomProgram(seed);
      fc.pre(margin(program) > 0.02);
      const differentiated = gradientProgram(program.fn, program.signature).program;
      const value = trace(program.fn, program.signature);
      const plain = value.builder.finish(new Map([['value', value.outputs.get('value')!]]));
      const results = evaluate(differentiated, program.arrays);
      for (const name of Object.keys(program.signature.parameters)) {
        const expected = finiteDifferences(plain, program.arrays, name);
        // Truncation of the five-point rule (step 1e-3, fourth order) and cancellation in f64.
        expect(largestError(results.get(`gradient of ${name}`)!, expected), name).toBeLessThan(1e-7);
      }
    }),
    { numRuns: 150, seed: 21 },
  );
});
