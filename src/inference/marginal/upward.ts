// From the units to the population: what each group says of the mean of its coefficients, with its own integrated out.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';
import { deviatingCount, deviatingOf, outerPlaces, outerSize } from '../../models/linearHierarchy/links.js';
import type { HierarchyLevel, NestedTerm } from '../../models/linearHierarchy/structure.js';
import { BlockedCholesky } from './blockedCholesky.js';
import { lowerTriangle, scalars, stack, triangleIndex, unstack } from './columns.js';
import { type CrossedLevel, type CrossedPopulation, CrossedUpward, type LevelFactors } from './crossedUpward.js';
import { type Element, ElementAlgebra, type Elements, type PivotedFactor } from './elements.js';
import { covariatesName, type MarginalData, parentName, rowOrder, unitData } from './marginalData.js';
import { inMemory } from './information.js';
import { isFull } from './scales.js';

/** A level with its coefficients integrated out; elements are `[group]`. */
export interface UpwardLevel {
  readonly level: HierarchyLevel;
  /** Factor T of the covariance, TT' = Σ: a diagonal, or lower triangular; empty where a coefficient does not deviate. */
  readonly factor: Elements;
  /**
   * As a function of the mean m of a group's coefficients, log p = −½ (m'Hm − 2k'm) + …: H and k, read from memory. Of coefficients that do not
   * deviate there is what they have to do with those that do.
   */
  readonly precision: Elements;
  readonly score: readonly Element[];
  /** Arrays `[group][column]` that hold H and k; outputs of the program, so that they are computed once. */
  readonly stored: readonly NodeId[];
  /** What a fixed block has to do with the mean; undefined where there is none. */
  readonly crossed: CrossedLevel | undefined;
  /** I + T'PT, P what the data below say of the coefficients; by demand, as not every program needs it. */
  readonly inner: () => PivotedFactor;
}

/** What the units say of all that is above them. */
export interface UnitSums {
  /** H ⊗ zz' and k ⊗ z in columns, at most 32 of them an array, summed over the units of each group above: `[group][column]`; of a single level over all: `[column]`. */
  readonly sums: readonly NodeId[];
  /** What they add to −2 log p beside it: Σ log |S| + Σ q, a scalar. */
  readonly rest: NodeId;
}

/** The population's posterior given the scales, and the log density of the data. */
export interface Upward {
  /** From the first level on: 0, or 1 where the units' sums were given. */
  readonly levels: readonly UpwardLevel[];
  readonly firstLevel: 0 | 1;
  readonly units: UnitSums;
  /** Λ, precision of the population and, after it, of the fixed block's free coefficients, `[K, K]`; its factor; and η, `[K]`. */
  readonly precision: NodeId;
  readonly factor: BlockedCholesky;
  readonly score: NodeId;
  /** Its mean Δ̂, `[K]`, counted from the shift. */
  readonly populationMean: NodeId;
  /** ∂ log p / ∂ log σ given the units' sums. */
  readonly logSigmaBesideUnits: NodeId;
  /** Q: the quadratic form of all data and the population's prior. */
  readonly quadratic: NodeId;
  /** log p(y | scales), and what it is without −½ log |Λ| + ½ η'Λ⁻¹η. */
  readonly logDensity: NodeId;
  readonly remainder: NodeId;
}

export interface ScaleNodes {
  readonly sigma: NodeId;
  /** By level: `[k]`, or `[k, k]`. */
  readonly factors: readonly NodeId[];
  /** Prior standard deviations of the population and, after it, of the fixed block's free coefficients, `[K]`. */
  readonly priorSds: NodeId;
}

