// Tries a GPU: a compiled gradient against the plain interpreter, and whether sums kept as pairs survive the driver's compiler.
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../../kernels/device.js';
import { interpret } from '../../kernels/program/interpreter.js';
import { trace } from '../../kernels/trace/trace.js';
import { type DeviceTrial, type Reference, tryDevice } from './trialProgram.js';

export interface GpuCheck {
  readonly isWorking: boolean;
  /** Undefined when it failed. */
  readonly trial: DeviceTrial | undefined;
  readonly faults: readonly string[];
}

/** Terms are rounded to 24 bits; their sums hardly lose more. */
const agreement = 1e-5;

/** Runs the trials; failures are part of the result, never thrown. */
export async function checkGpu(
  device: Device,
  { reference = interpret, rows = 400_000 }: { readonly reference?: Reference; readonly rows?: number } = {},
): Promise<GpuCheck> {
  const faults: string[] = [];
  let trial: DeviceTrial | undefined;
  try {
    trial = await tryDevice(device, reference, rows);
    if (!(trial.largestDifference <= agreement))
      faults.push(`a gradient differs from the interpreter's by ${trial.largestDifference.toExponential(1)}`);
    const lost = await lostInSums(device);
    if (!(Math.abs(lost) < 1e-3)) {
      faults.push(
        `the driver's compiler undoes compensated sums: ${lost} of ${2 * pairs} ones are lost beside large numbers`,
      );
    }
  } catch (error) {
    faults.push((error instanceof Error ? error.message : String(error)).split('\n')[0]);
  }
  return { isWorking: faults.length === 0, trial, faults };
}

const pairs = 200_003;
/** Beside it a 1 is lost in single precision. */
const large = 2 ** 27;
const every = 997;

/** Ones that a sum over them and over large numbers of both signs, which cancel, comes out short of. */
async function lostInSums(device: Device): Promise<number> {
  const values = new Float64Array(2 * pairs).fill(1);
  let sign = 1;
  let cancelled = 0;
  for (let i = 0; i + every < values.length; i += 2 * every) {
    values[i] = sign * large;
    values[i + every] = -sign * large;
    sign = -sign;
    cancelled += 2;
  }
  const expected = values.length - cancelled;
  const x = { shape: [values.length] };
  // The maximum keeps the compiler from summing the data once and for all.
  const recorded = trace(({ one }, { x }) => tf.maximum(x.mul(one), x.sub(one)).sum(), {
    parameters: { one: [] },
    data: { x },
  });
  const program = recorded.builder.finish(new Map([['value', recorded.outputs.get('value')!]]));
  const data = new Map([['x', { ...x, values }]]);
  const parameters = [{ name: 'one', size: 1 }];
  const executable = await device.compile(program, { parameters, data, chains: 1, accurate: ['value'] });
  try {
    executable.parameters.fill(1);
    await executable.run();
    return expected - executable.output('value')[0];
  } finally {
    await executable.dispose();
  }
}
