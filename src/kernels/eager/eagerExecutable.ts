// A program bound to a tfjs backend: data uploaded and shared nodes computed once, the others replayed at every run.
import * as tf from '@tensorflow/tfjs-core';
import { checkDataArray } from '../compiler/memoryLayout.js';
import type { Executable, ProgramBinding } from '../device.js';
import { type NodeId, type Shape, sizeOf, type TensorProgram } from '../program/tensorProgram.js';
import type { Contraction } from './contractions.js';
import { asReal } from './elementwise.js';
import { evaluateHostPart, type HostInput } from './hostPart.js';
import type { LaneTensor } from './laneTensor.js';
import { evaluateNode } from './operations.js';
import { planReplay, type ReplayPlan } from './replayPlan.js';
import { blockSums } from './sums.js';

/** Backends whose tensors can be read at once. */
const synchronous = new Set(['cpu', 'wasm', 'tensorflow']);

/** Values that leave the device: a tensor for every output node and for every input of the host. */
type Results = Map<NodeId | HostInput, tf.Tensor>;
type Numbers = ReadonlyMap<NodeId | HostInput, ArrayLike<number>>;

export class EagerExecutable implements Executable {
  readonly lanes: number;
  readonly parameters: Float64Array;
  /** Bytes of data and of what was computed from them, and of the largest set of arrays alive during a run. */
  memoryBytes = 0;
  private readonly results: Float64Array;
  /** Where an output begins in `results`, in elements. */
  private readonly outputs = new Map<string, { readonly start: number; readonly size: number }>();
  /** Elements of a parameter in `parameters`. */
  private readonly offsets = new Map<string, { readonly start: number; readonly size: number }>();
  private readonly kept = new Map<NodeId, tf.Tensor>();
  /** What is read of shared nodes, read once. */
  private shared: Numbers = new Map();

  private constructor(
    private readonly backend: string,
    private readonly plan: ReplayPlan,
    private readonly binding: ProgramBinding,
  ) {
    this.lanes = binding.chains;
    let start = 0;
    for (const { name, size } of binding.parameters) {
      this.offsets.set(name, { start, size });
      start += size;
    }
    this.parameters = new Float64Array(start * this.lanes);
    start = 0;
    for (const [name, id] of plan.program.outputs) {
      const size = sizeOf(plan.program.nodes[id].shape);
      this.outputs.set(name, { start, size });
      start += size;
    }
    this.results = new Float64Array(start * this.lanes);
  }

  /** Uploads the data and computes what depends on nothing else. `backend` has been started. */
  static async create(backend: string, program: TensorProgram, binding: ProgramBinding): Promise<EagerExecutable> {
    const executable = new EagerExecutable(backend, planReplay(program, binding.accurate ?? []), binding);
    try {
      executable.shared = await readAll(executable.tidily(() => executable.setUp()));
      executable.memoryBytes = executable.countBytes();
    } catch (error) {
      await executable.dispose();
      throw error;
    }
    return executable;
  }

  /** Evaluates all lanes: at once on backends that can be read at once, else asynchronously. */
  run(): void | Promise<void> {
    const results = this.tidily(() => this.replay());
    if (!synchronous.has(this.backend)) return readAll(results).then((numbers) => this.store(numbers));
    const numbers = new Map<NodeId | HostInput, ArrayLike<number>>();
    for (const [key, tensor] of results) {
      numbers.set(key, tensor.dataSync());
      tensor.dispose();
    }
    this.store(numbers);
  }

  output(...names: string[]): Float64Array {
    const places = names.map((name) => {
      const place = this.outputs.get(name);
      if (place === undefined) throw new Error(`the program has no output ${name}`);
      return place;
    });
    let end = places[0].start;
    for (const { start, size } of places) {
      if (start !== end) throw new Error(`outputs ${names.join(', ')} do not follow one another`);
      end += size;
    }
    return this.results.subarray(places[0].start * this.lanes, end * this.lanes);
  }

  dispose(): Promise<void> {
    for (const tensor of this.kept.values()) tensor.dispose();
    this.kept.clear();
    return Promise.resolve();
  }

  /** Runs `body`, which must be synchronous, with this device's backend active, and leaves tfjs as it was. */
  private onBackend<T>(body: () => T): T {
    const engine = tf.engine();
    const previous = engine.backendName as string | null | undefined;
    // Synchronous: backends that have been started are.
    if (previous !== this.backend) void tf.setBackend(this.backend);
    try {
      return body();
    } finally {
      if (previous !== this.backend && previous !== null && previous !== undefined) void tf.setBackend(previous);
    }
  }