/** @param given what the units say, where that is known without them; there is no fixed block then */
export function upward(
  builder: ProgramBuilder,
  term: NestedTerm,
  data: MarginalData,
  { sigma, factors, priorSds }: ScaleNodes,
  given?: UnitSums,
): Upward {
  const algebra = new ElementAlgebra(builder);
  const variance = builder.mul(sigma, sigma);
  const levels: UpwardLevel[] = [];
  const fixedBlock = data.crossed && new CrossedUpward(builder, data.crossed, variance);
  // −2 log density, less what the population adds; and Q.
  const logDeterminants: NodeId[] = [];
  const quadratics: NodeId[] = [builder.div(builder.scalar(data.residualSumOfSquares), variance)];
  let units = given;
  let known = given === undefined ? unitFactorElements(builder, algebra, data, term.levels[0]) : undefined;
  for (const [l, level] of term.levels.entries()) {
    const { groups, size } = level;
    const outside = outerSize(level);
    let sums: readonly NodeId[];
    if (l === 0 && given !== undefined) {
      quadratics.push(given.rest);
      sums = given.sums;
    } else {
      const { root, projected, rest, restScore } = known!;
      const factor = factorElements(algebra, factors[l], level);
      const noise = l === 0 ? variance : builder.scalar(1);
      const n = algebra.multiply(root, factor);
      const outer = algebra.outer(n);
      const s = algebra.symmetric(root.length, (i, j) => (i === j ? algebra.sum([noise, outer[i][i]]) : outer[i][j]));
      const { lower: c, pivots, inversePivots } = algebra.factor(s);
      const y = algebra.solveUnit(c, root);
      const w = algebra.solveUnit(
        c,
        projected.map((z) => [z]),
      );
      const own = algebra.weighted(y, inversePivots, y);
      const h = algebra.symmetric(size, (i, j) => algebra.sum([own[i][j], rest?.[i][j]]));
      const k = algebra.weighted(y, inversePivots, w).map(([x], i) => algebra.sum([x, restScore?.[i]]));
      const perGroup: NodeId[] = [algebra.logProduct(pivots)];
      logDeterminants.push(sumOverGroups(builder, perGroup[0], groups));
      const inner = (): PivotedFactor => {
        const gram = algebra.symmetric(size, (i, j) => algebra.sum(n.map((row) => algebra.product(row[i], row[j]))));
        const scaled = l === 0 ? gram.map((row) => row.map((x) => x && builder.div(x, variance))) : gram;
        const one = builder.scalar(1);
        return algebra.factor(
          algebra.symmetric(size, (i, j) => (i === j ? algebra.sum([one, scaled[i][i]]) : scaled[i][j])),
        );
      };
      let above: LevelFactors['above'];
      if (l === 0) {
        const [[q]] = algebra.weighted(w, inversePivots, w);
        quadratics.push(sumOverGroups(builder, algebra.some(q), groups));
      } else {
        // What integrating the group's coefficients takes from Q: |D^(−½) C⁻¹ T'h|², with h = L'z.
        const integrated = inner();
        const omega = algebra.solveUnit(
          integrated.lower,
          algebra.apply(algebra.transpose(n), projected).map((x) => [x]),
        );
        const [[q]] = algebra.weighted(omega, integrated.inversePivots, omega);
        quadratics.push(builder.neg(sumOverGroups(builder, algebra.some(q), groups)));
        above = { root, factor, inner: integrated, omega };
      }
      const crossed = fixedBlock?.integrate(l, { level, lower: c, inversePivots, y, w, ...(above && { above }) });
      const { precision, score, stored } = inMemory(algebra, level, h, k);
      levels.push({
        level,
        factor,
        precision,
        score,
        stored: [...stored, ...(crossed?.stored ?? [])],
        crossed,
        inner,
      });
      const expanded = stack(builder, expand(algebra, h, k, l, level), groups);
      sums = expanded.map((array) => {
        if (level.parent === null) return builder.sum(array, [0]);
        return builder.segmentSum(array, builder.data(parentName(l), [groups]), term.levels[l + 1].groups);
      });
      if (l === 0) units = { sums, rest: builder.add(logDeterminants[0], quadratics[1]) };
    }
    if (level.parent !== null) {
      const [p, sum] = informationElements(algebra, unstack(builder, sums), outside);
      known = rootOf(algebra, term.levels[l + 1], p, sum);
      continue;
    }
    const besides = fixedBlock?.population();
    return population({
      builder,
      term,
      data,
      levels,
      units: units!,
      totals: sums,
      outside,
      besides,
      priorSds,
      variance,
      logDeterminants,
      quadratics,
    });
  }
  throw new Error('a term needs a level');
}

