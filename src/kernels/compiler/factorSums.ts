// Rewrites a program so that sums over rows add up as little as possible: factors and summands that are the same for all
// rows leave the sum (Σ c·f = c·Σ f). Gradients then share the sums of the value, and scales cost nothing inside the rows.
import { ProgramBuilder } from '../program/programBuilder.js';
import {
  type NodeId,
  sameShape,
  type Shape,
  sizeOf,
  type TensorNode,
  type TensorProgram,
} from '../program/tensorProgram.js';
import { largestAxis, unrollLimit } from './analysis.js';

/** coefficient · core · Π factors; each factor repeats along at least one axis of the core. */
interface Product {
  readonly core: NodeId;
  readonly coefficient: number;
  readonly factors: readonly NodeId[];
}

/** The same outputs (up to rounding), with invariant factors and summands moved out of sums. */
export function factorSums(program: TensorProgram): TensorProgram {
  const rewriter = new Rewriter();
  const renamed: NodeId[] = [];
  for (const node of program.nodes) renamed.push(rewriter.rewrite(node, renamed));
  return rewriter.builder.finish(new Map([...program.outputs].map(([name, id]) => [name, renamed[id]])));
}

class Rewriter {
  readonly builder = new ProgramBuilder();
  /** How a node of the new program came about, where that is a product with factors. */
  private readonly products = new Map<NodeId, Product>();

  rewrite(node: TensorNode, ids: readonly NodeId[]): NodeId {
    const { builder: b } = this;
    const { operation, shape } = node;
    const inputs = node.inputs.map((id) => ids[id]);
    const [x, y, z] = inputs;
    switch (operation.op) {
      case 'parameter':
        return b.parameter(operation.name, shape);
      case 'data':
        return b.data(operation.name, shape);
      case 'constant':
        return b.constant(operation.values, shape);
      case 'iota':
        return b.iota(shape[0]);
      case 'unary': {
        if (operation.fn !== 'neg') return b.unary(operation.fn, x);
        const product = this.product(x);
        return this.materialise({ ...product, coefficient: -product.coefficient });
      }
      case 'binary':
        if (operation.fn === 'mul') return this.multiply(x, y, shape);
        if (operation.fn === 'add') return this.add(x, y, 1);
        return operation.fn === 'sub' ? this.add(x, y, -1) : b.binary(operation.fn, x, y);
      case 'select':
        return b.select(x, y, z);
      case 'broadcast':
        return b.broadcast(x, shape);
      case 'reshape': {
        const { core, coefficient, factors } = this.product(x);
        if (factors.some((factor) => sizeOf(b.shape(factor)) > 1)) return b.reshape(x, shape);
        const scalars = factors.map((factor) => b.reshape(factor, []));
        return this.materialise({ core: b.reshape(core, shape), coefficient, factors: scalars });
      }
      case 'transpose':
        return b.transpose(x, operation.permutation);
      case 'slice':
        return b.slice(x, operation.begin, shape, operation.step);
      case 'pad': {
        const own = b.shape(x);
        const after = shape.map((extent, axis) => extent - own[axis] - operation.before[axis]);
        return b.pad(x, operation.before, after, operation.value);
      }
      case 'concat':
        return b.concat(inputs, operation.axis);
      case 'reduce':
        return operation.fn === 'sum' ? this.sum(x, operation.axes) : b.reduce(operation.fn, x, operation.axes);
      case 'gather':
        return b.gather(x, y);
      case 'segmentSum':
        return this.segmentSum(x, y, shape[0]);
      case 'cumsum':
        return b.cumsum(x, operation.axis, operation.exclusive, operation.reverse);
      case 'cholesky':
        return b.cholesky(x);
      case 'triangularSolve':
        return b.triangularSolve(x, y, operation.transpose);
      default:
        throw new Error((operation satisfies never as { op: string }).op);
    }
  }

  private product(id: NodeId): Product {
    return this.products.get(id) ?? { core: id, coefficient: 1, factors: [] };
  }

  /** A node with the value of a product: small factors are multiplied with one another first. */
  private materialise(product: Product): NodeId {
    const { builder: b } = this;
    const { core, coefficient, factors } = product;
    if (coefficient === 1 && factors.length === 0) return core;
    const ordered = [...factors].sort((p, q) => sizeOf(b.shape(p)) - sizeOf(b.shape(q)) || p - q);
    const scale = ordered.reduce((all, factor) => b.mul(all, factor), b.scalar(coefficient));
    const id = b.mul(core, scale);
    if (!this.products.has(id)) this.products.set(id, product);
    return id;
  }

