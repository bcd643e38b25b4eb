// The loops of phase space over whole vectors as one WebAssembly module, and a function that carries out lists of them block by block.
import type { Companion } from '../../kernels/device.js';
import { mathImports } from '../../kernels/math/vectorMath.js';
import { type Code, FunctionBuilder, ModuleBuilder } from '../../kernels/wasm/encoder.js';
import { addNormalFill } from '../random/normalKernel.js';
import { copy, kick, kickAndDrift, shapeMomentum, turningOfPair, turningOfStretches } from './vectorLoops.js';

/**
 * Vectors are addresses (bytes) of doubles padded with zeros to `bytes`, a multiple of 16. Products with the diagonal
 * inverse mass leave the dense block out; `results` is the address of the sums.
 */
export interface VectorKernels {
  /** p' = p + ε/2 ∇, q' = q + ε m⁻¹ p'. */
  kickAndDrift(
    momentum: number,
    gradient: number,
    position: number,
    inverseMass: number,
    newMomentum: number,
    newPosition: number,
    bytes: number,
    stepSize: number,
  ): void;
  /** p ← p + ε/2 ∇; returns Σ m⁻¹ p². */
  kick(momentum: number, gradient: number, inverseMass: number, bytes: number, stepSize: number): number;
  /** total = first + last; results: Σ m⁻¹ first·total, Σ m⁻¹ last·total. */
  turningOfPair(first: number, last: number, inverseMass: number, total: number, bytes: number, results: number): void;
  /** total = leftSum + rightSum; results: the six products of the generalised U-turn criterion, as in turning.ts. */
  turningOfStretches(
    leftBegin: number,
    leftEnd: number,
    leftSum: number,
    rightBegin: number,
    rightEnd: number,
    rightSum: number,
    inverseMass: number,
    total: number,
    bytes: number,
    results: number,
  ): void;
  /** Copies `length` doubles, with strides in bytes: between a contiguous vector and a lane. */
  copy(source: number, sourceStride: number, target: number, targetStride: number, length: number): void;
  /** Carries out the operations of a job (`jobLayout`) on the numbers from `start` to `end` of all vectors, which are block `block`. */
  run(start: number, end: number, block: number, job: number): void;
}

/** Limits of the memory that the kernels work on, in pages of 64 KiB; shared memory keeps its views when it grows. */
export const vectorMemory = { minimum: 1, maximum: 65536, shared: true } as const;

/**
 * Numbers of a block. Sums are taken block by block and added up in the order of the blocks, so they are the same for any number of
 * threads; and a block of a dozen vectors stays in a core's second-level cache from one operation of a job to the next.
 */
export const blockLength = 4096;

/** Where blocks of vectors begin and end, `[blocks + 1]`. */
export function blockBounds(length: number): Int32Array {
  const blocks = Math.max(1, Math.ceil(length / blockLength));
  return Int32Array.from({ length: blocks + 1 }, (_, i) => Math.min(length, i * blockLength));
}

/** Operations of a job. Vectors are given by their addresses; `sums` is where the operation's sums stand among those of a block. */
export const operations = {
  /** momentum, gradient, position, inverse mass, new momentum, new position; number: ε */
  kickAndDrift: 1,
  /** momentum, gradient, inverse mass; sums; number: ε */
  kick: 2,
  /** first, last, inverse mass, total; sums */
  turningOfPair: 3,
  /** left begin, end, sum, right begin, end, sum, inverse mass, total; sums */
  turningOfStretches: 4,
  /** source and its stride, target and its stride */
  copy: 5,
  /** momentum, inverse mass; sums; site, step, chain, low and high word of the key: p ~ N(0, M), z/√m⁻¹, or z where m⁻¹ is 0 */
  refresh: 6,
} as const;

/** A job, in bytes: a head of i32 (operations, address of block 0's sums, bytes of a block's sums), then records of i32 with one f64. */
export const jobLayout = { head: 16, record: 48, number: 40 } as const;

let bytes: Uint8Array<ArrayBuffer> | undefined;
let module: WebAssembly.Module | undefined;

function compiledModule(): WebAssembly.Module {
  return (module ??= new WebAssembly.Module((bytes ??= buildModule())));
}

/** Binds the kernels to a memory of the limits `vectorMemory`. */
export function vectorKernels(memory: WebAssembly.Memory): VectorKernels {
  const { exports } = new WebAssembly.Instance(compiledModule(), { env: { memory, ...mathImports } });
  return exports as unknown as VectorKernels;
}

