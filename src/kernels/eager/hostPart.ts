// The end of an energy's computation, in f64 on the host: small nodes, and long sums from block sums of the device (DESIGN §5).
import { interpret } from '../program/interpreter.js';
import { type NodeId, sizeOf, type TensorNode, type TensorProgram } from '../program/tensorProgram.js';

/** Elements up to which a node may be computed on the host, once for every lane. */
const hostLimit = 64;

/** Terms of an energy that a device may add up in f32 in a row, where it cannot return block sums. */
const longestSum = 2 ** 20;

/** An array that the device computes for the host. */
export interface HostInput {
  readonly name: string;
  /** What the device computes: the node itself, or block sums of it over `axes`. */
  readonly node: NodeId;
  readonly axes?: readonly number[];
  /** Elements the host takes in for one lane, blocks added up. */
  readonly size: number;
}

/** What the host computes of one accurate output. */
export interface HostPart {
  /** Parameters are the program's own, small ones, and the host's inputs; data are small arrays. */
  readonly program: TensorProgram;
  readonly inputs: readonly HostInput[];
}

/**
 * Cuts an output out of a program: going back from it, nodes stay on the host while they and what they are made of are small.
 * Throws RangeError when a sum that the device has to carry out in f32 is too long for an energy.
 */
export function hostPart(program: TensorProgram, output: string): HostPart {
  const nodes: TensorNode[] = [];
  const inputs: HostInput[] = [];
  const placed = new Map<NodeId, NodeId>();
  const isSmall = (id: NodeId): boolean => sizeOf(program.nodes[id].shape) <= hostLimit;
  const place = (id: NodeId): NodeId => {
    const known = placed.get(id);
    if (known !== undefined) return known;
    const node = program.nodes[id];
    const moved = isSmall(id) && node.inputs.every(isSmall) ? { ...node, inputs: node.inputs.map(place) } : input(id);
    const own = nodes.push(moved) - 1;
    placed.set(id, own);
    return own;
  };
  const input = (id: NodeId): TensorNode => {
    const { operation, shape, inputs: sources } = program.nodes[id];
    const name = `(host input ${inputs.length})`;
    const isSum = operation.op === 'reduce' && operation.fn === 'sum' && isSmall(id);
    const wanted = isSum ? { node: sources[0], axes: operation.axes } : { node: id };
    inputs.push({ name, ...wanted, size: sizeOf(shape) });
    checkSums(program, wanted.node, output);
    return { operation: { op: 'parameter', name }, inputs: [], shape };
  };
  const own = place(program.outputs.get(output)!);
  return { program: { nodes, outputs: new Map([[output, own]]) }, inputs };
}

function checkSums(program: TensorProgram, from: NodeId, output: string): void {
  const seen = new Set<NodeId>();
  const visit = (id: NodeId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    const { operation, shape, inputs } = program.nodes[id];
    const terms = longestOf(
      operation.op,
      sizeOf(shape),
      inputs.length > 0 ? sizeOf(program.nodes[inputs[0]].shape) : 0,
    );
    if (terms > longestSum) {
      throw new RangeError(
        `output ${output} needs sums of ${Math.round(terms)} terms (${operation.op}) that this device would carry out in float32: use the device cpu or webgpu`,
      );
    }
    inputs.forEach(visit);
  };
  visit(from);
}

function longestOf(op: string, size: number, inputSize: number): number {
  if (op === 'reduce' || op === 'segmentSum') return inputSize / size;
  return op === 'cumsum' ? size : 0;
}

/** The output of one lane; `values` holds the host's inputs, small parameters and small data. */
export function evaluateHostPart({ program }: HostPart, values: ReadonlyMap<string, ArrayLike<number>>): Float64Array {
  const [result] = interpret(program, values).values();
  return result;
}
