// From a tensor program and its data to one WebAssembly module and the list of calls that evaluate it.
import { declareMath, type MathFunction } from '../math/vectorMath.js';
import { interpret } from '../program/interpreter.js';
import { type NodeId, pruneProgram, sizeOf, type TensorProgram } from '../program/tensorProgram.js';
import { Code, FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import { analyse } from './analysis.js';
import type { Addresses } from './wasmTarget.js';
import { reductionFunction } from './loops.js';
import { emitLoopNest } from './loopNest.js';
import { factorSums } from './factorSums.js';
import { checkDataArray, type DataArray, MemoryLayout, type StoredArray, type StoredColumns } from './memoryLayout.js';
import { planNest, type PlannedNest } from './nestPlan.js';
import { schedule } from './schedule.js';
import { mathFunctionOf } from './values.js';

/** What the caller binds. Parameters are stored one after another, in this order, `[element][lane]`. */
export interface CompileOptions {
  readonly parameters: readonly { readonly name: string; readonly size: number }[];
  readonly data: ReadonlyMap<string, DataArray>;
  /** Number of chains. */
  readonly chains: number;
  readonly precision: 'double' | 'single';
  /** A memory that the program is laid behind, and whose columns it reads where it has data of the same names. */
  readonly before?: StoredColumns;
}

/** Adds the shares of `blocks` blocks into an array of `bytes`. */
export interface CombineStep {
  readonly functionName: string;
  readonly target: number;
  readonly source: number;
  readonly bytes: number;
}

/** One exported function, called for every block (and for every group of lanes). */
export interface Call {
  readonly functionName: string;
  readonly bounds: Int32Array;
  readonly combine: readonly CombineStep[];
  /** Vector operations of one group of lanes, roughly: what decides whether threads share the call. */
  readonly work: number;
}

/** An output, `[element][lane]`. */
export interface OutputArray {
  readonly base: number;
  readonly size: number;
}

/** An output that is computed elsewhere: from an array of its kind, or, once, from one number an element. */
export interface CopyStep {
  readonly source: number;
  readonly target: number;
  readonly size: number;
  readonly isSplat: boolean;
}

type OutputCopy = Omit<CopyStep, 'source'> & { readonly node: NodeId };

export interface CompiledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the memory, with what lies before the program. */
  readonly memoryBytes: number;
  /** Of those, the program's own. */
  readonly ownBytes: number;
  readonly arrays: readonly StoredArray[];
  /** Columns of the data by key, those of the memory before included. */
  readonly columns: StoredColumns['columns'];
  readonly setup: readonly Call[];
  readonly perEvaluation: readonly Call[];
  /** Address and number of elements of all parameters together. */
  readonly parameters: { readonly base: number; readonly size: number };
  readonly outputs: ReadonlyMap<string, OutputArray>;
  readonly copies: readonly CopyStep[];
  /** Lanes in memory: the number of chains rounded up to whole vectors (and to whole groups). */
  readonly lanes: number;
  /** Lanes that one call handles. */
  readonly lanesPerCall: number;
}

/** Pages that a program's memory may grow to, so that a caller can keep vectors beside the program's arrays. */
export const maxMemoryPages = 65536;

/** Lanes of one call: more would spill registers. */
const maxLanesPerCall = 4;

export function compile(source: TensorProgram, given: CompileOptions): CompiledProgram {
  const program = factorSums(source);
  const options = { ...given, data: readData(program, given.data) };
  const lanesPerCall = Math.min(maxLanesPerCall, Math.ceil(options.chains / 2) * 2);
  const lanes = Math.ceil(options.chains / lanesPerCall) * lanesPerCall;
  const analysis = analyse(program);
  checkIndices(program, analysis.varies, options.data);
  const layout = new MemoryLayout(options.precision, options.before);

  const parameterSize = options.parameters.reduce((sum, { size }) => sum + size, 0);
  const parameterBase = layout.reserve(parameterSize * lanes * 8);
  const parameters = new Map<string, number>();
  let offset = parameterBase;
  for (const { name, size } of options.parameters) {
    parameters.set(name, offset);
    offset += size * lanes * 8;
  }
  const roots = new Map<NodeId, number>();
  // Whole vectors, because the shares of blocks are combined two doubles at a time.
  const reserveArray = (size: number, perLane: boolean): number =>
    layout.reserve(Math.ceil((size * (perLane ? lanes : 1)) / 2) * 16);
  // Outputs lie one after another, in order; a node that is asked for twice, or does not vary, is copied there.
  const outputs = new Map<string, OutputArray>();
  const copies: OutputCopy[] = [];
  for (const [name, id] of program.outputs) {
    const size = sizeOf(program.nodes[id].shape);
    const base = reserveArray(size, true);
    outputs.set(name, { base, size });
    if (analysis.varies[id] && !roots.has(id)) roots.set(id, base);
    else copies.push({ node: id, target: base, size, isSplat: !analysis.varies[id] });
  }
  for (const id of analysis.roots.keys()) {
    const size = sizeOf(program.nodes[id].shape);
    if (!roots.has(id)) roots.set(id, reserveArray(size, analysis.varies[id]));
  }
  const addresses: Addresses = { program, analysis, layout, data: options.data, parameters, roots, lanes };

  const builder = new ModuleBuilder();
  const math = declareMath(builder, usedMath(program));
  const combiners = new Set<string>();
  const emit = (nest: PlannedNest, name: string): Call => {
    builder.addFunction(emitLoopNest(nest, addresses, lanesPerCall / 2, math), name);
    const blocks = nest.bounds.length - 1;
    const combine: CombineStep[] = [];
    if (blocks > 1) {
      for (const share of nest.partials.values()) {
        combiners.add(share.fn);
        combine.push({
          functionName: `combine_${share.fn}`,
          target: roots.get(share.node)!,
          source: share.base,
          bytes: share.bytes,
        });
      }
    }
    return { functionName: name, bounds: nest.bounds, combine, work: (nest.work * lanesPerCall) / 2 };
  };
  const { setup, perEvaluation } = schedule(analysis);
  const setupCalls = setup.map((nest, i) => emit(planNest(nest, addresses), `setup_${i}`));
  const calls = perEvaluation.map((nest, i) => emit(planNest(nest, addresses), `nest_${i}`));
  for (const fn of combiners) builder.addFunction(combineFunction(fn as 'sum'), `combine_${fn}`);

  const pages = Math.ceil(layout.bytes / 65536) + 1;
  return {
    bytes: builder.encode({ minimum: pages, maximum: maxMemoryPages, shared: true }) as Uint8Array<ArrayBuffer>,
    memoryBytes: pages * 65536,
    ownBytes: pages * 65536 - (options.before?.bytes ?? 0),
    arrays: layout.arrays,
    columns: layout.columns,
    setup: setupCalls,
    perEvaluation: calls,
    parameters: { base: parameterBase, size: parameterSize },
    outputs,
    copies: copies.map(({ node, ...copy }) => ({ ...copy, source: roots.get(node)! })),
    lanes,
    lanesPerCall,
  };
}

