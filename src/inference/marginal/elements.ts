// Matrices whose elements are nodes of a tensor program: arithmetic on many small matrices at once, written out element by element.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';

/** A node, scalar or `[group]`; undefined where an element is 0 by its place. */
export type Element = NodeId | undefined;
/** `[row][column]`. */
export type Elements = readonly (readonly Element[])[];

/** S = C D C' with C unit lower triangular. */
export interface PivotedFactor {
  /** Below the diagonal; the diagonal is 1. */
  readonly lower: Elements;
  readonly pivots: readonly NodeId[];
  readonly inversePivots: readonly NodeId[];
}

/** See `squareRoot`. */
export interface SquareRoot {
  /** `[count][k]` and `[count]`. */
  readonly lower: Elements;
  readonly projected: readonly Element[];
  /** `[k − count][k − count]` and `[k − count]`. */
  readonly rest: Elements;
  readonly restScore: readonly Element[];
}

/** Writes out products and factors with one builder. */
export class ElementAlgebra {
  constructor(readonly builder: ProgramBuilder) {}

  /** Sum of what there is; undefined when there is nothing. */
  sum(terms: readonly Element[]): Element {
    let total: Element;
    for (const term of terms) {
      if (term === undefined) continue;
      total = total === undefined ? term : this.builder.add(total, term);
    }
    return total;
  }

  product(...factors: readonly Element[]): Element {
    let total: Element;
    for (const factor of factors) {
      if (factor === undefined) return undefined;
      total = total === undefined ? factor : this.builder.mul(total, factor);
    }
    return total;
  }

  /** a − b. */
  minus(a: Element, b: Element): Element {
    if (b === undefined) return a;
    return a === undefined ? this.builder.neg(b) : this.builder.sub(a, b);
  }

  /** What is certainly there: a literal 0 where it is not. */
  some(x: Element): NodeId {
    return x ?? this.builder.scalar(0);
  }

