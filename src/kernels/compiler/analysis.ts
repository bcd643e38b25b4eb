// Decides which nodes of a program need memory ("roots"); everything else is recomputed inside the loops that use it.
import {
  type NodeId,
  type Operation,
  type Shape,
  sizeOf,
  type TensorNode,
  type TensorProgram,
} from '../program/tensorProgram.js';

/** Index spaces up to this size are written out instead of looped over. */
export const unrollLimit = 32;

export type RootKind =
  /** Every element is computed and stored. */
  | 'store'
  /** Reduced over its loop axis: accumulated while the loop runs. */
  | 'reduce'
  /** Rows summed by index while the loop over the rows runs. */
  | 'segment'
  | 'scan'
  | 'cholesky'
  | 'triangularSolve';

/** An array in memory and the loop that fills it. */
export interface Root {
  readonly node: NodeId;
  readonly kind: RootKind;
  /** Axis of the loop: of the input for reduce and segment, of the output otherwise; −1 when nothing is looped over. */
  readonly loopAxis: number;
  readonly extent: number;
}

export interface Analysis {
  readonly roots: ReadonlyMap<NodeId, Root>;
  /** Whether a node depends on a parameter, and so differs between chains. */
  readonly varies: readonly boolean[];
  /** Roots that each root reads. */
  readonly dependencies: ReadonlyMap<NodeId, ReadonlySet<NodeId>>;
}

const expensiveUnary = new Set(
  'reciprocal sqrt exp log log1p expm1 sigmoid softplus sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf normalCdf normalLogCdf logGamma digamma trigamma'.split(
    ' ',
  ),
);

export function analyse(program: TensorProgram): Analysis {
  const { nodes } = program;
  const varies: boolean[] = [];
  for (const node of nodes)
    varies.push(node.operation.op === 'parameter' || node.inputs.some((input) => varies[input]));
  const kinds = new Map<NodeId, RootKind>();
  for (const [id, node] of nodes.entries()) {
    const kind = intrinsicKind(program, node);
    if (kind !== undefined) kinds.set(id, kind);
  }
  for (const id of program.outputs.values()) if (!kinds.has(id)) kinds.set(id, 'store');
  // Inputs that would be recomputed many times inside a consumer's loops. Consumers come later, so one backward pass is enough.
  const users = new Int32Array(nodes.length);
  for (const node of nodes) for (const input of node.inputs) users[input]++;
  for (let id = nodes.length - 1; id >= 0; id--) {
    for (const input of wantedInMemory(program, varies, users, id)) {
      const source = throughViews(program, input);
      if (!kinds.has(source) && !isLeaf(nodes[source])) kinds.set(source, 'store');
    }
  }
  const roots = new Map<NodeId, Root>();
  for (const [id, kind] of [...kinds].sort((a, b) => a[0] - b[0])) roots.set(id, describeRoot(program, id, kind));
  return { roots, varies, dependencies: findDependencies(program, roots) };
}

function intrinsicKind(program: TensorProgram, node: TensorNode): RootKind | undefined {
  switch (node.operation.op) {
    case 'reduce': {
      const source = program.nodes[node.inputs[0]].shape;
      const count = sizeOf(node.operation.axes.map((axis) => source[axis]));
      return count > unrollLimit && node.operation.axes.includes(largestAxis(source)) ? 'reduce' : undefined;
    }
    case 'segmentSum':
      return 'segment';
    case 'cumsum':
      return 'scan';
    case 'cholesky':
      return 'cholesky';
    case 'triangularSolve':
      return 'triangularSolve';
    default:
      return undefined;
  }
}

/** Inputs of a node that should be arrays in memory rather than expressions. */
function wantedInMemory(program: TensorProgram, varies: readonly boolean[], users: Int32Array, id: NodeId): NodeId[] {
  const { operation, inputs, shape } = program.nodes[id];
  if (operation.op === 'gather') return sizeOf(program.nodes[inputs[0]].shape) > unrollLimit ? [inputs[0]] : [];
  const wanted: NodeId[] = [];
  for (const [position, input] of inputs.entries()) {
    const own = program.nodes[input].shape;
    if (sizeOf(own) <= unrollLimit) continue;
    // An input that lacks the consumer's main axis would be recomputed at every step of that loop.
    const main = largestAxis(shape);
    const aligned = main - shape.length + own.length;
    const elementwise = ['unary', 'binary', 'select', 'broadcast'].includes(operation.op);
    if (elementwise && (aligned < 0 || (own[aligned] === 1 && shape[main] !== 1))) wanted.push(input);
    // A node used in place and shifted as well would be recomputed at each shift, and its own inputs at shifts of shifts.
    if (users[input] > 1 && isShifted(operation, position, own)) wanted.push(input);
    // Costly functions of the data alone are computed once, when the data are bound.
    if (varies[id] && !varies[input] && isExpensive(program, input)) wanted.push(input);
  }
  return wanted;
}