/** Sums that the population's posterior is made of, and all that is known so far of the log density. */
interface PopulationInput {
  readonly builder: ProgramBuilder;
  readonly term: NestedTerm;
  readonly data: MarginalData;
  readonly levels: readonly UpwardLevel[];
  readonly units: UnitSums;
  /** Vectors that hold the precision and the score of all groups, one after the other. */
  readonly totals: readonly NodeId[];
  readonly outside: number;
  readonly besides: CrossedPopulation | undefined;
  readonly priorSds: NodeId;
  readonly variance: NodeId;
  readonly logDeterminants: NodeId[];
  /** The first is that of the residuals within units. */
  readonly quadratics: NodeId[];
}

function population(input: PopulationInput): Upward {
  const { builder, term, data, levels, units, besides, priorSds, variance, logDeterminants, quadratics } = input;
  const [size] = builder.shape(priorSds);
  const means = new Float64Array(size);
  means.set(data.priorMeans);
  const priorMeans = builder.constant(means, [size]);
  const nest = nestPosterior(input);
  const joint =
    besides === undefined
      ? nest.precision
      : builder.concat(
          [
            builder.concat([nest.precision, builder.swapLast(besides.beside)], 1),
            builder.concat([besides.beside, besides.precision], 1),
          ],
          0,
        );
  const precisions = builder.unary('reciprocal', builder.mul(priorSds, priorSds));
  const identity = new Float64Array(size * size);
  for (let i = 0; i < size; i++) identity[i * (size + 1)] = 1;
  const diagonal = builder.mul(builder.constant(identity, [size, size]), builder.reshape(precisions, [1, size]));
  const lambda = builder.add(joint, diagonal);
  const priorScore = builder.mul(priorMeans, precisions);
  const score = besides === undefined ? nest.score : builder.concat([nest.score, besides.score], 0);
  const eta = builder.add(score, priorScore);
  const factor = new BlockedCholesky(builder, lambda);
  const halfway = factor.solve(builder.reshape(eta, [size, 1]));
  const populationMean = builder.reshape(factor.solveTransposed(halfway), [size]);
  const explained = builder.sum(builder.mul(halfway, halfway));
  const priorSquares = builder.sum(builder.mul(priorMeans, priorScore));
  const unexplained = builder.add(
    quadratics.reduce((a, b) => builder.add(a, b)),
    priorSquares,
  );
  const [{ groups, size: unitSize }] = term.levels;
  const freeRows = data.rows - groups * unitSize;
  const logVariances = builder.mul(builder.sum(builder.unary('log', priorSds)), builder.scalar(2));
  const terms = [
    builder.mul(builder.unary('log', variance), builder.scalar(freeRows)),
    ...logDeterminants,
    unexplained,
    logVariances,
    builder.scalar(data.rows * Math.log(2 * Math.PI)),
  ];
  const half = (x: NodeId): NodeId => builder.mul(x, builder.scalar(-0.5));
  const remainder = half(terms.reduce((a, b) => builder.add(a, b)));
  const logDensity = builder.add(remainder, half(builder.sub(factor.logDeterminant(), explained)));
  return {
    levels,
    firstLevel: levels.length < term.levels.length ? 1 : 0,
    units,
    precision: lambda,
    factor,
    score: eta,
    populationMean,
    logSigmaBesideUnits: builder.sub(quadratics[0], builder.scalar(freeRows)),
    quadratic: builder.sub(unexplained, explained),
    logDensity,
    remainder,
  };
}

/** What the groups of the outermost level say of the population: its precision and score. */
function nestPosterior({ builder, totals, outside: size }: PopulationInput): { precision: NodeId; score: NodeId } {
  const all = totals.length === 1 ? totals[0] : builder.concat(totals, 0);
  const places = Float64Array.from({ length: size * size }, (_, at) => triangleIndex(Math.floor(at / size), at % size));
  const table = builder.gather(all, builder.constant(places, [size * size]));
  return {
    precision: builder.reshape(table, [size, size]),
    score: builder.slice(all, [(size * (size + 1)) / 2], [size]),
  };
}

/** What is known of the coefficients b of a level's groups: log p = −½ |z − R b|² / noise − ½ b'Pb + p'b + …, P and p of those that do not deviate. */
interface Known {
  /** R, rows in the order of `rowOrder`, and z. */
  readonly root: Elements;
  readonly projected: readonly Element[];
  /** P, `[k][k]`, and p; undefined: 0. */
  readonly rest: Elements | undefined;
  readonly restScore: readonly Element[] | undefined;
}