  matrix(rows: number, columns: number, element: (i: number, j: number) => Element): Elements {
    return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => element(i, j)));
  }

  /** A symmetric matrix from its lower triangle, whose elements are made once. */
  symmetric(size: number, element: (i: number, j: number) => Element): Elements {
    const half = Array.from({ length: size }, (_, i) => Array.from({ length: i + 1 }, (__, j) => element(i, j)));
    return this.matrix(size, size, (i, j) => (i >= j ? half[i][j] : half[j][i]));
  }

  /** A B. */
  multiply(a: Elements, b: Elements): Elements {
    return this.matrix(a.length, b[0].length, (i, j) => this.sum(a[i].map((x, m) => this.product(x, b[m][j]))));
  }

  /** A A', whose lower triangle alone is computed. */
  outer(a: Elements): Elements {
    return this.symmetric(a.length, (i, j) => this.sum(a[i].map((x, m) => this.product(x, a[j][m]))));
  }

  transpose(a: Elements): Elements {
    return this.matrix(a[0].length, a.length, (i, j) => a[j][i]);
  }

  /** A x. */
  apply(a: Elements, x: readonly Element[]): Element[] {
    return a.map((row) => this.sum(row.map((value, m) => this.product(value, x[m]))));
  }

  /** x'S x of a symmetric matrix: each element below the diagonal once. */
  quadratic(s: Elements, x: readonly Element[]): Element {
    const two = this.builder.scalar(2);
    const parts = x.map((own, i) => {
      const below = this.sum(s[i].slice(0, i).map((element, j) => this.product(element, x[j])));
      return this.product(own, this.sum([this.product(s[i][i], own), this.product(below, two)]));
    });
    return this.sum(parts);
  }

  /** C D C' of a symmetric positive definite matrix. */
  factor(s: Elements): PivotedFactor {
    const k = s.length;
    const lower: Element[][] = s.map(() => Array<Element>(k).fill(undefined));
    const pivots: NodeId[] = [];
    const inversePivots: NodeId[] = [];
    for (let j = 0; j < k; j++) {
      const scaled = pivots.map((d, m) => this.product(lower[j][m], d));
      const rest = (i: number): Element =>
        this.minus(s[i][j], this.sum(scaled.map((x, m) => this.product(lower[i][m], x))));
      pivots.push(this.some(rest(j)));
      inversePivots.push(this.builder.unary('reciprocal', pivots[j]));
      for (let i = j + 1; i < k; i++) lower[i][j] = this.product(rest(i), inversePivots[j]);
    }
    return { lower, pivots, inversePivots };
  }

  /** C⁻¹ B for a unit lower triangular C. */
  solveUnit(lower: Elements, b: Elements): Elements {
    const rows: Element[][] = [];
    for (const [i, own] of b.entries()) {
      rows.push(
        own.map((value, j) => this.minus(value, this.sum(rows.map((row, m) => this.product(lower[i][m], row[j]))))),
      );
    }
    return rows;
  }

  /** C'⁻¹ x for a unit lower triangular C. */
  solveUnitTransposed(lower: Elements, x: readonly Element[]): Element[] {
    const result = Array<Element>(x.length).fill(undefined);
    for (let i = x.length - 1; i >= 0; i--) {
      const known = result.map((value, m) => (m > i ? this.product(lower[m][i], value) : undefined));
      result[i] = this.minus(x[i], this.sum(known));
    }
    return result;
  }

  /** A' diag(d) B; symmetric where B is A. */
  weighted(a: Elements, d: readonly NodeId[], b: Elements): Elements {
    const scaled = b.map((row, m) => row.map((x) => this.product(x, d[m])));
    const element = (i: number, j: number): Element => this.sum(a.map((row, m) => this.product(row[i], scaled[m][j])));
    return a === b ? this.symmetric(a[0].length, element) : this.matrix(a[0].length, b[0].length, element);
  }

  /**
   * Lower triangular L and z with P = L'L and L'z = h, P symmetric positive semi-definite: rows of 0 where P is singular. Of the rows only the
   * last `count`, with P and h less what these rows make of them.
   */
  squareRoot(p: Elements, h: readonly Element[], count: number): SquareRoot {
    const { builder } = this;
    const k = p.length;
    const zero = builder.scalar(0);
    const lower: Element[][] = p.map(() => Array<Element>(k).fill(undefined));
    const projected = Array<Element>(k).fill(undefined);
    const first = k - count;
    for (let j = k - 1; j >= first; j--) {
      const below = Array.from({ length: k - 1 - j }, (_, m) => j + 1 + m);
      const rest = (i: number): Element =>
        this.minus(p[j][i], this.sum(below.map((m) => this.product(lower[m][j], lower[m][i]))));
      const pivot = this.some(rest(j));
      const isRegular = builder.binary('greater', pivot, builder.mul(this.some(p[j][j]), builder.scalar(singular)));
      const root = builder.unary('sqrt', builder.select(isRegular, pivot, builder.scalar(1)));
      lower[j][j] = builder.select(isRegular, root, zero);
      const inverse = builder.select(isRegular, builder.unary('reciprocal', root), zero);
      for (let i = 0; i < j; i++) lower[j][i] = this.product(rest(i), inverse);
      const known = this.sum(below.map((m) => this.product(lower[m][j], projected[m])));
      projected[j] = this.product(this.minus(h[j], known), inverse);
    }
    const rows = Array.from({ length: count }, (_, m) => first + m);
    const less = (own: Element, of: (m: number) => Element): Element => this.minus(own, this.sum(rows.map(of)));
    return {
      lower: lower.slice(first),
      projected: projected.slice(first),
      rest: this.symmetric(first, (i, j) => less(p[i][j], (m) => this.product(lower[m][i], lower[m][j]))),
      restScore: Array.from({ length: first }, (_, i) => less(h[i], (m) => this.product(lower[m][i], projected[m]))),
    };
  }

  /** Σ log of positive nodes, few logarithms for many of them. */
  logProduct(factors: readonly NodeId[]): NodeId {
    const { builder } = this;
    const logs: NodeId[] = [];
    for (let first = 0; first < factors.length; first += factorsPerLog) {
      const product = factors.slice(first, first + factorsPerLog).reduce((a, b) => builder.mul(a, b));
      logs.push(builder.unary('log', product));
    }
    return logs.reduce((a, b) => builder.add(a, b));
  }
}

/** A pivot of this share of its diagonal element is rounding. */
const singular = 1e-13;
/** Pivots between 1e-50 and 1e50 cannot overflow. */
const factorsPerLog = 6;
