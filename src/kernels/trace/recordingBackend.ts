// A tfjs backend without storage: its kernels append nodes to a program builder instead of computing.
import * as tf from '@tensorflow/tfjs-core';
import type { ProgramBuilder } from '../program/programBuilder.js';
import type { NodeId } from '../program/tensorProgram.js';
import { literalValues, uniformValue } from './literals.js';
import { DataDependentError, UnsupportedOpError } from './traceErrors.js';

export const traceBackendName = 'hierax-trace';

/** A tensor as kernels see it while tracing. */
export interface Operand {
  readonly node: NodeId;
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** tfjs knows a tensor's data by an opaque object. */
type DataId = tf.TensorInfo['dataId'];

interface Entry {
  readonly builder: ProgramBuilder;
  readonly node: NodeId;
}

export class RecordingBackend extends tf.KernelBackend {
  /** Builders of the traces in progress, innermost last. */
  private readonly builders: ProgramBuilder[] = [];
  private entries = new WeakMap<DataId, Entry>();
  /** Literals made of tensors that live on other backends. */
  private captured = new WeakMap<DataId, Entry>();
  private readonly references = new WeakMap<DataId, number>();
  private live = 0;

  begin(builder: ProgramBuilder): void {
    this.builders.push(builder);
  }

  /** Ends the innermost trace; true when none is left. */
  end(): boolean {
    this.builders.pop();
    return this.builders.length === 0;
  }

  get builder(): ProgramBuilder {
    const builder = this.builders.at(-1);
    if (builder === undefined) throw new Error('a tensor of a trace was used after the trace had ended');
    return builder;
  }

  /** Tensor info for a node of the current program. */
  adopt(node: NodeId, dtype: tf.DataType): tf.TensorInfo {
    const dataId = {};
    this.entries.set(dataId, { builder: this.builder, node });
    this.references.set(dataId, 1);
    this.live++;
    return { dataId, shape: [...this.builder.shape(node)], dtype };
  }

  /** The node behind a tensor; tensors made outside the trace become literals. */
  operand(tensor: tf.TensorInfo): Operand {
    const { dataId, shape, dtype } = tensor;
    const known = this.entries.get(dataId) ?? this.captured.get(dataId);
    if (known?.builder === this.builder) return { node: known.node, shape, dtype };
    if (this.entries.has(dataId)) {
      throw new Error(
        'a tensor of one trace was used in another: pass it to the inner function as a parameter instead',
      );
    }
    const values = tf.engine().readSync(dataId) as ArrayLike<number>;
    const node = this.literal(values, shape, dtype);
    this.captured.set(dataId, { builder: this.builder, node });
    return { node, shape, dtype };
  }

  private literal(values: ArrayLike<number>, shape: readonly number[], dtype: tf.DataType): NodeId {
    const uniform = uniformValue(values);
    if (uniform !== undefined) return this.builder.fill(literalValues([uniform], dtype)[0], shape);
    return this.builder.constant(literalValues(values, dtype), shape);
  }

  // ---- tfjs storage interface ----

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    if (dtype === 'string' || dtype === 'complex64') throw new UnsupportedOpError('tensor', `dtype ${dtype}`);
    return this.adopt(this.literal(values as ArrayLike<number>, shape, dtype), dtype).dataId;
  }

  /** Literals can be read back; everything else is unknown while tracing. */
  override readSync(dataId: DataId): tf.BackendValues {
    const entry = this.entries.get(dataId);
    const operation = entry?.builder.node(entry.node).operation;
    if (operation?.op !== 'constant') throw new DataDependentError();
    return operation.values as unknown as tf.BackendValues;
  }

  override async read(dataId: DataId): Promise<tf.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const count = (this.references.get(dataId) ?? 1) - 1;
    this.references.set(dataId, count);
    if (count > 0 && !force) return false;
    if (this.entries.delete(dataId)) this.live--;
    return true;
  }

  override incRef(dataId: DataId): void {
    this.references.set(dataId, (this.references.get(dataId) ?? 0) + 1);
  }

  override refCount(dataId: DataId): number {
    return this.references.get(dataId) ?? 0;
  }

  override numDataIds(): number {
    return this.live;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.entries = new WeakMap();
    this.captured = new WeakMap();
  }
}