/** L and z of every unit. */
function unitFactorElements(
  builder: ProgramBuilder,
  algebra: ElementAlgebra,
  data: MarginalData,
  level: HierarchyLevel,
): Known {
  const { size } = level;
  const place = rowOrder(level).map((_, i, order) => order.indexOf(i));
  const array = builder.data(unitData, data.arrays.get(unitData)!.shape);
  const [groups, width] = builder.shape(array);
  const column = (c: number): NodeId => builder.reshape(builder.slice(array, [0, c], [groups, 1]), [groups]);
  const half = width - size;
  return {
    root: algebra.matrix(size, size, (i, j) => (place[j] <= i ? column(triangleIndex(i, place[j])) : undefined)),
    projected: Array.from({ length: size }, (_, i) => column(half + i)),
    rest: undefined,
    restScore: undefined,
  };
}

/** The same of the groups of an outer level, from their precision and score. */
function rootOf(algebra: ElementAlgebra, level: HierarchyLevel, p: Elements, h: readonly Element[]): Known {
  const { size } = level;
  const order = rowOrder(level);
  const place = order.map((_, i) => order.indexOf(i));
  const count = deviatingCount(level);
  const inOrder = order.map((i) => order.map((j) => p[i][j]));
  const found = algebra.squareRoot(
    inOrder,
    order.map((i) => h[i]),
    count,
  );
  const isFixed = (i: number): boolean => place[i] < size - count;
  return {
    root: found.lower.map((row) => place.map((i) => row[i])),
    projected: found.projected,
    rest: algebra.matrix(size, size, (i, j) => (isFixed(i) && isFixed(j) ? found.rest[place[i]][place[j]] : undefined)),
    restScore: place.map((i, at) => (isFixed(at) ? found.restScore[i] : undefined)),
  };
}

/** T from its tensor. */
function factorElements(algebra: ElementAlgebra, factor: NodeId, level: HierarchyLevel): Elements {
  const { builder } = algebra;
  const deviating = deviatingOf(level);
  const count = deviating.length;
  const flat = scalars(builder, [builder.reshape(factor, [isFull(level) ? count * count : count])]);
  const own = (i: number, j: number): Element => {
    if (i < 0 || j < 0 || j > i) return undefined;
    return isFull(level) ? flat[i * count + j] : i === j ? flat[i] : undefined;
  };
  return algebra.matrix(level.size, level.size, (i, j) => own(deviating.indexOf(i), deviating.indexOf(j)));
}

/** H and k from their columns. */
function informationElements(
  algebra: ElementAlgebra,
  columns: readonly NodeId[],
  size: number,
): [Elements, readonly Element[]] {
  const half = (size * (size + 1)) / 2;
  return [algebra.matrix(size, size, (i, j) => columns[triangleIndex(i, j)]), columns.slice(half)];
}

/** H ⊗ zz' and k ⊗ z, as columns: what a group says of the coefficients of the regressions that give its mean. */
function expand(
  algebra: ElementAlgebra,
  h: Elements,
  k: readonly Element[],
  l: number,
  level: HierarchyLevel,
): NodeId[] {
  const { builder } = algebra;
  const z = covariateColumns(builder, l, level);
  const places = outerPlaces(level);
  return [
    ...lowerTriangle(places.length).map(([a, b]) => {
      const covariates = builder.mul(z[places[a].covariate], z[places[b].covariate]);
      return builder.mul(algebra.some(h[places[a].coefficient][places[b].coefficient]), covariates);
    }),
    ...places.map(({ coefficient, covariate }) => builder.mul(algebra.some(k[coefficient]), z[covariate])),
  ];
}

/** Covariates of a level as columns; 1 for a constant. */
export function covariateColumns(
  builder: ProgramBuilder,
  l: number,
  { groups, covariates, covariateCount: q }: HierarchyLevel,
): NodeId[] {
  const array = builder.data(covariatesName(l), [groups, q]);
  return Array.from({ length: q }, (_, j) => {
    for (let g = 0; g < groups; g++)
      if (covariates[g * q + j] !== 1) return builder.reshape(builder.slice(array, [0, j], [groups, 1]), [groups]);
    return builder.scalar(1);
  });
}

function sumOverGroups(builder: ProgramBuilder, x: NodeId, groups: number): NodeId {
  return builder.sum(builder.broadcast(x, [groups]));
}
