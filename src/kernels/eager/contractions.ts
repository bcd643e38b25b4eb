// Finds sums over products of a shared matrix and one vector for each lane: one matrix product computes them for all lanes.
import { type NodeId, type Shape, sizeOf, type TensorProgram } from '../program/tensorProgram.js';

/** A reduce node that is `matrix` [rows, columns] times `vector` [columns, lanes], or, transposed, `vector` [rows, lanes]. */
export interface Contraction {
  readonly matrix: NodeId;
  readonly vector: NodeId;
  readonly rows: number;
  readonly columns: number;
  readonly transpose: boolean;
}

/** @param isRead whether a node's own value is wanted, so that it has to be computed in any case */
export function findContractions(
  { nodes }: TensorProgram,
  isPerLane: readonly boolean[],
  isRead: (id: NodeId) => boolean,
): Map<NodeId, Contraction> {
  const users = new Int32Array(nodes.length);
  for (const { inputs } of nodes) for (const id of inputs) users[id]++;
  const found = new Map<NodeId, Contraction>();
  for (const [id, { operation, inputs }] of nodes.entries()) {
    if (operation.op !== 'reduce' || operation.fn !== 'sum') continue;
    const product = nodes[inputs[0]];
    if (product.operation.op !== 'binary' || product.operation.fn !== 'mul') continue;
    if (users[inputs[0]] > 1 || isRead(inputs[0])) continue;
    const long = product.shape.flatMap((extent, axis) => (extent > 1 ? [axis] : []));
    const summed = long.filter((axis) => operation.axes.includes(axis));
    if (long.length !== 2 || summed.length !== 1) continue;
    const [rows, columns] = long.map((axis) => product.shape[axis]);
    for (const [matrix, vector] of [product.inputs, product.inputs.toReversed()]) {
      if (isPerLane[matrix] || !isPerLane[vector] || sizeOf(nodes[matrix].shape) !== rows * columns) continue;
      const varying = varyingAxes(nodes[vector].shape, product.shape);
      if (varying.length !== 1 || varying[0] !== summed[0]) continue;
      found.set(id, { matrix, vector, rows, columns, transpose: summed[0] === long[0] });
      break;
    }
  }
  return found;
}

/** Axes of `full` along which an array of shape `own` is not repeated. */
function varyingAxes(own: Shape, full: Shape): number[] {
  return own.flatMap((extent, axis) => (extent > 1 ? [axis + full.length - own.length] : []));
}
