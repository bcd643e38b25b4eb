// A fixed block on the way up: what the groups say of it and of their means jointly, in sparse columns, entry by entry.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';
import type { HierarchyLevel } from '../../models/linearHierarchy/structure.js';
import { stack, unstack } from './columns.js';
import { crossedColumns, type CrossedData, crossedIndices, crossedNames } from './crossedData.js';
import { type Element, ElementAlgebra, type Elements, type PivotedFactor } from './elements.js';
import { covariatesName } from './marginalData.js';

/** A level's own factors, elements `[group]`: S = C D C', Y = C⁻¹L, w = C⁻¹z; above the units also L, and I + T'PT with C⁻¹T'h. */
export interface LevelFactors {
  readonly level: HierarchyLevel;
  readonly lower: Elements;
  readonly inversePivots: readonly NodeId[];
  readonly y: Elements;
  readonly w: Elements;
  readonly above?: {
    readonly root: Elements;
    readonly factor: Elements;
    readonly inner: PivotedFactor;
    readonly omega: Elements;
  };
}

/** What the mean of a group's coefficients has to do with the columns that it touches: information J, elements `[entry]`. */
export interface CrossedLevel {
  readonly information: readonly NodeId[];
  readonly group: NodeId;
  readonly column: NodeId;
  readonly stored: readonly NodeId[];
}

/** The fixed block's part of the population's posterior. */
export interface CrossedPopulation {
  /** Precision `[free, free]` without the prior, its rows beside the nest's population `[free, K]`, and the score `[free]`. */
  readonly precision: NodeId;
  readonly beside: NodeId;
  readonly score: NodeId;
}

export class CrossedUpward {
  private readonly algebra: ElementAlgebra;
  /** Information on what the next level is to integrate, elements `[entry]`; of the units their columns. */
  private incoming: readonly NodeId[];
  private readonly products: NodeId[] = [];
  private readonly scores: NodeId[] = [];

  constructor(
    private readonly builder: ProgramBuilder,
    private readonly data: CrossedData,
    private readonly variance: NodeId,
  ) {
    this.algebra = new ElementAlgebra(builder);
    this.incoming = unstack(builder, [builder.data(crossedColumns, data.arrays.get(crossedColumns)!.shape)]);
  }

  /** Integrates a level's coefficients out. */
  integrate(l: number, factors: LevelFactors): CrossedLevel {
    const { algebra, builder, data } = this;
    const { level, lower, inversePivots, y, w, above } = factors;
    const { size, groups } = level;
    const group = this.index(crossedNames(l).group);
    const column = this.index(crossedNames(l).column);
    // D^(−½) of everything, so that products need no weights.
    const roots = inversePivots.map((d) => builder.unary('sqrt', d));
    const scaled = (rows: Elements, by: readonly NodeId[]): Elements =>
      rows.map((row, i) => row.map((x) => algebra.product(x, by[i])));
    const stored: NodeId[] = [];
    const ofEntries = (matrix: Elements): Elements => this.gather(matrix, groups, group, stored);
    const projected = above === undefined ? this.incoming : this.project(ofEntries(above.root), this.incoming);
    const c = ofEntries(lower);
    const [r] = ofEntries([roots]);
    const solved = algebra.solveUnit(
      c,
      projected.map((x) => [x]),
    );
    const own = solved.map(([x], i) => algebra.some(algebra.product(x, r[i])));
    const sw = ofEntries(scaled(w, roots));
    if (above === undefined) {
      this.addProducts(l, own, false);
      this.addScore(column, algebra.sum(own.map((x, i) => algebra.product(x, sw[i][0]))));
    } else {
      const innerRoots = above.inner.inversePivots.map((d) => builder.unary('sqrt', d));
      const [ir] = ofEntries([innerRoots]);
      const pulled = algebra.apply(algebra.transpose(above.factor), this.incoming);
      const omega = algebra
        .solveUnit(
          ofEntries(above.inner.lower),
          pulled.map((x) => [x]),
        )
        .map(([x], i) => algebra.some(algebra.product(x, ir[i])));
      const so = ofEntries(scaled(above.omega, innerRoots));
      this.addProducts(l, omega, true);
      this.addScore(column, algebra.minus(undefined, algebra.sum(omega.map((x, i) => algebra.product(x, so[i][0])))));
    }
    const sy = ofEntries(scaled(y, roots));
    const information = algebra.apply(algebra.transpose(sy), own).map((x) => algebra.some(x));
    const arrays = stack(builder, information, data.entries[l].group.length);
    stored.push(...arrays);
    const inMemory = unstack(builder, arrays);
    this.incoming = this.pass(l, level, inMemory, group);
    return { information: inMemory.slice(0, size), group, column, stored };
  }

