// From the population back to the units: the derivative of the marginal log density, one pass without differentiating anything.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';
import { deviatingOf, outerPlaces } from '../../models/linearHierarchy/links.js';
import type { HierarchyLevel } from '../../models/linearHierarchy/structure.js';
import { lowerTriangle, scalars, stack, triangleIndex, unstack } from './columns.js';
import { type Element, ElementAlgebra, type Elements } from './elements.js';
import { type MarginalData, parentName } from './marginalData.js';
import { isFull } from './scales.js';
import { covariateColumns, type Upward, type UpwardLevel } from './upward.js';

export interface Downward {
  /** ∂ log p / ∂ log σ; where the units' sums were given, beside them. */
  readonly logSigma: NodeId;
  /** By level from the first on ∂ log p / ∂ T, in the shape of the factor: `[k]` or `[k, k]`. */
  readonly factors: readonly NodeId[];
  /** ∂ log p / ∂ prior standard deviations, `[K]`. */
  readonly priorSds: NodeId;
  /** ∂ log p / ∂ the units' sums, in their shapes, where these were given: of scores the posterior means of what they are scores of, of precisions −½ times second moments. */
  readonly unitSums: readonly NodeId[];
  /** Arrays to be outputs of the program, so that they are computed once. */
  readonly stored: readonly NodeId[];
}

/** Posterior mean and covariance of what the means of a level's groups are made of; elements `[group]`, or scalars. */
interface Outer {
  readonly mean: readonly NodeId[];
  /** Lower triangle, row by row. */
  readonly covariance: readonly NodeId[];
}

/**
 * ∂ log p / ∂Σ of a level is A = ½ Σ over its groups of r r' − H + H C H, r = k − H m, with m and C the posterior mean and covariance of
 * the mean of the group's coefficients; ∂ log p / ∂T = 2 A T. The derivative by log σ follows from homogeneity: with all variances
 * multiplied by c, −2 log p changes by N log c, and Q is divided by c.
 */
export function downward(builder: ProgramBuilder, data: MarginalData, up: Upward, priorSds: NodeId): Downward {
  const algebra = new ElementAlgebra(builder);
  const first = up.firstLevel;
  const factors: NodeId[] = [];
  const stored: NodeId[] = [];
  const { mean, covariance, logSlopes } = populationPosterior(builder, data, up, priorSds);
  let outer: Outer = { mean, covariance };
  // 2 tr(A Σ) of all levels and of the population's prior.
  const scaleDerivatives: NodeId[] = [builder.sum(logSlopes)];
  for (let l = up.levels.length - 1 + first; l >= first; l--) {
    const own = up.levels[l - first];
    const { level, precision: h, score } = own;
    const { groups, size } = level;
    const deviating = deviatingOf(level);
    const count = deviating.length;
    const { mean: m, covariance: c } = meanPosterior(builder, algebra, own, l, outer);
    const hm = algebra.apply(h, m);
    const r = score.map((x, i) => (deviating.includes(i) ? algebra.minus(x, hm[i]) : undefined));
    const ch = isFull(level) ? algebra.multiply(c, h) : undefined;
    const hch = (i: number, j: number): Element =>
      ch === undefined ? algebra.quadratic(c, h[i]) : algebra.sum(h[i].map((x, a) => algebra.product(x, ch[a][j])));
    const places = isFull(level)
      ? lowerTriangle(count)
      : Array.from({ length: count }, (_, i): [number, number] => [i, i]);
    const columns = places.map((place) => {
      const [i, j] = place.map((at) => deviating[at]);
      return algebra.some(algebra.minus(algebra.sum([algebra.product(r[i], r[j]), hch(i, j)]), h[i][j]));
    });
    // 2A.
    const sums = scalars(
      builder,
      stack(builder, columns, groups).map((array) => builder.sum(array, [0])),
    );
    const twiceA = algebra.matrix(count, count, (i, j) =>
      isFull(level) ? sums[triangleIndex(i, j)] : i === j ? sums[i] : undefined,
    );
    const factor = deviating.map((i) => deviating.map((j) => own.factor[i][j]));
    const slope = algebra.multiply(twiceA, factor);
    const flat = slope.flatMap((row, i) =>
      isFull(level) ? row.map((x, j) => algebra.some(j <= i ? x : undefined)) : [algebra.some(row[i])],
    );
    const vector = builder.concat(
      flat.map((x) => builder.reshape(x, [1])),
      0,
    );
    factors.unshift(isFull(level) ? builder.reshape(vector, [count, count]) : vector);
    for (const [i, row] of slope.entries()) {
      for (const [j, x] of row.entries()) {
        const derivative = algebra.product(x, factor[i][j]);
        if (derivative !== undefined) scaleDerivatives.push(derivative);
      }
    }
    if (l === 0) break;
    const posterior = groupPosterior(algebra, own, m, c, r);
    const arrays = stack(builder, [...posterior.mean, ...posterior.covariance], groups);
    stored.push(...arrays);
    if (l === first) {
      const own = unstack(builder, arrays);
      outer = { mean: own.slice(0, size), covariance: own.slice(size) };
      break;
    }
    const parent = builder.data(parentName(l - 1), [up.levels[l - 1 - first].level.groups]);
    const gathered = unstack(
      builder,
      arrays.map((array) => builder.gather(array, parent)),
    );
    outer = { mean: gathered.slice(0, size), covariance: gathered.slice(size) };
  }
  const ofPriorSds = builder.div(logSlopes, priorSds);
  if (first === 1) {
    const unitSums = sumSlopes(builder, up, outer);
    return { logSigma: up.logSigmaBesideUnits, factors, priorSds: ofPriorSds, unitSums, stored };
  }
  const logSigma = builder.sub(
    builder.sub(up.quadratic, builder.scalar(data.rows)),
    scaleDerivatives.reduce((a, b) => builder.add(a, b)),
  );
  return { logSigma, factors, priorSds: ofPriorSds, unitSums: [], stored };
}

