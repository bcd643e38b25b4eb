// Ancestors in a pattern of dependence, and what an element inherits of the noise of each.
import type { DependencePattern } from './pattern.js';

export class Lineage {
  /** Nodes before each node that it depends on, directly or not, in an order that the node's siblings share. */
  private readonly ancestors = new Map<number, Int32Array>();
  /** By last parent: the last node that ended with it. */
  private readonly likeNodes = new Map<number, number>();
  /** The elements among ancestors. */
  private readonly elements = new WeakMap<Int32Array, Int32Array>();
  private readonly weights: Float64Array;
  private readonly rank: Int32Array;
  /** By node: the last one, plus 1, among whose ancestors it was put. */
  private readonly marks: Int32Array;

  constructor(private readonly pattern: DependencePattern) {
    const { order } = pattern;
    this.weights = new Float64Array(order.length);
    this.rank = new Int32Array(order.length);
    this.marks = new Int32Array(order.length);
    order.forEach((node, k) => (this.rank[node] = k));
  }

  /** Elements that an element depends on, directly or not. */
  elementsBefore(element: number): Int32Array {
    const all = this.ancestorsOf(element);
    if (this.pattern.sums.length === 0) return all;
    let found = this.elements.get(all);
    if (found === undefined) {
      found = all.filter((node) => node < this.pattern.dimension);
      this.elements.set(all, found);
    }
    return found;
  }

  /** Row of the factor L of the covariance, u = μ + L ε: how an element depends on the noise of itself and of each ancestor. */
  factorRow(phi: Float64Array, element: number): Map<number, number> {
    const { weights, rank } = this;
    const { dimension, sums, start, parents } = this.pattern;
    const row = new Map<number, number>();
    const nodes = [element, ...this.ancestorsOf(element)];
    for (const node of nodes) weights[node] = 0;
    weights[element] = 1;
    // Children before parents: the weight of a node is complete when its turn comes.
    nodes.sort((a, b) => rank[b] - rank[a]);
    for (const node of nodes) {
      const weight = weights[node];
      if (node < dimension) row.set(node, weight * Math.exp(phi[dimension + node]));
      else weights[sums[node - dimension]] += weight;
      for (let e = start[node]; e < start[node + 1]; e++) weights[parents[e]] += weight * phi[2 * dimension + e];
    }
    return row;
  }

  private ancestorsOf(node: number): Int32Array {
    const known = this.ancestors.get(node);
    if (known !== undefined) return known;
    const list = this.listLikeOthers(node) ?? this.collect(node);
    this.ancestors.set(node, list);
    return list;
  }

  /** Ancestors where all of them are known from a node with the same parents, or with all of them but the last, which is that node. */
  private listLikeOthers(node: number): Int32Array | undefined {
    const { dimension, start, parents } = this.pattern;
    const [from, to] = [start[node], start[node + 1]];
    if (node >= dimension || from === to) return undefined;
    const last = parents[to - 1];
    const like = this.likeNodes.get(last);
    this.likeNodes.set(last, node);
    if (like !== undefined && this.haveSameParents(like, node, to - from)) return this.ancestors.get(like);
    if (last >= dimension || !this.haveSameParents(last, node, to - from - 1)) return undefined;
    const before = this.ancestorsOf(last);
    const list = new Int32Array(before.length + 1);
    list.set(before);
    list[before.length] = last;
    return list;
  }

  /** Whether the parents of a node are the first `count` of another's. */
  private haveSameParents(node: number, other: number, count: number): boolean {
    const { start, parents } = this.pattern;
    if (start[node + 1] - start[node] !== count) return false;
    for (let e = start[node], f = start[other]; e < start[node + 1]; e++, f++) {
      if (parents[e] !== parents[f]) return false;
    }
    return true;
  }

  private collect(node: number): Int32Array {
    const { dimension, sums, start, parents } = this.pattern;
    const own = Array.from(parents.subarray(start[node], start[node + 1]));
    if (node >= dimension) own.unshift(sums[node - dimension]);
    // Looking further marks others for themselves: all of it before the marks of this node.
    const further = own.map((parent) => this.ancestorsOf(parent));
    const found: number[] = [];
    const add = (ancestor: number): void => {
      if (this.marks[ancestor] === node + 1) return;
      this.marks[ancestor] = node + 1;
      found.push(ancestor);
    };
    own.forEach((parent, k) => {
      further[k].forEach(add);
      add(parent);
    });
    return Int32Array.from(found);
  }
}
