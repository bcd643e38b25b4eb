// How kernels of the recording backend are written and registered.
import * as tf from '@tensorflow/tfjs-core';
import type { ProgramBuilder } from '../program/programBuilder.js';
import type { NodeId } from '../program/tensorProgram.js';
import { type Operand, RecordingBackend, traceBackendName } from './recordingBackend.js';

/** One call of a tfjs kernel while tracing. */
export interface TraceCall<Attributes> {
  readonly builder: ProgramBuilder;
  /** By tfjs's input names; kernels with a list of inputs have '0', '1', … */
  readonly inputs: Readonly<Record<string, Operand>>;
  readonly attributes: Attributes;
}

export interface Recorded {
  readonly node: NodeId;
  readonly dtype: tf.DataType;
}

/** Appends to the builder what the tfjs kernel would compute, with tfjs's shapes and dtypes. */
export type TraceKernel<Attributes = unknown> = (call: TraceCall<Attributes>) => Recorded | Recorded[];

/** Kernels by tfjs kernel name. */
export type TraceKernels = ReadonlyMap<string, TraceKernel>;

/** Lets a kernel state the type of its attributes; tfjs hands them over untyped. */
export function traceKernel<Attributes>(kernel: TraceKernel<Attributes>): TraceKernel {
  return kernel as TraceKernel;
}

export function registerTraceKernel(kernelName: string, kernel: TraceKernel): void {
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      if (!(backend instanceof RecordingBackend)) throw new Error(`${kernelName} needs the recording backend`);
      const operands = Object.fromEntries(
        Object.entries(inputs).flatMap(([name, info]) =>
          info === undefined || info === null ? [] : [[name, backend.operand(info)]],
        ),
      );
      const recorded = kernel({ builder: backend.builder, inputs: operands, attributes: attrs ?? {} });
      return Array.isArray(recorded)
        ? recorded.map(({ node, dtype }) => backend.adopt(node, dtype))
        : backend.adopt(recorded.node, recorded.dtype);
    },
  });
}

/** Axes as tfjs takes them (null: all; negative: from the end), sorted and without repeats. */
export function axesOf(axis: number | readonly number[] | null | undefined, rank: number): number[] {
  const axes =
    axis === null || axis === undefined
      ? Array.from({ length: rank }, (_, i) => i)
      : typeof axis === 'number'
        ? [axis]
        : axis;
  const positive = axes.map((a) => (a < 0 ? a + rank : a));
  for (const a of positive) {
    if (!Number.isInteger(a) || a < 0 || a >= rank) throw new Error(`axis ${a} is outside a tensor of rank ${rank}`);
  }
  return [...new Set(positive)].sort((a, b) => a - b);
}