  /** Runs `body` on this device's backend and disposes all tensors but its results. */
  private tidily(body: () => Results): Results {
    let results: Results = new Map();
    this.onBackend(() =>
      tf.tidy(() => {
        results = body();
        return [...results.values()];
      }),
    );
    return results;
  }

  // ---- computing ----

  private setUp(): Results {
    const { nodes } = this.plan.program;
    const values = new Map<NodeId, tf.Tensor>();
    for (const id of this.plan.setup) {
      const { operation } = nodes[id];
      values.set(id, operation.op === 'data' ? this.upload(id, operation.name) : this.evaluate(id, values));
      this.checkIndices(id, values);
    }
    for (const id of this.plan.kept) {
      const tensor = values.get(id)!;
      if (this.plan.perRun.some((user) => this.plan.inputsOf(user).includes(id))) this.kept.set(id, tf.keep(tensor));
    }
    return this.readable(values, false);
  }

  private replay(): Results {
    const { nodes } = this.plan.program;
    const values = new Map<NodeId, tf.Tensor>(this.kept);
    for (const id of this.plan.perRun) {
      const { operation } = nodes[id];
      values.set(id, operation.op === 'parameter' ? this.parameter(id, operation.name) : this.evaluate(id, values));
      for (const last of this.plan.lastUses.get(id) ?? []) {
        values.get(last)!.dispose();
        values.delete(last);
      }
    }
    return this.readable(values, true);
  }

  private evaluate(id: NodeId, values: ReadonlyMap<NodeId, tf.Tensor>): tf.Tensor {
    const { program, isPerLane, contractions } = this.plan;
    const node = program.nodes[id];
    const contraction = contractions.get(id);
    if (contraction !== undefined) return tf.tidy(() => contract(contraction, node.shape, values, this.lanes));
    const inputs = node.inputs.map((input): LaneTensor => ({
      tensor: values.get(input)!,
      shape: program.nodes[input].shape,
      isPerLane: isPerLane[input],
    }));
    return tf.tidy(() => {
      const result = evaluateNode(node, inputs, this.lanes);
      return inputs.some(({ tensor }) => tensor === result) ? tf.clone(result) : result;
    });
  }

  /** What is read of nodes with (or without) a lane axis. */
  private readable(values: ReadonlyMap<NodeId, tf.Tensor>, isPerLane: boolean): Results {
    const results: Results = new Map();
    const { program, hostParts } = this.plan;
    for (const [name, id] of program.outputs) {
      if (!hostParts.has(name) && this.plan.isPerLane[id] === isPerLane)
        results.set(id, tf.clone(asReal(values.get(id)!)));
    }
    for (const { inputs } of hostParts.values()) {
      for (const input of inputs) {
        if (this.plan.isPerLane[input.node] !== isPerLane) continue;
        const tensor = asReal(values.get(input.node)!);
        results.set(input, input.axes === undefined ? tf.clone(tensor) : blockSums(tensor, input.axes));
      }
    }
    return results;
  }

  private parameter(id: NodeId, name: string): tf.Tensor {
    const place = this.offsets.get(name);
    const { shape } = this.plan.program.nodes[id];
    if (place?.size !== sizeOf(shape)) throw new Error(`parameter ${name} is not bound with ${sizeOf(shape)} numbers`);
    const { lanes } = this;
    const numbers = this.parameters.subarray(place.start * lanes, (place.start + place.size) * lanes);
    return tf.tensor(Float32Array.from(numbers), [...shape, lanes], 'float32');
  }

  private upload(id: NodeId, name: string): tf.Tensor {
    const { nodes } = this.plan.program;
    const array = this.binding.data.get(name);
    if (array === undefined) throw new Error(`data ${name} is not bound`);
    const shape = [...nodes[id].shape];
    checkDataArray(name, array, shape);
    const isIndex = this.indexUsers(id).length > 0;
    return isIndex
      ? tf.tensor(Int32Array.from(array.values), shape, 'int32')
      : tf.tensor(Float32Array.from(array.values), shape, 'float32');
  }

  // ---- indices ----

