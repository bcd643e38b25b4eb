// Draws of conditionally linear normals and the pass back to their parameters, as WebAssembly on pairs of draws.
import { type Code, FunctionBuilder, ModuleBuilder } from '../../kernels/wasm/encoder.js';

/**
 * Addresses (bytes) of what the kernels work on. Arrays of draws have a row of `stride` bytes for each node or element; φ is
 * (μ, log σ, A), `gradient` likewise, and nodes are byte offsets in tables of 32-bit integers.
 */
export interface KernelTables {
  /** For each node in order of its turn: node, sum's element (of sums), first edge and edge behind the last, four integers a node. */
  readonly nodes: number;
  readonly nodeCount: number;
  /** Parent of every edge. */
  readonly parents: number;
  /** σ of every element. */
  readonly sds: number;
  readonly phi: number;
  readonly gradient: number;
  readonly dimension: number;
  readonly noise: number;
  readonly deltas: number;
}

/** Pairs of draws that stay in registers. */
const MOST_PAIRS = 8;
const pairBytes = 16;

interface Kernels {
  forward(...parameters: number[]): void;
  addRowSums(rows: number, stride: number, count: number, sums: number): void;
  backward(...parameters: number[]): void;
}

const compiled = new Map<number, WebAssembly.Module>();

/** Limits of the memory that the kernels work on. */
export const kernelMemory = { minimum: 1, maximum: 65536, shared: true } as const;

/** Kernels for rows of a number of draws, which must be even, bound to a memory of the limits `kernelMemory`. */
export class ConditionalKernels {
  private readonly kernels: Kernels;
  private readonly stride: number;
  private readonly step: number;

  constructor(memory: WebAssembly.Memory, draws: number) {
    const pairs = draws / 2;
    let together = Math.min(MOST_PAIRS, pairs);
    while (pairs % together > 0) together--;
    const module = compiled.get(together) ?? new WebAssembly.Module(buildModule(together));
    compiled.set(together, module);
    this.kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
    this.stride = draws * 8;
    this.step = together * pairBytes;
  }

  /** Writes δ of every node, and u of every element to `positions`. */
  forward(tables: KernelTables, positions: number): void {
    const { nodes, nodeCount, parents, sds, phi, dimension, noise, deltas } = tables;
    const slopes = phi + 16 * dimension;
    for (let at = 0; at < this.stride; at += this.step) {
      this.kernels.forward(
        nodes,
        nodes + 16 * nodeCount,
        parents,
        sds,
        phi,
        slopes,
        dimension,
        this.stride,
        noise + at,
        deltas + at,
        positions + at,
      );
    }
  }

  /** Adds to `gradient`. `adjoints` holds the slopes at elements and 0 at sums, and is overwritten. */
  backward(tables: KernelTables, adjoints: number): void {
    const { nodes, nodeCount, parents, sds, phi, gradient, dimension, noise, deltas } = tables;
    this.kernels.addRowSums(adjoints, this.stride, dimension, gradient);
    for (let at = 0; at < this.stride; at += this.step) {
      this.kernels.backward(
        nodes,
        nodes + 16 * nodeCount,
        parents,
        sds,
        gradient,
        phi + 16 * dimension,
        gradient + 16 * dimension - (phi + 16 * dimension),
        dimension,
        this.stride,
        noise + at,
        deltas + at,
        adjoints + at,
      );
    }
  }
}

function buildModule(pairs: number): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  builder.addFunction(forward(pairs), 'forward');
  builder.addFunction(addRowSums(), 'addRowSums');
  builder.addFunction(backward(pairs), 'backward');
  return builder.encode(kernelMemory) as Uint8Array<ArrayBuffer>;
}

/** Pushes base + index · stride for integer locals. */
function rowAddress(code: Code, base: number, index: number, stride: number): Code {
  return code.get(index).get(stride).op('i32_mul').get(base).op('i32_add');
}

/** Pushes base + 8 · index. */
function numberAddress(code: Code, base: number, index: number): Code {
  return code.get(index).i32Const(3).op('i32_shl').get(base).op('i32_add');
}

