// Which elements of a position an element's conditional mean depends on: none, all before it, or those that a declared hierarchy names.
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { PositionBlock } from '../compiledModel.js';

/** A directed graph over the elements of a position. */
export interface DependencePattern {
  /** Every element once, parents before children. */
  readonly order: Int32Array;
  /** Parents of element i are `parents[start[i]] … parents[start[i + 1] − 1]`. */
  readonly start: Int32Array;
  readonly parents: Int32Array;
}

/** No element depends on another. */
export function independent(dimension: number): DependencePattern {
  return {
    order: Int32Array.from({ length: dimension }, (_, i) => i),
    start: new Int32Array(dimension + 1),
    parents: new Int32Array(0),
  };
}

/** Every element depends on all before it. */
export function fullyDependent(dimension: number): DependencePattern {
  const parents = Array.from({ length: dimension }, (_, i) => Array.from({ length: i }, (__, j) => j));
  return fromLists(parents, { length: dimension });
}

/** Coefficients of a level of groups in the position, `[group][coefficient]` from `offset` on. */
export interface LevelBlock {
  readonly offset: number;
  readonly groups: number;
  readonly size: number;
  /** Group of the next level in the list that each group belongs to; null for the last. */
  readonly parent: ArrayLike<number> | null;
}

/** Elements that belong to no group depend on each other, up to this many of them. */
const MOST_DENSE = 64;

/**
 * A group's coefficients depend on those before them in the group and on the coefficients of the group's parent; those of the last level, and
 * everything else, on the elements that belong to no group.
 * @param terms for each nested term its levels, from the innermost outwards
 * @param dense elements of no group that others depend on; default all, where there are at most 64
 */
export function nestedPattern(
  dimension: number,
  terms: readonly (readonly LevelBlock[])[],
  dense?: readonly number[],
): DependencePattern {
  const inGroups = new Uint8Array(dimension);
  for (const { offset, groups, size } of terms.flat()) inGroups.fill(1, offset, offset + groups * size);
  const others = Array.from({ length: dimension }, (_, i) => i).filter((i) => inGroups[i] === 0);
  const globals = dense ?? (others.length <= MOST_DENSE ? others : []);
  const isGlobal = new Set(globals);
  const parents: number[][] = Array.from({ length: dimension }, () => []);
  globals.forEach((i, k) => (parents[i] = globals.slice(0, k)));
  const rest = others.filter((i) => !isGlobal.has(i));
  for (const i of rest) parents[i] = [...globals];
  const order = [...globals, ...rest];
  for (const levels of terms) {
    for (let l = levels.length - 1; l >= 0; l--) {
      const { offset, groups, size, parent } = levels[l];
      const outer = levels.at(l + 1);
      for (let group = 0; group < groups; group++) {
        const above =
          parent === null || l + 1 >= levels.length
            ? globals
            : Array.from({ length: outer!.size }, (_, c) => outer!.offset + parent[group] * outer!.size + c);
        for (let c = 0; c < size; c++) {
          const i = offset + group * size + c;
          parents[i] = [...above, ...Array.from({ length: c }, (_, k) => i - c + k)];
          order.push(i);
        }
      }
    }
  }
  return fromLists(parents, order);
}

/** The pattern of a declared hierarchy, in the position whose blocks are given. Throws RangeError where a block is missing. */
export function hierarchyPattern(structure: LinearHierarchy, blocks: readonly PositionBlock[]): DependencePattern {
  const blockOf = (name: string): PositionBlock => {
    const found = blocks.find((block) => block.name === name);
    if (found === undefined) throw new RangeError(`the structure names ${name}, which is no parameter of the model`);
    return found;
  };
  const terms = structure.terms.map(({ levels }) =>
    levels.map(({ coefficients, groups, size, parent }) => ({
      offset: blockOf(coefficients).offset,
      groups,
      size,
      parent,
    })),
  );
  const named = structure.terms.flatMap(({ levels, population }) => [
    population.name,
    ...levels.flatMap(({ covariance }) => [
      covariance.sds,
      ...(covariance.cholesky === undefined ? [] : [covariance.cholesky]),
    ]),
  ]);
  const dense = [...new Set([structure.errors.sigma, ...named])].flatMap((name) => {
    const { offset, size } = blockOf(name);
    return Array.from({ length: size }, (_, i) => offset + i);
  });
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  return nestedPattern(dimension, terms, dense.length <= MOST_DENSE ? dense : []);
}

function fromLists(parents: readonly (readonly number[])[], order: ArrayLike<number>): DependencePattern {
  const start = new Int32Array(parents.length + 1);
  parents.forEach((list, i) => (start[i + 1] = start[i] + list.length));
  return {
    order: Array.isArray(order) ? Int32Array.from(order as number[]) : Int32Array.from(parents.keys()),
    start,
    parents: Int32Array.from(parents.flat()),
  };
}
