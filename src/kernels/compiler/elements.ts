// Roots whose elements are computed one by one: stored arrays, scans, small factorisations and solves.
import { type NodeId, stridesOf } from '../program/tensorProgram.js';
import type { Root } from './analysis.js';
import type { Expressions } from './expressions.js';
import { constantIndex, flattenIndices, type Index, variableIndex } from './indexing.js';
import { literal, type Scope, type Value } from './target.js';

/** Code of a root that is no sum over rows, for the position `at` of its loop. */
export function emitElements(e: Expressions, root: Root, at: Index, body: Scope): void {
  switch (root.kind) {
    case 'store':
      return emitStore(e, root, at, body);
    case 'scan':
      return emitScan(e, root, body);
    case 'cholesky':
      return emitCholesky(e, root, at, body);
    case 'triangularSolve':
      return emitTriangularSolve(e, root, at, body);
    default:
      throw new Error(`${root.kind} is summed up, not stored`);
  }
}

function emitStore(e: Expressions, root: Root, at: Index, body: Scope): void {
  const { shape } = e.node(root.node);
  forEachOther(e, shape, root.loopAxis, at, body, (index, scope) => {
    storeElement(e, root.node, index, e.computed(root.node, index, scope), scope);
  });
}

function emitScan(e: Expressions, root: Root, body: Scope): void {
  const { operation, inputs, shape } = e.node(root.node);
  if (operation.op !== 'cumsum') throw new Error('not a scan');
  const { axis, exclusive, reverse } = operation;
  const others = shape.map((extent, k) => (k === axis ? 1 : extent));
  e.forEach(others, body, (start, outer) => {
    const sum = e.target.newAccumulator(e.varies(root.node), 0, outer);
    e.target.loop(outer, shape[axis], (scope, counter) => {
      const forward = variableIndex(counter);
      const place: Index = reverse
        ? { constant: shape[axis] - 1, terms: forward.terms.map((t) => ({ ...t, coefficient: -t.coefficient })) }
        : forward;
      const index = start.map((i, k) => (k === axis ? place : i));
      const value = e.value(inputs[0], index, scope);
      if (exclusive) storeElement(e, root.node, index, sum, scope);
      e.target.accumulate(sum, 'sum', value, scope);
      if (!exclusive) storeElement(e, root.node, index, sum, scope);
    });
  });
}

function emitCholesky(e: Expressions, root: Root, at: Index, body: Scope): void {
  const { inputs, shape } = e.node(root.node);
  const k = shape.at(-1)!;
  const { target } = e;
  forEachOther(e, shape.slice(0, -2), root.loopAxis, at, body, (batch, scope) => {
    const lower: Value[][] = [];
    // Pivots that are not positive, or not numbers, make the whole factor NaN.
    let isDefinite: Value = literal(1);
    for (let i = 0; i < k; i++) {
      lower.push([]);
      for (let j = 0; j <= i; j++) {
        let rest = e.value(inputs[0], [...batch, constantIndex(i), constantIndex(j)], scope);
        for (let p = 0; p < j; p++) {
          rest = target.binary('sub', rest, target.binary('mul', lower[i][p], lower[j][p], scope), scope);
        }
        if (i === j) isDefinite = target.binary('mul', isDefinite, target.binary('greater', rest, zero, scope), scope);
        lower[i].push(i === j ? target.unary('sqrt', rest, scope) : target.binary('div', rest, lower[j][j], scope));
      }
    }
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < k; j++) {
        const index = [...batch, constantIndex(i), constantIndex(j)];
        storeElement(
          e,
          root.node,
          index,
          target.select(isDefinite, j <= i ? lower[i][j] : zero, literal(NaN), scope),
          scope,
        );
      }
    }
  });
}

function emitTriangularSolve(e: Expressions, root: Root, at: Index, body: Scope): void {
  const { operation, inputs, shape } = e.node(root.node);
  if (operation.op !== 'triangularSolve') throw new Error('not a triangular solve');
  const [k, columns] = shape.slice(-2);
  const { target } = e;
  forEachOther(e, shape.slice(0, -2), root.loopAxis, at, body, (batch, outer) => {
    const lower = (i: number, j: number, scope: Scope): Value =>
      e.value(inputs[0], [...batch, constantIndex(i), constantIndex(j)], scope);
    e.forEach([columns], outer, ([column], scope) => {
      const solution: Value[] = [];
      for (let step = 0; step < k; step++) {
        const i = operation.transpose ? k - 1 - step : step;
        let rest = e.value(inputs[1], [...batch, constantIndex(i), column], scope);
        for (let done = 0; done < step; done++) {
          const j = operation.transpose ? k - 1 - done : done;
          const coefficient = operation.transpose ? lower(j, i, scope) : lower(i, j, scope);
          rest = target.binary('sub', rest, target.binary('mul', coefficient, solution[j], scope), scope);
        }
        solution[i] = target.binary('div', rest, lower(i, i, scope), scope);
      }
      for (let i = 0; i < k; i++) {
        storeElement(e, root.node, [...batch, constantIndex(i), column], solution[i], scope);
      }
    });
  });
}

function storeElement(e: Expressions, node: NodeId, index: readonly Index[], value: Value, scope: Scope): void {
  e.target.storeRoot(node, flattenIndices(index, stridesOf(e.node(node).shape)), value, scope);
}

/** All positions of a shape whose `axis` is fixed at `at`. */
function forEachOther(
  e: Expressions,
  shape: readonly number[],
  axis: number,
  at: Index,
  body: Scope,
  visit: (index: readonly Index[], scope: Scope) => void,
): void {
  const others = shape.map((extent, k) => (k === axis ? 1 : extent));
  e.forEach(others, body, (index, scope) =>
    visit(
      index.map((i, k) => (k === axis ? at : i)),
      scope,
    ),
  );
}

const zero: Value = literal(0);