function forward(pairs: number): FunctionBuilder {
  const [first, end, parents, sds, means, slopes, dimension, stride, noise, deltas, positions] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ];
  const fn = new FunctionBuilder(Array<'i32'>(11).fill('i32'), []);
  const [at, node, edge, lastEdge, row] = Array.from({ length: 5 }, () => fn.local('i32'));
  const own = Array.from({ length: pairs }, () => fn.local('v128'));
  const factor = fn.local('v128');
  const { body } = fn;
  body.get(first).set(at);
  body.loop();
  body.get(at).mem('i32_load', 0).set(node);
  body.get(node).get(dimension).op('i32_lt_s').if();
  // An element: σ ε.
  numberAddress(body, sds, node).mem('v128_load64_splat', 0).set(factor);
  rowAddress(body, noise, node, stride).set(row);
  own.forEach((local, u) =>
    body
      .get(row)
      .mem('v128_load', u * pairBytes)
      .get(factor)
      .op('f64x2_mul')
      .set(local),
  );
  body.op('else');
  // A sum: what its element has.
  body.get(at).mem('i32_load', 4).get(stride).op('i32_mul').get(deltas).op('i32_add').set(row);
  own.forEach((local, u) =>
    body
      .get(row)
      .mem('v128_load', u * pairBytes)
      .set(local),
  );
  body.op('end');
  forEachEdge(body, { at, edge, lastEdge }, () => {
    parentRow(body, { parents, edge, stride, base: deltas }).set(row);
    numberAddress(body, slopes, edge).mem('v128_load64_splat', 0).set(factor);
    own.forEach((local, u) =>
      body
        .get(local)
        .get(row)
        .mem('v128_load', u * pairBytes)
        .get(factor)
        .op('f64x2_mul', 'f64x2_add')
        .set(local),
    );
  });
  rowAddress(body, deltas, node, stride).set(row);
  own.forEach((local, u) =>
    body
      .get(row)
      .get(local)
      .mem('v128_store', u * pairBytes),
  );
  body.get(node).get(dimension).op('i32_lt_s').if();
  numberAddress(body, means, node).mem('v128_load64_splat', 0).set(factor);
  rowAddress(body, positions, node, stride).set(row);
  own.forEach((local, u) =>
    body
      .get(row)
      .get(local)
      .get(factor)
      .op('f64x2_add')
      .mem('v128_store', u * pairBytes),
  );
  body.op('end');
  body.get(at).i32Const(16).op('i32_add').tee(at).get(end).op('i32_lt_u').branchIf(0).op('end');
  return fn;
}