/** Whether a slice, pad or concat reads its input at other places of an axis that is looped over, not written out. */
function isShifted(operation: Operation, input: number, own: Shape): boolean {
  const main = largestAxis(own);
  const isWrittenOut = sizeOf(own.filter((_, axis) => axis !== main)) <= unrollLimit;
  const moves = (axis: number): boolean => {
    if (isWrittenOut && axis !== main) return false;
    switch (operation.op) {
      case 'slice':
        return operation.begin[axis] !== 0 || operation.step[axis] !== 1;
      case 'pad':
        return operation.before[axis] !== 0;
      case 'concat':
        return axis === operation.axis && input > 0;
      default:
        return false;
    }
  };
  return own.some((_, axis) => moves(axis));
}

function isExpensive(program: TensorProgram, id: NodeId): boolean {
  const { operation, inputs } = program.nodes[id];
  if (operation.op === 'unary' && expensiveUnary.has(operation.fn)) return true;
  if (operation.op === 'binary' && (operation.fn === 'pow' || operation.fn === 'div')) return true;
  if (operation.op === 'reduce' || operation.op === 'gather') return true;
  return ['unary', 'binary', 'select', 'broadcast', 'reshape', 'transpose', 'slice'].includes(operation.op)
    ? inputs.some((input) => isExpensive(program, input))
    : false;
}

function throughViews(program: TensorProgram, id: NodeId): NodeId {
  const { operation, inputs } = program.nodes[id];
  return operation.op === 'reshape' || operation.op === 'transpose' || operation.op === 'broadcast'
    ? throughViews(program, inputs[0])
    : id;
}

function isLeaf(node: TensorNode): boolean {
  return ['parameter', 'data', 'constant', 'iota'].includes(node.operation.op);
}

/** The axis that a loop nest runs over outermost: the longest, the first of equals. */
export function largestAxis(shape: Shape): number {
  let best = 0;
  for (let axis = 1; axis < shape.length; axis++) if (shape[axis] > shape[best]) best = axis;
  return best;
}

function describeRoot(program: TensorProgram, id: NodeId, kind: RootKind): Root {
  const { shape, inputs } = program.nodes[id];
  const source = inputs.length > 0 ? program.nodes[inputs[0]].shape : [];
  switch (kind) {
    case 'reduce': {
      const loopAxis = largestAxis(source);
      return { node: id, kind, loopAxis, extent: source[loopAxis] };
    }
    case 'segment':
      return { node: id, kind, loopAxis: 0, extent: source[0] };
    case 'scan':
      return { node: id, kind, loopAxis: -1, extent: 1 };
    case 'cholesky':
    case 'triangularSolve': {
      const batch = shape.slice(0, -2);
      if (sizeOf(batch) === 1) return { node: id, kind, loopAxis: -1, extent: 1 };
      const loopAxis = largestAxis(batch);
      return { node: id, kind, loopAxis, extent: batch[loopAxis] };
    }
    case 'store': {
      if (sizeOf(shape) <= unrollLimit) return { node: id, kind, loopAxis: -1, extent: 1 };
      const loopAxis = largestAxis(shape);
      return { node: id, kind, loopAxis, extent: shape[loopAxis] };
    }
    default:
      throw new Error(kind satisfies never);
  }
}

function findDependencies(program: TensorProgram, roots: ReadonlyMap<NodeId, Root>): Map<NodeId, ReadonlySet<NodeId>> {
  // Roots reachable from each node without passing through another root.
  const reach: ReadonlySet<NodeId>[] = [];
  const dependencies = new Map<NodeId, ReadonlySet<NodeId>>();
  for (const [id, node] of program.nodes.entries()) {
    const below = union(node.inputs.map((input) => reach[input]));
    if (roots.has(id)) {
      dependencies.set(id, below);
      reach.push(new Set([id]));
    } else {
      reach.push(below);
    }
  }
  return dependencies;
}

/** One of the sets itself where it holds the others. */
function union(sets: readonly ReadonlySet<NodeId>[]): ReadonlySet<NodeId> {
  let largest: ReadonlySet<NodeId> = new Set();
  for (const set of sets) if (set.size > largest.size) largest = set;
  let more: Set<NodeId> | undefined;
  for (const set of sets) {
    if (set === largest) continue;
    for (const root of set) if (!largest.has(root)) (more ??= new Set(largest)).add(root);
  }
  return more ?? largest;
}
