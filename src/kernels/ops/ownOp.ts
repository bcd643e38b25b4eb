// Tensor operations of our own: one recording rule gives the traced form, the eager value and the eager gradient.
import * as tf from '@tensorflow/tfjs-core';
import { gradients } from '../program/gradients.js';
import { interpret } from '../program/interpreter.js';
import { ProgramBuilder } from '../program/programBuilder.js';
import type { NodeId } from '../program/tensorProgram.js';
import { type Operand, traceBackendName } from '../trace/recordingBackend.js';
import { type Recorded, registerTraceKernel, type TraceCall, traceKernel } from '../trace/traceKernel.js';

export interface OwnOpDefinition<Input extends string, Attributes extends object> {
  /** Name of the tfjs kernel, starting with 'Hierax'. */
  readonly kernelName: string;
  readonly inputs: readonly Input[];
  /** The inputs that have a gradient. */
  readonly differentiable: readonly Input[];
  /** Appends the operation to a program. */
  readonly record: (call: TraceCall<Attributes>) => Recorded;
}

/** Names of the operations made here, for docs/tensor-ops.md and its test. */
export const ownKernelNames: string[] = [];

/**
 * Makes a tensor operation that can be traced and that also runs eagerly, with `tf.grad`, on every tfjs backend that can be
 * read synchronously. Eager evaluation interprets the recorded operation in f64 on the host: right, and meant for small arrays.
 */
export function ownOp<Input extends string, Attributes extends object = object>(
  definition: OwnOpDefinition<Input, Attributes>,
): (inputs: Readonly<Record<Input, tf.Tensor>>, attributes: Attributes) => tf.Tensor {
  const { kernelName, record, inputs: names, differentiable } = definition;
  const gradientName = `${kernelName}Gradient`;
  ownKernelNames.push(kernelName);
  registerTraceKernel(kernelName, traceKernel<Attributes>(record));
  tf.registerGradient({
    kernelName,
    inputsToSave: [...names],
    gradFunc: (dy, saved, attributes) => {
      if (Array.isArray(dy)) throw new Error(`${kernelName} has one output`);
      const inputs = Object.fromEntries(names.map((name, i) => [name, saved[i]]));
      const results = tf.engine().runKernel<tf.Tensor[]>(gradientName, { ...inputs, dy }, attributes);
      return Object.fromEntries(differentiable.map((name, i) => [name, () => results[i]]));
    },
  });
  return (inputs, attributes) => {
    tf.backend(); // Chooses a backend if none is active yet.
    const backendName = tf.getBackend();
    registerEagerKernel<Attributes>(kernelName, backendName, (call) => [record(call)]);
    registerEagerKernel<Attributes>(gradientName, backendName, (call) => recordGradients(definition, call));
    return tf.engine().runKernel<tf.Tensor>(kernelName, inputs, attributes as unknown as tf.NamedAttrMap);
  };
}

/** Gradients of Σ output · dy with respect to the differentiable inputs. */
function recordGradients<Attributes extends object>(
  { record, differentiable }: OwnOpDefinition<string, Attributes>,
  { builder, inputs, attributes }: TraceCall<Attributes>,
): Recorded[] {
  const { dy, ...operands } = inputs;
  const output = record({ builder, inputs: operands, attributes }).node;
  const scalar = builder.sum(builder.mul(output, dy.node));
  const sources = differentiable.map((name) => operands[name].node);
  return gradients(builder, scalar, sources).map((node) => ({ node, dtype: 'float32' }));
}

/** Registers a kernel that interprets on the host what `record` appends. */
function registerEagerKernel<Attributes>(
  kernelName: string,
  backendName: string,
  record: (call: TraceCall<Attributes>) => Recorded[],
): void {
  if (backendName === traceBackendName || tf.getKernel(kernelName, backendName) !== undefined) return;
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const storage = backend as tf.KernelBackend;
      const builder = new ProgramBuilder();
      const values = new Map<string, ArrayLike<number>>();
      const operands: Record<string, Operand> = {};
      for (const [name, info] of Object.entries(inputs)) {
        if (info === undefined) continue;
        values.set(name, storage.readSync(info.dataId) as ArrayLike<number>);
        operands[name] = { node: builder.data(name, info.shape), shape: info.shape, dtype: info.dtype };
      }
      const recorded = record({ builder, inputs: operands, attributes: (attrs ?? {}) as Attributes });
      const named = new Map<string, NodeId>(recorded.map(({ node }, i) => [String(i), node]));
      const results = interpret(builder.finish(named), values);
      const infos = recorded.map(({ node, dtype }, i): tf.TensorInfo => {
        const shape = [...builder.shape(node)];
        const out =
          dtype === 'int32' ? Int32Array.from(results.get(String(i))!) : Float32Array.from(results.get(String(i))!);
        return { dataId: storage.write(out, shape, dtype), shape, dtype };
      });
      // A gradient kernel has one result per input, also when there is only one input.
      return kernelName.endsWith('Gradient') ? infos : infos[0];
    },
  });
}

/** The tensor itself where it is real already. */
export function asFloat(x: tf.Tensor): tf.Tensor {
  return x.dtype === 'float32' ? x : tf.cast(x, 'float32');
}
