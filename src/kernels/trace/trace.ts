// Runs a tensor function once under the recording backend and hands back the program it stands for.
import * as tf from '@tensorflow/tfjs-core';
import '../ops/chainedOps.js';
import { ProgramBuilder } from '../program/programBuilder.js';
import type { NodeId, Shape } from '../program/tensorProgram.js';
import { registerTraceKernels } from './kernels/index.js';
import { RecordingBackend, traceBackendName } from './recordingBackend.js';
import { UnsupportedOpError } from './traceErrors.js';

interface DataSignature {
  readonly shape: Shape;
  /** float32 (the default) stands for real numbers: they are f64 wherever the device has it. */
  readonly dtype?: 'float32' | 'int32' | 'bool';
}

/** What a tensor function is called with. */
export interface TraceSignature {
  /** Shapes by name. */
  readonly parameters: Readonly<Record<string, Shape>>;
  readonly data?: Readonly<Record<string, DataSignature>>;
}

export type NamedTensors = Record<string, tf.Tensor>;

/** A function of tensors, free of side effects, that returns one tensor or several by name. */
export type TensorFunction = (
  parameters: NamedTensors,
  data: NamedTensors,
) => tf.Tensor | Readonly<Record<string, tf.Tensor>>;

export interface Trace {
  readonly builder: ProgramBuilder;
  /** Nodes of the results by name; a function that returns a single tensor names it 'value'. */
  readonly outputs: ReadonlyMap<string, NodeId>;
  readonly parameters: ReadonlyMap<string, NodeId>;
  readonly data: ReadonlyMap<string, NodeId>;
}

/**
 * Records `fn` as nodes of a new program builder. Its arguments are tensors without storage, so the cost does not depend
 * on their sizes. The previous tfjs backend is active again afterwards and every tensor made here is disposed of, also when
 * `fn` throws. Calls may nest; an inner function sees only its own arguments, literals and tensors of other backends.
 *
 * Throws UnsupportedOpError for operations outside docs/tensor-ops.md, DataDependentError when values are read, and
 * whatever `fn` throws.
 */
export function trace(fn: TensorFunction, signature: TraceSignature): Trace {
  registerTraceKernels();
  const twice = Object.keys(signature.parameters).find((name) => name in (signature.data ?? {}));
  if (twice !== undefined) throw new Error(`'${twice}' is the name of a parameter and of data: names must differ`);
  const builder = new ProgramBuilder();
  return withRecording(builder, (backend) => {
    const leaf = (node: NodeId, dtype: tf.DataType): tf.Tensor =>
      tf.engine().makeTensorFromTensorInfo(backend.adopt(node, dtype), backend);
    const parameters = new Map<string, NodeId>();
    const parameterTensors: NamedTensors = {};
    for (const [name, shape] of Object.entries(signature.parameters)) {
      const node = builder.parameter(name, shape);
      parameters.set(name, node);
      parameterTensors[name] = leaf(node, 'float32');
    }
    const data = new Map<string, NodeId>();
    const dataTensors: NamedTensors = {};
    for (const [name, { shape, dtype }] of Object.entries(signature.data ?? {})) {
      const node = builder.data(name, shape);
      data.set(name, node);
      dataTensors[name] = leaf(node, dtype ?? 'float32');
    }
    const outputs = outputNodes(backend, fn(parameterTensors, dataTensors));
    return { builder, outputs, parameters, data };
  });
}

function outputNodes(backend: RecordingBackend, result: unknown): Map<string, NodeId> {
  if (result instanceof Promise) {
    // The function may have failed already: what matters is that it is asynchronous.
    result.catch(() => undefined);
    throw new Error('a traced function must return tensors, not a promise: an asynchronous function cannot be traced');
  }
  if (result instanceof tf.Tensor) return new Map([['value', backend.operand(result).node]]);
  if (typeof result !== 'object' || result === null) {
    throw new Error(`a traced function must return a tensor or tensors by name, got ${typeof result}`);
  }
  return new Map(
    Object.entries(result as Record<string, unknown>).map(([name, tensor]) => {
      if (!(tensor instanceof tf.Tensor)) throw new Error(`a traced function returned '${name}', which is no tensor`);
      return [name, backend.operand(tensor).node];
    }),
  );
}

/** Runs `body` with the recording backend active and leaves tfjs as it was. */
function withRecording<T>(builder: ProgramBuilder, body: (backend: RecordingBackend) => T): T {
  const engine = tf.engine();
  const previous = engine.backendName as string | null | undefined;
  if (previous !== traceBackendName) {
    tf.registerBackend(traceBackendName, () => new RecordingBackend());
    // Synchronous: the factory returns no promise.
    void tf.setBackend(traceBackendName);
  }
  const backend = engine.findBackend(traceBackendName);
  if (!(backend instanceof RecordingBackend)) throw new Error('tfjs did not activate the recording backend');
  backend.begin(builder);
  engine.startScope('hierax trace');
  try {
    return body(backend);
  } catch (error) {
    throw explained(error);
  } finally {
    engine.endScope();
    if (backend.end()) {
      tf.removeBackend(traceBackendName);
      // Synchronous too: that backend is initialised already.
      if (previous !== null && previous !== undefined) void tf.setBackend(previous);
    }
  }
}

/** tfjs reports a missing kernel as a plain error with one of two texts. */
const missingKernel = /[Kk]ernel '(\w+)' (?:not registered )?for backend 'hierax-trace'/;

function explained(error: unknown): unknown {
  const kernel = error instanceof Error ? missingKernel.exec(error.message)?.[1] : undefined;
  return kernel === undefined ? error : new UnsupportedOpError(kernel, undefined, { cause: error });
}