  private multiply(x: NodeId, y: NodeId, shape: Shape): NodeId {
    const { builder: b } = this;
    const [left, right] = [this.product(this.withoutBroadcast(x)), this.product(this.withoutBroadcast(y))];
    const coefficient = left.coefficient * right.coefficient;
    const factors = [...left.factors, ...right.factors];
    const constants = [b.uniformValue(left.core), b.uniformValue(right.core)];
    for (const [core, other, constant] of [
      [left.core, right.core, constants[1]],
      [right.core, left.core, constants[0]],
    ] as const) {
      if (!sameShape(b.shape(core), shape)) continue;
      if (constant !== undefined) return this.materialise({ core, coefficient: coefficient * constant, factors });
      if (sizeOf(b.shape(other)) < sizeOf(shape))
        return this.materialise({ core, coefficient, factors: [...factors, other] });
    }
    const core = b.mul(left.core, right.core);
    return sameShape(b.shape(core), shape) ? this.materialise({ core, coefficient, factors }) : b.mul(x, y);
  }

  private add(x: NodeId, y: NodeId, sign: 1 | -1): NodeId {
    const { builder: b } = this;
    const [left, right] = [this.product(x), this.product(y)];
    const sameFactors =
      left.factors.length === right.factors.length && left.factors.every((factor, i) => factor === right.factors[i]);
    const coefficient = left.coefficient + sign * right.coefficient;
    if (sameFactors && left.core === right.core && coefficient !== 0) return this.materialise({ ...left, coefficient });
    return sign === 1 ? b.add(x, y) : b.sub(x, y);
  }

  private sum(x: NodeId, axes: readonly number[]): NodeId {
    const { builder: b } = this;
    const shape = b.shape(x);
    const { core, coefficient, factors } = this.product(x);
    if (!sameShape(b.shape(core), shape)) return b.sum(x, axes);
    const { operation, inputs } = b.node(core);
    if (operation.op === 'binary' && (operation.fn === 'add' || operation.fn === 'sub') && factors.length === 0) {
      if (inputs.some((input) => this.repeats(input, shape, axes))) {
        const [left, right] = inputs.map((input) => this.sum(b.broadcast(input, shape), axes));
        const total = operation.fn === 'add' ? b.add(left, right) : b.sub(left, right);
        return b.mul(total, b.scalar(coefficient));
      }
    }
    // Sum first over the axes along which every factor that can leave repeats.
    const leaving = factors.filter((factor) => this.repeats(factor, shape, [this.mainOf(axes, shape)]));
    const first = axes.filter((axis) => leaving.every((factor) => this.repeats(factor, shape, [axis])));
    const kept = sizeOf(shape.filter((_, axis) => !first.includes(axis)));
    const inMemory = first.includes(largestAxis(shape)) && first.length < axes.length && kept > unrollLimit;
    if (inMemory || first.length === 0) return b.sum(x, axes);
    const staying = factors.filter((factor) => !leaving.includes(factor));
    const inner = b.reduce('sum', this.materialise({ core, coefficient: 1, factors: staying }), first);
    // Keep the summed axes as 1, so that factors still align.
    const aligned = b.reshape(
      inner,
      shape.map((extent, axis) => (first.includes(axis) ? 1 : extent)),
    );
    const scaled = this.materialise({ core: aligned, coefficient, factors: leaving });
    return b.reduce('sum', scaled, axes);
  }

  private segmentSum(x: NodeId, indices: NodeId, count: number): NodeId {
    const { builder: b } = this;
    const shape = b.shape(x);
    const { core, coefficient, factors } = this.product(x);
    if (!sameShape(b.shape(core), shape)) return b.segmentSum(x, indices, count);
    const leaving = factors.filter((factor) => this.repeats(factor, shape, [0]));
    const staying = factors.filter((factor) => !leaving.includes(factor));
    const sums = b.segmentSum(this.materialise({ core, coefficient: 1, factors: staying }), indices, count);
    return this.materialise({ core: sums, coefficient, factors: leaving });
  }

  /** Whether an array, broadcast to `shape`, is the same all along each of `axes`. */
  private repeats(id: NodeId, shape: Shape, axes: readonly number[]): boolean {
    const own = this.builder.shape(this.withoutBroadcast(id));
    return axes.every((axis) => (own[axis - shape.length + own.length] ?? 1) === 1);
  }

  private mainOf(axes: readonly number[], shape: Shape): number {
    return axes.reduce((best, axis) => (shape[axis] > shape[best] ? axis : best));
  }

  private withoutBroadcast(id: NodeId): NodeId {
    const { operation, inputs } = this.builder.node(id);
    return operation.op === 'broadcast' ? inputs[0] : id;
  }
}
