// Splits an output that needs f64 off a program: sums stay on the device, what is made of them is left to the host.
import { type NodeId, pruneProgram, sizeOf, type TensorNode, type TensorProgram } from '../../program/tensorProgram.js';
import { unrollLimit } from '../analysis.js';

/** A number, or a small array, that the host takes from the device. */
export interface Word {
  readonly node: NodeId;
  readonly size: number;
  /** A sum over many: kept as a pair of f32, whose sum is the number. */
  readonly isPair: boolean;
}

export interface SplitProgram {
  /** What the device computes: the other outputs, and `word 0`, `word 1`, … */
  readonly device: TensorProgram;
  readonly words: readonly Word[];
  /** From the words (parameters `word 0`, …) to the accurate outputs. */
  readonly host: TensorProgram;
}

/** Elements up to which an array is the host's business. */
const mostHostElements = 64;

/**
 * Sums over more than `unrollLimit` numbers are the device's, as pairs; small arithmetic on them, on small parameters and on
 * data is the host's. A small value that loops over long axes use is taken as they see it, rounded to f32: value and use must
 * not differ. What cannot be cut like this comes back in f32.
 */
export function splitAccurate(program: TensorProgram, accurate: readonly string[]): SplitProgram {
  const { nodes } = program;
  const varies: boolean[] = [];
  for (const node of nodes)
    varies.push(node.operation.op === 'parameter' || node.inputs.some((input) => varies[input]));
  // What gradients use at length is no matter: they are f32 anyway.
  const isNeeded = neededFor(
    program,
    accurate.map((name) => program.outputs.get(name)!),
  );
  const isUsedAtLength: boolean[] = nodes.map(() => false);
  for (const [id, node] of nodes.entries()) {
    if (!isNeeded[id] || (sizeOf(node.shape) <= mostHostElements && !isLongSum(program, node))) continue;
    for (const input of node.inputs) isUsedAtLength[input] = true;
  }
  const words: Word[] = [];
  const host: TensorNode[] = [];
  const append = (node: TensorNode): NodeId => host.push(node) - 1;
  const made = new Map<NodeId, NodeId>();
  const asWord = (id: NodeId, isPair: boolean): NodeId => {
    const { shape } = nodes[id];
    words.push({ node: id, size: sizeOf(shape), isPair });
    return append({ operation: { op: 'parameter', name: `word ${words.length - 1}` }, inputs: [], shape });
  };
  const make = (id: NodeId): NodeId => {
    const node = nodes[id];
    if (!varies[id]) return copyOf(node);
    if (isLongSum(program, node)) return asWord(id, true);
    const isLeaf = node.operation.op === 'parameter';
    if (!isLeaf && isUsedAtLength[id] && sizeOf(node.shape) <= mostHostElements) return asWord(id, false);
    if (isLeaf || !canBeCut(node.inputs)) return asWord(id, false);
    return copyOf(node);
  };
  const visit = (id: NodeId): NodeId => {
    let own = made.get(id);
    if (own === undefined) {
      own = make(id);
      made.set(id, own);
    }
    return own;
  };
  const copyOf = (node: TensorNode): NodeId => append({ ...node, inputs: node.inputs.map(visit) });
  const canBeCut = (inputs: readonly NodeId[]): boolean =>
    inputs.every((input) => !varies[input] || sizeOf(nodes[input].shape) <= mostHostElements);
  const hostOutputs = new Map(accurate.map((name) => [name, visit(program.outputs.get(name)!)]));
  const outputs = new Map<string, NodeId>(words.map(({ node }, i) => [`word ${i}`, node]));
  for (const [name, id] of program.outputs) if (!accurate.includes(name)) outputs.set(name, id);
  const device = pruneProgram(nodes, outputs);
  const renamed = words.map((word, i) => ({ ...word, node: device.outputs.get(`word ${i}`)! }));
  return { device, words: renamed, host: { nodes: host, outputs: hostOutputs } };
}

/** A sum that is long, and leaves little. */
function isLongSum({ nodes }: TensorProgram, { operation, inputs, shape }: TensorNode): boolean {
  if (operation.op !== 'reduce' || operation.fn !== 'sum') return false;
  return sizeOf(shape) <= mostHostElements && sizeOf(nodes[inputs[0]].shape) / sizeOf(shape) > unrollLimit;
}

/** Nodes that some of `ids` depend on, themselves included. */
function neededFor({ nodes }: TensorProgram, ids: readonly NodeId[]): boolean[] {
  const needed = nodes.map((_, id) => ids.includes(id));
  for (let id = nodes.length - 1; id >= 0; id--) {
    if (needed[id]) for (const input of nodes[id].inputs) needed[input] = true;
  }
  return needed;
}
