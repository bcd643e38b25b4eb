// The recorded form of a tensor function: a list of nodes in topological order, small enough to read.

/** Index of a node in `TensorProgram.nodes`; inputs always have smaller ids. */
export type NodeId = number;

export type Shape = readonly number[];

export const unaryFunctions = [
  'neg',
  'abs',
  'sign',
  'floor',
  'ceil',
  'round',
  'reciprocal',
  'sqrt',
  'exp',
  'log',
  'log1p',
  'expm1',
  'sigmoid',
  'softplus',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'asinh',
  'acosh',
  'atanh',
  'erf',
  'normalCdf',
  'normalLogCdf',
  'logGamma',
  'digamma',
  'trigamma',
  'not',
  'isNaN',
] as const;
export type UnaryFunction = (typeof unaryFunctions)[number];

export const binaryFunctions = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'min',
  'max',
  'mod',
  'atan2',
  'equal',
  'notEqual',
  'less',
  'lessEqual',
  'greater',
  'greaterEqual',
  'and',
  'or',
] as const;
export type BinaryFunction = (typeof binaryFunctions)[number];

export type ReduceFunction = 'sum' | 'max' | 'min' | 'prod';

/** What a node computes. Every element is a real number (f64 wherever a device has it); truth values are 0 and 1. Elementwise nodes broadcast their inputs as NumPy does (axes aligned at the right). */
export type Operation =
  /** An unconstrained or constrained parameter block, bound per chain. */
  | { readonly op: 'parameter'; readonly name: string }
  /** An array of the data set, bound once and shared by all chains. */
  | { readonly op: 'data'; readonly name: string }
  /** A literal array, row-major; scalars too. */
  | { readonly op: 'constant'; readonly values: Float64Array }
  /** 0, 1, 2, … along the only axis. */
  | { readonly op: 'iota' }
  | { readonly op: 'unary'; readonly fn: UnaryFunction }
  | { readonly op: 'binary'; readonly fn: BinaryFunction }
  /** inputs: condition, value where it is non-zero, value where it is zero. */
  | { readonly op: 'select' }
  /** Repeats the input along new leading axes and axes of length 1. */
  | { readonly op: 'broadcast' }
  | { readonly op: 'reshape' }
  /** Output axis k is input axis `permutation[k]`. */
  | { readonly op: 'transpose'; readonly permutation: readonly number[] }
  /** Element i along an axis is input element begin + i·step; steps may be negative. */
  | { readonly op: 'slice'; readonly begin: readonly number[]; readonly step: readonly number[] }
  | { readonly op: 'pad'; readonly before: readonly number[]; readonly value: number }
  | { readonly op: 'concat'; readonly axis: number }
  /** Drops the reduced axes. */
  | { readonly op: 'reduce'; readonly fn: ReduceFunction; readonly axes: readonly number[] }
  /** inputs: x, integer indices into axis 0 of x. Shape: indices' shape followed by x's other axes. */
  | { readonly op: 'gather' }
  /** inputs: x, integer indices of shape [n] for x of shape [n, …]. Shape: [count, …]; rows of equal index are summed. */
  | { readonly op: 'segmentSum' }
  | { readonly op: 'cumsum'; readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean }
  /** Lower factor of each symmetric positive definite k × k matrix of a batch; NaN where there is none. */
  | { readonly op: 'cholesky' }
  /** inputs: lower-triangular L […, k, k] and B […, k, m]. Solves L X = B, or L' X = B. */
  | { readonly op: 'triangularSolve'; readonly transpose: boolean };

export interface TensorNode {
  readonly operation: Operation;
  readonly inputs: readonly NodeId[];
  readonly shape: Shape;
}

/** A program without control flow: parameters and data in, named arrays out. */
export interface TensorProgram {
  readonly nodes: readonly TensorNode[];
  readonly outputs: ReadonlyMap<string, NodeId>;
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The common shape of arrays that are broadcast together; throws when they do not fit. */
export function broadcastShape(...shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, axis) => {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === extent) continue;
      if (extent !== 1)
        throw new Error(`shapes ${shapes.map((s) => `[${s.join(', ')}]`).join(' and ')} do not broadcast`);
      extent = own;
    }
    return extent;
  });
}

/** The program as text, one node a line, for messages and tests. */
export function formatProgram(program: TensorProgram): string {
  const lines = program.nodes.map((node, id) => {
    const { op, ...details } = node.operation;
    const extra = Object.entries(details)
      .map(
        ([key, value]) =>
          `${key}=${value instanceof Float64Array ? `[${[...value.slice(0, 4)].join(', ')}]` : String(value)}`,
      )
      .join(' ');
    return `%${id} = ${op}(${node.inputs.map((i) => `%${i}`).join(', ')}) ${extra} : [${node.shape.join(', ')}]`;
  });
  for (const [name, id] of program.outputs) lines.push(`${name} ← %${id}`);
  return lines.join('\n');
}

/** The program of `outputs` alone: nodes that none of them needs are left out. */
export function pruneProgram(all: readonly TensorNode[], outputs: ReadonlyMap<string, NodeId>): TensorProgram {
  const needed = new Set<NodeId>(outputs.values());
  for (let id = all.length - 1; id >= 0; id--) {
    if (needed.has(id)) for (const input of all[id].inputs) needed.add(input);
  }
  const renumbered = new Map<NodeId, NodeId>();
  const nodes: TensorNode[] = [];
  for (const [id, node] of all.entries()) {
    if (!needed.has(id)) continue;
    renumbered.set(id, nodes.length);
    nodes.push({ ...node, inputs: node.inputs.map((input) => renumbered.get(input)!) });
  }
  return { nodes, outputs: new Map([...outputs].map(([name, id]) => [name, renumbered.get(id)!])) };
}
