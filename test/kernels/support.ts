// Tools of the kernel tests: compile a tensor function to a program and evaluate value and gradients in f64.
import type { Trace } from '../../src/kernels/trace/trace.js';
import { trace, type TensorFunction, type TraceSignature } from '../../src/kernels/trace/trace.js';
import { gradients } from '../../src/kernels/program/gradients.js';
import { interpret } from '../../src/kernels/program/interpreter.js';
import type { NodeId, TensorProgram } from '../../src/kernels/program/tensorProgram.js';

export type Arrays = Readonly<Record<string, ArrayLike<number>>>;

export interface GradientProgram {
  readonly trace: Trace;
  /** Outputs: the function's own ('value' for a single tensor) and 'gradient of <parameter>' of `of`. */
  readonly program: TensorProgram;
}

/** Traces `fn` and differentiates the sum of its output `of`. */
export function gradientProgram(fn: TensorFunction, signature: TraceSignature, of = 'value'): GradientProgram {
  const traced = trace(fn, signature);
  const { builder, parameters } = traced;
  const scalar = builder.sum(traced.outputs.get(of)!);
  const adjoints = gradients(builder, scalar, [...parameters.values()]);
  const named = new Map<string, NodeId>(traced.outputs);
  [...parameters.keys()].forEach((name, i) => named.set(`gradient of ${name}`, adjoints[i]));
  return { trace: traced, program: builder.finish(named) };
}

export function evaluate(program: TensorProgram, arrays: Arrays): Map<string, Float64Array> {
  return interpret(program, new Map(Object.entries(arrays)));
}

/** Five-point derivatives of Σ `of` with respect to every element of parameter `name`; error O(step⁴). */
export function finiteDifferences(
  program: TensorProgram,
  arrays: Arrays,
  name: string,
  of = 'value',
  step = 1e-3,
): Float64Array {
  const total = (position: number, shift: number): number => {
    const moved = Float64Array.from(arrays[name]);
    moved[position] += shift;
    return evaluate(program, { ...arrays, [name]: moved })
      .get(of)!
      .reduce((a, b) => a + b, 0);
  };
  return Float64Array.from(arrays[name], (_, i) => {
    const near = total(i, step) - total(i, -step);
    const far = total(i, 2 * step) - total(i, -2 * step);
    return (8 * near - far) / (12 * step);
  });
}

/** Largest difference relative to the larger of 1 and the sizes compared; equal infinities and NaN count as equal. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const error = Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(actual[i]), Math.abs(expected[i]));
    worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
  }
  return worst;
}