  /** After the last level. */
  population(): CrossedPopulation {
    const { builder, data, incoming, variance } = this;
    const inverse = builder.unary('reciprocal', variance);
    const withNoise = (values: Float64Array, parts: readonly NodeId[]): NodeId =>
      parts.reduce((a, b) => builder.add(a, b), builder.mul(builder.constant(values, [values.length]), inverse));
    const zero = builder.constant([0], [1]);
    const table = builder.concat([withNoise(data.gram, this.products), zero], 0);
    const at = (name: string): NodeId => builder.gather(table, builder.data(name, [data.free, data.free]));
    const { ownOwn, ownLast, lastOwn, lastLast } = crossedIndices;
    const precision = builder.add(builder.sub(at(ownOwn), builder.add(at(ownLast), at(lastOwn))), at(lastLast));
    const [own, last] = [crossedIndices.own, crossedIndices.last].map((name) => builder.data(name, [data.free]));
    const contrast = (rows: NodeId): NodeId => {
      const more = builder.shape(rows).slice(1);
      const padded = builder.concat([rows, builder.fill(0, [1, ...more])], 0);
      return builder.sub(builder.gather(padded, own), builder.gather(padded, last));
    };
    const column = this.index(crossedNames(data.entries.length - 1).column);
    const besides = stack(builder, incoming, builder.shape(column)[0]).map((array) =>
      builder.segmentSum(array, column, data.all),
    );
    return {
      precision,
      beside: contrast(besides.length === 1 ? besides[0] : builder.concat(besides, 1)),
      score: contrast(withNoise(data.score, this.scores)),
    };
  }

  private index(name: string): NodeId {
    return this.builder.data(name, this.data.arrays.get(name)!.shape);
  }

  /** Elements of groups at the entries; stored, so that each is computed once. */
  private gather(matrix: Elements, groups: number, group: NodeId, stored: NodeId[]): Elements {
    const { builder } = this;
    const there = matrix.flatMap((row) => row.filter((x) => x !== undefined));
    if (there.length === 0) return matrix;
    const arrays = stack(builder, there, groups);
    stored.push(...arrays);
    const columns = unstack(
      builder,
      arrays.map((array) => builder.gather(array, group)),
    );
    let next = 0;
    return matrix.map((row) => row.map((x) => (x === undefined ? undefined : columns[next++])));
  }

  /** f with L'f = J, 0 where L has a row of zeros. */
  private project(root: Elements, information: readonly NodeId[]): NodeId[] {
    const { algebra, builder } = this;
    const k = root.length;
    const [zero, one] = [builder.scalar(0), builder.scalar(1)];
    const result = Array<NodeId>(k).fill(zero);
    for (let j = k - 1; j >= 0; j--) {
      const pivot = algebra.some(root[j][j]);
      const isRegular = builder.binary('greater', pivot, zero);
      const inverse = builder.select(
        isRegular,
        builder.unary('reciprocal', builder.select(isRegular, pivot, one)),
        zero,
      );
      const known = algebra.sum(result.map((f, m) => (m > j ? algebra.product(root[m][j], f) : undefined)));
      result[j] = algebra.some(algebra.product(algebra.minus(information[j], known), inverse));
    }
    return result;
  }

  private addProducts(l: number, vectors: readonly NodeId[], isTaken: boolean): void {
    const { builder, data } = this;
    const { first, second, place } = crossedNames(l);
    const arrays = stack(builder, vectors, data.entries[l].group.length);
    const at = (name: string): NodeId[] =>
      unstack(
        builder,
        arrays.map((array) => builder.gather(array, this.index(name))),
      );
    const [a, b] = [at(first), at(second)];
    const product = this.algebra.some(this.algebra.sum(a.map((x, i) => builder.mul(x, b[i]))));
    const sums = builder.segmentSum(product, this.index(place), data.gram.length);
    this.products.push(isTaken ? builder.neg(sums) : sums);
  }

  private addScore(column: NodeId, values: Element): void {
    this.scores.push(this.builder.segmentSum(this.algebra.some(values), column, this.data.all));
  }

  /** J ⊗ z, summed over the entries that are part of one entry of the next level. */
  private pass(l: number, level: HierarchyLevel, information: readonly NodeId[], group: NodeId): NodeId[] {
    const { builder, data } = this;
    const { groups, covariateCount: q, covariates } = level;
    const isConstant = q === 1 && covariates.every((z) => z === 1);
    const z = isConstant
      ? undefined
      : unstack(builder, [builder.gather(builder.data(covariatesName(l), [groups, q]), group)]);
    const expanded =
      z === undefined ? [...information] : information.flatMap((x) => z.map((own) => builder.mul(x, own)));
    if (data.entries[l].outer === null) return expanded;
    const outer = this.index(crossedNames(l).outer);
    const count = data.entries[l + 1].group.length;
    const arrays = stack(builder, expanded, data.entries[l].group.length);
    return unstack(
      builder,
      arrays.map((array) => builder.segmentSum(array, outer, count)),
    );
  }
}