  /** Extents of the tables that a node is an index into. */
  private indexUsers(id: NodeId): number[] {
    const { nodes } = this.plan.program;
    return nodes.flatMap(({ operation, inputs, shape }) => {
      if (inputs[1] !== id) return [];
      if (operation.op === 'gather') return [nodes[inputs[0]].shape[0]];
      return operation.op === 'segmentSum' ? [shape[0]] : [];
    });
  }

  /** Kernels read and write anywhere when indices are wrong, so indices of data are checked once. */
  private checkIndices(id: NodeId, values: ReadonlyMap<NodeId, tf.Tensor>): void {
    const extents = this.indexUsers(id);
    if (extents.length === 0 || !synchronous.has(this.backend)) return;
    const extent = Math.min(...extents);
    for (const index of values.get(id)!.dataSync()) {
      if (!(index >= 0 && index < extent)) throw new RangeError(`index ${index} is outside 0 … ${extent - 1}`);
    }
  }

  // ---- results ----

  private store(perRun: Numbers): void {
    const { lanes, results } = this;
    const { program, hostParts, isPerLane } = this.plan;
    for (const [name, id] of program.outputs) {
      if (hostParts.has(name)) continue;
      const { start, size } = this.outputs.get(name)!;
      if (isPerLane[id]) results.set(perRun.get(id)!, start * lanes);
      else {
        const numbers = this.shared.get(id)!;
        for (let i = 0; i < size; i++) results.fill(numbers[i], (start + i) * lanes, (start + i + 1) * lanes);
      }
    }
    for (const [name, part] of hostParts) {
      const { start, size } = this.outputs.get(name)!;
      for (let lane = 0; lane < lanes; lane++) {
        const output = evaluateHostPart(part, this.hostValues(part.inputs, perRun, lane, part.program));
        for (let i = 0; i < size; i++) results[(start + i) * lanes + lane] = output[i];
      }
    }
  }

  private hostValues(
    inputs: readonly HostInput[],
    perRun: Numbers,
    lane: number,
    program: TensorProgram,
  ): Map<string, ArrayLike<number>> {
    const { lanes } = this;
    const values = new Map<string, ArrayLike<number>>();
    for (const input of inputs) {
      const isPerLane = this.plan.isPerLane[input.node];
      const numbers = (isPerLane ? perRun : this.shared).get(input)!;
      const [stride, offset] = isPerLane ? [lanes, lane] : [1, 0];
      const sums = new Float64Array(input.size);
      // Without blocks there is one number an element.
      for (let i = offset, at = 0; i < numbers.length; i += stride, at++) sums[at % input.size] += numbers[i];
      values.set(input.name, sums);
    }
    for (const { operation, shape } of program.nodes) {
      if (operation.op === 'data') values.set(operation.name, this.binding.data.get(operation.name)!.values);
      if (operation.op !== 'parameter' || values.has(operation.name)) continue;
      const { start } = this.offsets.get(operation.name)!;
      const own = Float64Array.from({ length: sizeOf(shape) }, (_, i) => this.parameters[(start + i) * lanes + lane]);
      values.set(operation.name, own);
    }
    return values;
  }

  private countBytes(): number {
    const { program, perRun, lastUses } = this.plan;
    const bytes = (id: NodeId, copies: number): number => 4 * copies * sizeOf(program.nodes[id].shape);
    let [kept, alive, most] = [0, 0, 0];
    for (const id of this.kept.keys()) kept += bytes(id, 1);
    for (const id of perRun) {
      alive += bytes(id, this.lanes);
      most = Math.max(most, alive);
      for (const last of lastUses.get(id) ?? []) alive -= bytes(last, this.lanes);
    }
    return kept + most;
  }
}

function contract(
  { matrix, vector, rows, columns, transpose }: Contraction,
  shape: Shape,
  values: ReadonlyMap<NodeId, tf.Tensor>,
  lanes: number,
): tf.Tensor {
  const left = tf.reshape(asReal(values.get(matrix)!), [rows, columns]);
  const right = tf.reshape(asReal(values.get(vector)!), [transpose ? rows : columns, lanes]);
  return tf.reshape(tf.matMul(left, right, transpose, false), [...shape, lanes]);
}

/** Reads and disposes tensors. */
async function readAll(results: Results): Promise<Numbers> {
  const entries = [...results].map(async ([key, tensor]): Promise<[NodeId | HostInput, ArrayLike<number>]> => {
    const numbers = await tensor.data();
    tensor.dispose();
    return [key, numbers];
  });
  return new Map(await Promise.all(entries));
}