/**
 * The arrays that a program reads, each read once: some make their numbers whenever they are asked for them. Throws when one is missing or has not the shape
 * that the program says.
 */
export function readData(program: TensorProgram, data: ReadonlyMap<string, DataArray>): Map<string, DataArray> {
  const read = new Map<string, DataArray>();
  for (const { operation, shape } of program.nodes) {
    if (operation.op !== 'data') continue;
    const { name } = operation;
    const array = data.get(name);
    if (array === undefined) throw new Error(`data ${name} is missing`);
    if (!read.has(name)) read.set(name, { shape: array.shape, values: array.values });
    checkDataArray(name, read.get(name)!, shape);
  }
  return read;
}

function usedMath(program: TensorProgram): Set<MathFunction> {
  const used = new Set<MathFunction>();
  for (const { operation } of program.nodes) {
    if (operation.op !== 'unary' && operation.op !== 'binary') continue;
    const name = mathFunctionOf(operation.fn);
    if (name !== undefined) used.add(name);
  }
  return used;
}

/** Indices of the data must lie inside the tables they address: generated code does not check them. */
export function checkIndices(
  program: TensorProgram,
  varies: readonly boolean[],
  data: ReadonlyMap<string, DataArray>,
): void {
  for (const { operation, inputs, shape } of program.nodes) {
    if (operation.op !== 'gather' && operation.op !== 'segmentSum') continue;
    const rows = operation.op === 'gather' ? program.nodes[inputs[0]].shape[0] : shape[0];
    if (varies[inputs[1]]) throw new Error(`${operation.op} needs indices that do not depend on parameters`);
    const values = indexValues(program, inputs[1], data);
    for (let i = 0; i < values.length; i++) {
      if (!(values[i] >= 0 && values[i] < rows && Number.isInteger(values[i]))) {
        throw new RangeError(
          `index ${values[i]} at position ${i} of a ${operation.op} is not a row of 0 … ${rows - 1}`,
        );
      }
    }
  }
}

function indexValues(program: TensorProgram, id: NodeId, data: ReadonlyMap<string, DataArray>): ArrayLike<number> {
  const { operation } = program.nodes[id];
  if (operation.op === 'data') return data.get(operation.name)!.values;
  const inputs = new Map([...data].map(([name, array]) => [name, array.values]));
  return interpret(pruneProgram(program.nodes, new Map([['indices', id]])), inputs).get('indices')!;
}

/** (target, source, bytes, blocks): target[i] = source[0][i] ∘ source[1][i] ∘ …, two doubles at a time. */
function combineFunction(fn: keyof typeof reductionFunction): FunctionBuilder {
  const builder = new FunctionBuilder(['i32', 'i32', 'i32', 'i32'], []);
  const [target, source, bytes, blocks] = [0, 1, 2, 3];
  const position = builder.local('i32');
  const address = builder.local('i32');
  const block = builder.local('i32');
  const sum = builder.local('v128');
  const inner = new Code();
  inner.get(address).get(bytes).op('i32_add').set(address);
  inner.get(sum).get(address).mem('v128_load', 0).op(`f64x2_${reductionFunction[fn]}`).set(sum);
  const body = builder.body;
  body.i32Const(0).set(position).loop();
  body.get(source).get(position).op('i32_add').tee(address).mem('v128_load', 0).set(sum);
  body.i32Const(1).set(block).loop().append(inner);
  body.get(block).i32Const(1).op('i32_add').tee(block).get(blocks).op('i32_lt_u').branchIf(0).op('end');
  body.get(target).get(position).op('i32_add').get(sum).mem('v128_store', 0);
  body.get(position).i32Const(16).op('i32_add').tee(position).get(bytes).op('i32_lt_u').branchIf(0).op('end');
  return builder;
}