/** See `Downward.unitSums`. */
function sumSlopes(builder: ProgramBuilder, { units }: Upward, { mean, covariance }: Outer): NodeId[] {
  const [half, one] = [builder.scalar(-0.5), builder.scalar(-1)];
  const slopes = [
    ...lowerTriangle(mean.length).map(([i, j], at) => {
      const moment = builder.add(covariance[at], builder.mul(mean[i], mean[j]));
      return builder.mul(moment, i === j ? half : one);
    }),
    ...mean,
  ];
  const [shape] = units.sums.map((array) => builder.shape(array));
  if (shape.length === 2) return stack(builder, slopes, shape[0]);
  // Of one level: vectors.
  return stack(builder, slopes, 1).map((array) => builder.reshape(array, [builder.shape(array)[1]]));
}

/** Δ̂, Λ⁻¹, and ∂ log p / ∂ log d_i = ((Δ̂ − μ0)_i² + (Λ⁻¹)_ii) / d_i² − 1, whose sum is 2 tr(A D0). */
function populationPosterior(builder: ProgramBuilder, data: MarginalData, up: Upward, priorSds: NodeId) {
  const { factor, populationMean } = up;
  const [size] = builder.shape(populationMean);
  const covarianceMatrix = factor.inverse();
  const entry = (i: number, j: number): NodeId => builder.reshape(builder.slice(covarianceMatrix, [i, j], [1, 1]), []);
  const variances = builder.mul(priorSds, priorSds);
  const deviation = builder.sub(populationMean, builder.constant(data.priorMeans, [size]));
  const diagonal = builder.concat(
    Array.from({ length: size }, (_, i) => builder.reshape(entry(i, i), [1])),
    0,
  );
  const second = builder.add(builder.mul(deviation, deviation), diagonal);
  return {
    mean: scalars(builder, [populationMean]),
    covariance: lowerTriangle(size).map(([i, j]) => entry(i, j)),
    logSlopes: builder.sub(builder.div(second, variances), builder.scalar(1)),
  };
}

/** Posterior mean and covariance of the means of a level's coefficients: those of the regression, at each group's covariates. */
function meanPosterior(
  builder: ProgramBuilder,
  algebra: ElementAlgebra,
  { level }: UpwardLevel,
  l: number,
  outer: Outer,
): { readonly mean: readonly Element[]; readonly covariance: Elements } {
  const z = covariateColumns(builder, l, level);
  const branches = branchesOf(level);
  const covariance = algebra.symmetric(level.size, (i, j) => {
    const inner = branches[i].map(({ place: a }) =>
      algebra.sum(
        branches[j].map(({ place: b, covariate }) =>
          algebra.product(outer.covariance[triangleIndex(a, b)], z[covariate]),
        ),
      ),
    );
    return algebra.sum(inner.map((x, n) => algebra.product(x, z[branches[i][n].covariate])));
  });
  return { mean: regressionMean(algebra, level, z, outer.mean), covariance };
}

/** By coefficient the places in the next level of its mean's regression, and the covariate of each. */
function branchesOf(level: HierarchyLevel): { readonly place: number; readonly covariate: number }[][] {
  const branches: { place: number; covariate: number }[][] = Array.from({ length: level.size }, () => []);
  for (const [place, { coefficient, covariate }] of outerPlaces(level).entries())
    branches[coefficient].push({ place, covariate });
  return branches;
}

/** Γ z. */
export function regressionMean(
  algebra: ElementAlgebra,
  level: HierarchyLevel,
  z: readonly NodeId[],
  coefficients: readonly NodeId[],
): Element[] {
  return branchesOf(level).map((own) =>
    algebra.sum(own.map(({ place, covariate }) => algebra.product(coefficients[place], z[covariate]))),
  );
}

/** Posterior mean m + Σ r and covariance V + F C F' of a group's own coefficients, with V = T (I + T'PT)⁻¹ T' and F = I − Σ H. */
function groupPosterior(
  algebra: ElementAlgebra,
  { factor, precision, inner, level: { size } }: UpwardLevel,
  m: readonly Element[],
  c: Elements,
  r: readonly Element[],
): Outer {
  const { builder } = algebra;
  const covariance = algebra.outer(factor);
  const mean = algebra.apply(covariance, r).map((x, i) => algebra.some(algebra.sum([m[i], x])));
  const { lower, inversePivots } = inner();
  const b = algebra.solveUnit(lower, algebra.transpose(factor));
  const v = algebra.weighted(b, inversePivots, b);
  const product = algebra.multiply(covariance, precision);
  const f = algebra.matrix(size, size, (i, j) => algebra.minus(i === j ? builder.scalar(1) : undefined, product[i][j]));
  const fc = algebra.multiply(f, c);
  const places = lowerTriangle(size);
  return {
    mean,
    covariance: places.map(([i, j]) =>
      algebra.some(algebra.sum([v[i][j], ...fc[i].map((x, a) => algebra.product(x, f[j][a]))])),
    ),
  };
}
