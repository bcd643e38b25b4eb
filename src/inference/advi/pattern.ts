// Which elements of a position an element's conditional mean depends on: none, all before it, or what a declared hierarchy names.
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import { covarianceNames, type Hierarchy, scaleOf } from '../../models/linearHierarchy/structure.js';
import type { PositionBlock } from '../compiledModel.js';

/** Elements that belong to no group depend on each other, up to this many of them. */
const MOST_DENSE = 64;

/**
 * A directed graph over the elements of a position, numbered from 0, and over sums of elements, numbered after them: a sum is one element
 * plus a linear combination of its parents, so that many children that depend on the same elements need not each name them all.
 */
export interface DependencePattern {
  /** Elements of the position. */
  readonly dimension: number;
  /** Elements that everything else depends on, few enough to be looked at one by one. */
  readonly globals: Int32Array;
  /** The element that each sum adds its combination to. */
  readonly sums: Int32Array;
  /** Every node once, parents (and the element of a sum) before children. */
  readonly order: Int32Array;
  /** Parents of node i are `parents[start[i]] … parents[start[i + 1] − 1]`. */
  readonly start: Int32Array;
  readonly parents: Int32Array;
}

/** No element depends on another. */
export function independent(dimension: number): DependencePattern {
  const order = Array.from({ length: dimension }, (_, i) => i);
  const parents = order.map(() => []);
  return fromLists(dimension, parents, order, dimension <= MOST_DENSE ? order : []);
}

/** Every element depends on all before it. */
export function fullyDependent(dimension: number): DependencePattern {
  const order = Array.from({ length: dimension }, (_, i) => i);
  const parents = order.map((i) => order.slice(0, i));
  return fromLists(dimension, parents, order, dimension <= MOST_DENSE ? order : []);
}

/** Coefficients of a level of groups in the position, `[group][coefficient]` from `offset` on. */
export interface LevelBlock {
  readonly offset: number;
  readonly groups: number;
  readonly size: number;
  /** Group of the next level in the list that each group belongs to; null for the last. */
  readonly parent: ArrayLike<number> | null;
  /** Whether what is sampled are the coefficients themselves, not deviations from their means; default true. */
  readonly isCentred?: boolean;
}

/**
 * A group's coefficients depend on those before them in the group and on the coefficients of the group's parent; those of the last level, and
 * everything else, on the elements that belong to no group. Where the parent's coefficients are sampled as deviations from their mean, a sum
 * stands for each of them.
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
  const parents: (readonly number[])[] = Array.from({ length: dimension }, () => []);
  globals.forEach((i, k) => (parents[i] = globals.slice(0, k)));
  const rest = others.filter((i) => !isGlobal.has(i));
  for (const i of rest) parents[i] = globals;
  const order = [...globals, ...rest];
  const sums: number[] = [];
  for (const levels of terms) {
    /** For each group of the level outside: what its children depend on. */
    let handles: readonly (readonly number[])[] | undefined;
    for (let l = levels.length - 1; l >= 0; l--) {
      const { offset, groups, size, parent, isCentred = true } = levels[l];
      const own: number[][] = [];
      for (let group = 0; group < groups; group++) {
        const above = parent === null || handles === undefined ? globals : handles[parent[group]];
        const members = Array.from({ length: size }, (_, c) => offset + group * size + c);
        members.forEach((i, c) => (parents[i] = [...above, ...members.slice(0, c)]));
        order.push(...members);
        own.push(members);
        if (isCentred || l === 0) continue;
        own[group] = members.map((i) => {
          const sum = dimension + sums.length;
          sums.push(i);
          parents[sum] = above;
          order.push(sum);
          return sum;
        });
      }
      handles = own;
    }
  }
  return fromLists(dimension, parents, order, globals, sums);
}

/** The pattern of a declared hierarchy, in the position whose blocks are given. Throws RangeError where a block is missing. */
export function hierarchyPattern(structure: Hierarchy, blocks: readonly PositionBlock[]): DependencePattern {
  const blockOf = (name: string): PositionBlock => {
    const found = blocks.find((block) => block.name === name);
    if (found === undefined) throw new RangeError(`the structure names ${name}, which is no parameter of the model`);
    return found;
  };
  const terms = structure.terms.map(({ levels }) =>
    levels.map((level) => ({
      offset: blockOf(level.coefficients).offset,
      groups: level.groups,
      size: deviatingCount(level),
      parent: level.parent,
      isCentred: level.centring.every((lambda) => lambda === 1),
    })),
  );
  const named = structure.terms.flatMap(({ levels, population }) => [
    population.name,
    ...levels.flatMap(({ covariance }) => covarianceNames(covariance)),
  ]);
  const scale = scaleOf(structure);
  const dense = [...new Set([...(scale === undefined ? [] : [scale.name]), ...named])].flatMap((name) => {
    const { offset, size } = blockOf(name);
    return Array.from({ length: size }, (_, i) => offset + i);
  });
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  return nestedPattern(dimension, terms, dense.length <= MOST_DENSE ? dense : []);
}

function fromLists(
  dimension: number,
  parents: readonly (readonly number[])[],
  order: readonly number[],
  globals: readonly number[],
  sums: readonly number[] = [],
): DependencePattern {
  const start = new Int32Array(parents.length + 1);
  parents.forEach((list, i) => (start[i + 1] = start[i] + list.length));
  return {
    dimension,
    globals: Int32Array.from(globals),
    sums: Int32Array.from(sums),
    order: Int32Array.from(order),
    start,
    parents: Int32Array.from(parents.flat()),
  };
}