/** Jobs on vectors so long as to be worth sharing among threads; undefined for shorter ones. */
export function vectorCompanion(length: number): Companion | undefined {
  if (length <= 4 * blockLength) return undefined;
  return { module: compiledModule(), functionName: 'run', bounds: blockBounds(length) };
}

function buildModule(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const fill = addNormalFill(builder);
  const functions = {
    kickAndDrift: builder.addFunction(kickAndDrift(), 'kickAndDrift'),
    kick: builder.addFunction(kick(), 'kick'),
    turningOfPair: builder.addFunction(turningOfPair(), 'turningOfPair'),
    turningOfStretches: builder.addFunction(turningOfStretches(), 'turningOfStretches'),
    copy: builder.addFunction(copy(), 'copy'),
    shapeMomentum: builder.addFunction(shapeMomentum()),
    fill,
  };
  builder.addFunction(run(functions), 'run');
  return builder.encode(vectorMemory) as Uint8Array<ArrayBuffer>;
}

/** One operation after another on one block. */
function run(functions: Readonly<Record<string, number>>): FunctionBuilder {
  const [start, end, block, job] = [0, 1, 2, 3];
  const builder = new FunctionBuilder(['i32', 'i32', 'i32', 'i32'], []);
  const { body } = builder;
  const [at, rest, offset, length, sums] = Array.from({ length: 5 }, () => builder.local('i32'));
  /** Pushes an argument of the operation: words follow its code. */
  const word = (i: number): Code => body.get(at).mem('i32_load', 4 * (1 + i));
  /** Pushes the block's part of the vectors that arguments name. */
  const vectors = (first: number, count: number): void => {
    for (let i = first; i < first + count; i++) word(i).get(offset).op('i32_add');
  };
  const bytesOfBlock = (): Code =>
    body.get(length).i32Const(1).op('i32_add').i32Const(-2).op('i32_and').i32Const(8).op('i32_mul');
  const sumsAt = (i: number): Code => word(i).get(sums).op('i32_add');
  const when = (code: number, emit: () => void): void => {
    body.get(at).mem('i32_load', 0).i32Const(code).op('i32_eq').if();
    emit();
    body.op('end');
  };
  body.get(job).i32Const(jobLayout.head).op('i32_add').set(at);
  body.get(job).mem('i32_load', 0).set(rest);
  body.get(start).i32Const(8).op('i32_mul').set(offset);
  body.get(end).get(start).op('i32_sub').set(length);
  body.get(job).mem('i32_load', 4).get(job).mem('i32_load', 8).get(block).op('i32_mul', 'i32_add').set(sums);
  body.loop();
  when(operations.kickAndDrift, () => {
    vectors(0, 6);
    bytesOfBlock().get(at).mem('f64_load', jobLayout.number).call(functions.kickAndDrift);
  });
  when(operations.kick, () => {
    sumsAt(3);
    vectors(0, 3);
    bytesOfBlock().get(at).mem('f64_load', jobLayout.number).call(functions.kick).mem('f64_store', 0);
  });
  when(operations.turningOfPair, () => {
    vectors(0, 4);
    bytesOfBlock();
    sumsAt(4).call(functions.turningOfPair);
  });
  when(operations.turningOfStretches, () => {
    vectors(0, 8);
    bytesOfBlock();
    sumsAt(8).call(functions.turningOfStretches);
  });
  when(operations.copy, () => {
    for (const [vector, stride] of [
      [0, 1],
      [2, 3],
    ] as const) {
      word(vector).get(start);
      word(stride).op('i32_mul', 'i32_add');
      word(stride);
    }
    body.get(length).call(functions.copy);
  });
  when(operations.refresh, () => {
    vectors(0, 1);
    body.get(length).i32Const(8);
    for (let i = 3; i < 8; i++) word(i);
    body.get(start).i32Const(1).op('i32_shr_u').call(functions.fill);
    sumsAt(2);
    vectors(0, 2);
    bytesOfBlock().call(functions.shapeMomentum).mem('f64_store', 0);
  });
  body.get(at).i32Const(jobLayout.record).op('i32_add').set(at);
  body.get(rest).i32Const(1).op('i32_sub').tee(rest).branchIf(0).op('end');
  return builder;
}