function backward(pairs: number): FunctionBuilder {
  const [first, end, parents, sds, gradient, slopes, toGradient, dimension, stride, noise, deltas, adjoints] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  ];
  const fn = new FunctionBuilder(Array<'i32'>(12).fill('i32'), []);
  const [at, node, edge, lastEdge, row, deltaRow, place] = Array.from({ length: 7 }, () => fn.local('i32'));
  const own = Array.from({ length: pairs }, () => fn.local('v128'));
  const [factor, sum, sumOfOdd] = [fn.local('v128'), fn.local('v128'), fn.local('v128')];
  const { body } = fn;
  /** Adds both lanes of both sums to the number at `place`, the product with σ where asked for. */
  const addSums = (offset: number): void => {
    body.get(sum).get(sumOfOdd).op('f64x2_add').set(sum);
    body.get(place).get(place).mem('f64_load', offset);
    body.get(sum).extractLane(0).get(sum).extractLane(1).op('f64_add', 'f64_add').mem('f64_store', offset);
  };
  const clearSums = (): Code => body.f64x2Const(0).tee(sum).set(sumOfOdd);
  const accumulate = (u: number, push: () => void): void => {
    const target = u % 2 === 0 ? sum : sumOfOdd;
    body.get(target);
    push();
    body.op('f64x2_add').set(target);
  };
  body.get(end).i32Const(16).op('i32_sub').set(at);
  body.loop();
  body.get(at).mem('i32_load', 0).set(node);
  rowAddress(body, adjoints, node, stride).set(row);
  own.forEach((local, u) =>
    body
      .get(row)
      .mem('v128_load', u * pairBytes)
      .set(local),
  );
  body.get(node).get(dimension).op('i32_lt_s').if();
  // An element: log σ takes σ ε times the adjoint.
  numberAddress(body, sds, node).mem('v128_load64_splat', 0).set(factor);
  rowAddress(body, noise, node, stride).set(row);
  clearSums();
  own.forEach((local, u) =>
    accumulate(
      u,
      () =>
        void body
          .get(local)
          .get(row)
          .mem('v128_load', u * pairBytes)
          .op('f64x2_mul'),
    ),
  );
  body.get(sum).get(factor).op('f64x2_mul').set(sum);
  body.get(sumOfOdd).get(factor).op('f64x2_mul').set(sumOfOdd);
  body.get(node).get(dimension).op('i32_add').set(place);
  numberAddress(body, gradient, place).set(place);
  addSums(0);
  body.op('else');
  // A sum: its element takes all of it.
  body.get(at).mem('i32_load', 4).get(stride).op('i32_mul').get(adjoints).op('i32_add').set(row);
  own.forEach((local, u) =>
    body
      .get(row)
      .get(row)
      .mem('v128_load', u * pairBytes)
      .get(local)
      .op('f64x2_add')
      .mem('v128_store', u * pairBytes),
  );
  body.op('end');
  forEachEdge(body, { at, edge, lastEdge }, () => {
    parentRow(body, { parents, edge, stride, base: adjoints }).set(row);
    parentRow(body, { parents, edge, stride, base: deltas }).set(deltaRow);
    numberAddress(body, slopes, edge).tee(place).mem('v128_load64_splat', 0).set(factor);
    clearSums();
    own.forEach((local, u) => {
      accumulate(
        u,
        () =>
          void body
            .get(deltaRow)
            .mem('v128_load', u * pairBytes)
            .get(local)
            .op('f64x2_mul'),
      );
      body.get(row);
      body.get(row).mem('v128_load', u * pairBytes);
      body
        .get(local)
        .get(factor)
        .op('f64x2_mul', 'f64x2_add')
        .mem('v128_store', u * pairBytes);
    });
    body.get(place).get(toGradient).op('i32_add').set(place);
    addSums(0);
  });
  body.get(at).i32Const(16).op('i32_sub').tee(at).get(first).op('i32_ge_u').branchIf(0).op('end');
  return fn;
}

/** Adds the sum of each of `count` rows, one after another, to a number of an array. */
function addRowSums(): FunctionBuilder {
  const [rows, stride, count, sums] = [0, 1, 2, 3];
  const fn = new FunctionBuilder(Array<'i32'>(4).fill('i32'), []);
  const end = fn.local('i32');
  const sum = fn.local('v128');
  const { body } = fn;
  body.loop();
  body.f64x2Const(0).set(sum);
  body.get(rows).get(stride).op('i32_add').set(end);
  body.loop();
  body.get(rows).mem('v128_load', 0).get(sum).op('f64x2_add').set(sum);
  body.get(rows).i32Const(pairBytes).op('i32_add').tee(rows).get(end).op('i32_lt_u').branchIf(0).op('end');
  body.get(sums).get(sums).mem('f64_load', 0);
  body.get(sum).extractLane(0).get(sum).extractLane(1).op('f64_add', 'f64_add').mem('f64_store', 0);
  body.get(sums).i32Const(8).op('i32_add').set(sums);
  body.get(count).i32Const(1).op('i32_sub').tee(count).branchIf(0).op('end');
  return fn;
}

/** Runs `emit` for the edges of the node whose record `at` points to. */
function forEachEdge(
  body: Code,
  { at, edge, lastEdge }: { readonly at: number; readonly edge: number; readonly lastEdge: number },
  emit: () => void,
): void {
  body.get(at).mem('i32_load', 8).set(edge);
  body.get(at).mem('i32_load', 12).set(lastEdge);
  body.get(edge).get(lastEdge).op('i32_lt_s').if();
  body.loop();
  emit();
  body.get(edge).i32Const(1).op('i32_add').tee(edge).get(lastEdge).op('i32_lt_s').branchIf(0).op('end');
  body.op('end');
}

/** Pushes the address of a row of the parent that an edge leads to. */
function parentRow(
  body: Code,
  {
    parents,
    edge,
    stride,
    base,
  }: { readonly parents: number; readonly edge: number; readonly stride: number; readonly base: number },
): Code {
  body.get(edge).i32Const(2).op('i32_shl').get(parents).op('i32_add').mem('i32_load', 0);
  return body.get(stride).op('i32_mul').get(base).op('i32_add');
}
