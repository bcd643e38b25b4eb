// A function of tensors evaluated at many points at once: every point is a lane of a compiled program.
import type * as tf from '@tensorflow/tfjs-core';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { trace } from '../../src/kernels/trace/trace.js';

/** Compiles `fn`, a scalar, for `lanes` points; the result maps points (all arguments one after another) to values. */
export async function batchedFunction(
  fn: (given: Record<string, tf.Tensor>) => tf.Tensor,
  shapes: Readonly<Record<string, readonly number[]>>,
  lanes = 1024,
): Promise<(count: number, point: (index: number) => ArrayLike<number>) => Float64Array> {
  const traced = trace(fn, { parameters: shapes });
  const parameters = Object.entries(shapes).map(([name, shape]) => ({
    name,
    size: shape.reduce((product, extent) => product * extent, 1),
  }));
  const program = traced.builder.finish(traced.outputs);
  const executable = await cpuDevice().compile(program, { parameters, data: new Map(), chains: lanes });
  const size = parameters.reduce((sum, block) => sum + block.size, 0);
  const value = executable.output('value');
  return (count, point) => {
    const results = new Float64Array(count);
    for (let start = 0; start < count; start += lanes) {
      const end = Math.min(count, start + lanes);
      for (let i = start; i < start + lanes; i++) {
        const arguments_ = point(Math.min(i, end - 1));
        for (let k = 0; k < size; k++) executable.parameters[k * executable.lanes + i - start] = arguments_[k];
      }
      void executable.run();
      results.set(value.subarray(0, end - start), start);
    }
    return results;
  };
}
