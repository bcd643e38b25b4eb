// The groups around a population with their coefficients integrated out, element by element: one loop over the groups that stores nothing.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import { columnsAt } from '../../models/linearHierarchy/levelTensors.js';
import type { CovarianceFactor, Information, LevelLinks } from './levels.js';

/** `[group]`; undefined where an element is 0 by its place. */
type Element = tf.Tensor | undefined;

/** Coefficients of a group whose sums fit into the 32 columns that the compiler writes out; and groups that it loops over instead. */
const [mostCoefficients, fewestGroups] = [6, 33];

/** Whether a level can be written out: the means of its groups are the population's coefficients themselves. */
export function canWriteOut(
  { size, parent, covariates }: LevelLinks,
  deviating: readonly number[] | undefined,
  groups: number,
): boolean {
  const isPlain = parent === undefined && covariates === undefined && deviating === undefined;
  return isPlain && size <= mostCoefficients && groups >= fewestGroups;
}

/**
 * What `logIntegral`, and `toLevelAbove` of `integrate`, are of such a level: with C'AC + I = L D L' the groups say exp(−½ m'Hm + h'm) of their mean
 * m, with H = A − Y'D⁻¹Y, Y = L⁻¹C'A, and h = a − Y'D⁻¹w, w = L⁻¹C'a.
 */
export function integrateWrittenOut(
  { precision, shift }: Information,
  c: CovarianceFactor,
): { readonly logIntegral: tf.Tensor; readonly above: Information } {
  const [groups, k] = shift.shape as [number, number];
  const indices = Array.from({ length: k }, (_, i) => i);
  // Of symmetric matrices the lower triangle.
  const a = indices.map((i) =>
    indices.slice(0, i + 1).map((j) => precision.slice([0, i, j], [groups, 1, 1]).reshape([groups])),
  );
  const aAt = (i: number, j: number): tf.Tensor => (i >= j ? a[i][j] : a[j][i]);
  const shifts = indices.map((i) => shift.slice([0, i], [groups, 1]).reshape([groups]));
  const factorAt = (i: number, j: number): tf.Tensor =>
    c.rank === 1 ? c.slice([i], [1]).reshape([]) : c.slice([i, j], [1, 1]).reshape([]);
  const factor = indices.map((i) =>
    indices.map((j): Element => ((c.rank === 1 ? i === j : i >= j) ? factorAt(i, j) : undefined)),
  );
  const transposedTimes = (x: (r: number) => tf.Tensor): tf.Tensor[] =>
    indices.map((i) => some(sum(indices.map((r) => product(factor[r][i], x(r))))));

  const left = transposeOf(indices.map((j) => transposedTimes((r) => aAt(r, j))));
  const inner = (i: number, j: number): tf.Tensor => {
    const own = some(sum(indices.map((r) => product(left[i][r], factor[r][j]))));
    return i === j ? own.add(literal(1)) : own;
  };
  const lower: tf.Tensor[][] = indices.map(() => []);
  const pivots: tf.Tensor[] = [];
  const inversePivots: tf.Tensor[] = [];
  for (const j of indices) {
    const scaled = pivots.map((pivot, m) => lower[j][m].mul(pivot));
    const rest = (i: number): tf.Tensor =>
      minus(
        inner(i, j),
        scaled.map((x, m) => lower[i][m].mul(x)),
      );
    pivots.push(rest(j));
    inversePivots.push(pivots[j].reciprocal());
    for (const i of indices.slice(j + 1)) lower[i][j] = rest(i).mul(inversePivots[j]);
  }
  const solve = (b: readonly tf.Tensor[]): tf.Tensor[] => {
    const solved: tf.Tensor[] = [];
    for (const [i, own] of b.entries())
      solved.push(
        minus(
          own,
          solved.map((x, m) => lower[i][m].mul(x)),
        ),
      );
    return solved;
  };
  const y = indices.map((j) => solve(left.map((row) => row[j])));
  const w = solve(transposedTimes((r) => shifts[r]));
  const scaledY = y.map((own) => own.map((x, m) => x.mul(inversePivots[m])));
  const scaledW = w.map((x, m) => x.mul(inversePivots[m]));

  const dot = (x: readonly tf.Tensor[], z: readonly tf.Tensor[]): tf.Tensor =>
    some(sum(x.map((own, m) => own.mul(z[m]))));
  const triangle = indices.flatMap((i) => indices.slice(0, i + 1).map((j) => [i, j] as const));
  const columns = [
    ...triangle.map(([i, j]) => dot(scaledY[i], y[j])),
    ...indices.map((i) => dot(scaledY[i], w)),
    dot(scaledW, w),
    // Pivots are at least 1, and few.
    pivots.reduce((all, pivot) => all.mul(pivot)).log(),
  ];
  const sums = tf.stack(columns, 1).sum(0, true);
  const at = (i: number, j: number): number => (Math.max(i, j) * (Math.max(i, j) + 1)) / 2 + Math.min(i, j);
  const places = indices.flatMap((i) => indices.map((j) => at(i, j)));
  const [square, logDeterminant] = [0, 1].map((n) => sums.slice([0, triangle.length + k + n], [1, 1]).reshape([]));
  return {
    logIntegral: square.sub(logDeterminant).mul(0.5),
    above: {
      precision: precision.sum(0, true).sub(columnsAt(sums, places).reshape([1, k, k])),
      shift: shift.sum(0, true).sub(sums.slice([0, triangle.length], [1, k])),
    },
  };
}

const product = (x: Element, y: Element): Element => (x === undefined || y === undefined ? undefined : x.mul(y));

function sum(terms: readonly Element[]): Element {
  return terms.reduce((total, term) => (term === undefined || total === undefined ? (term ?? total) : total.add(term)));
}

const some = (x: Element): tf.Tensor => x!;

const minus = (x: tf.Tensor, terms: readonly tf.Tensor[]): tf.Tensor => terms.reduce((left, term) => left.sub(term), x);

const transposeOf = <T>(rows: readonly (readonly T[])[]): T[][] => rows[0].map((_, i) => rows.map((row) => row[i]));
