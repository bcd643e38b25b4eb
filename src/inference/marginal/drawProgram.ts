// Exact draws of every coefficient given the scales, from standard normals, as one tensor program: the population first, then inwards.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId, TensorProgram } from '../../kernels/program/tensorProgram.js';
import { deviatingCount, deviatingOf, placesFrom } from '../../models/linearHierarchy/links.js';
import { stack, unstack } from './columns.js';
import type { CrossedData } from './crossedData.js';
import type { CrossedLevel } from './crossedUpward.js';
import { regressionMean } from './downward.js';
import { type Element, ElementAlgebra } from './elements.js';
import { parentName } from './marginalData.js';
import { type Marginal, recordScales } from './marginalDensity.js';
import { informationOutput } from './information.js';
import { covariateColumns, upward } from './upward.js';

const populationNormals = 'normals of the population';
const levelNormals = (level: number): string => `normals ${level}`;
/** Output: the population `[K]`, counted from the shift, and after it the free coefficients of a fixed block. */
export const populationOutput = 'population';
/** Outputs `[group][column]` that hold what is sampled of a level's coefficients (`recentre`), at most 32 columns each. */
export const levelOutput = (level: number, part: number): string => `sampled ${level} ${part}`;

/** Outputs: the log density of the scales, and what the units say of all that is above them (`UnitSums`). */
export const densityOutput = 'log density';
export const restOutput = 'rest';
export const sumsOutput = (part: number): string => `sums ${part}`;

/** The program, and the shapes of the parts of the units' sums. */
export interface DrawProgram {
  readonly program: TensorProgram;
  readonly sumShapes: readonly (readonly number[])[];
}

/**
 * Δ = Δ̂ + Λ_c'⁻¹ ε; then level by level b = m + T u, u = T'(k − H m) + C'⁻¹ D^(−½) ε, with C D C' = I + T'PT: nowhere a division by a
 * standard deviation of a level, so any of them may be 0.
 * @param withDensity also gives the density of the scales and the units' sums
 */
export function drawProgram(marginal: Marginal, withDensity = false): DrawProgram {
  const { term, data } = marginal;
  const normals = Object.fromEntries(normalBlocks(marginal).map(({ name, size }) => [name, size]));
  const { builder, nodes, parameters, logPrior } = recordScales(marginal, normals);
  const algebra = new ElementAlgebra(builder);
  const up = upward(builder, term, data, nodes);
  const outputs = new Map<string, NodeId>();
  for (const [l, { stored }] of up.levels.entries())
    for (const [i, array] of stored.entries()) outputs.set(informationOutput(l, i), array);
  const size = jointSize(marginal);
  const noise = builder.reshape(parameters.get(populationNormals)!, [size, 1]);
  const deviation = builder.reshape(up.factor.solveTransposed(noise), [size]);
  const population = builder.add(up.populationMean, deviation);
  for (const [i, array] of up.factor.stored.entries()) outputs.set(`factor ${i}`, array);
  outputs.set(populationOutput, population);
  const nest = data.priorMeans.length;
  const columns =
    data.crossed && columnEffects(builder, data.crossed, builder.slice(population, [nest], [size - nest]));
  let outer = Array.from({ length: nest }, (_, i) => builder.reshape(builder.slice(population, [i], [1]), []));
  for (let l = term.levels.length - 1; l >= 0; l--) {
    const { level, factor, precision, score, crossed, inner } = up.levels[l];
    const { groups, size: k } = level;
    const deviating = deviatingOf(level);
    const mean = regressionMean(algebra, level, covariateColumns(builder, l, level), outer);
    const explained = algebra.apply(precision, mean);
    const taken =
      crossed === undefined || columns === undefined ? undefined : effectsOfGroups(builder, crossed, columns, groups);
    const residual = score.map((x, i) =>
      deviating.includes(i) ? algebra.minus(algebra.minus(x, explained[i]), taken?.[i]) : undefined,
    );
    const epsilon = unstack(builder, [builder.reshape(parameters.get(levelNormals(l))!, [groups, deviating.length])]);
    const { lower, inversePivots } = inner();
    const scaled = Array.from({ length: k }, (_, i) =>
      deviating.includes(i)
        ? algebra.product(epsilon[deviating.indexOf(i)], builder.unary('sqrt', inversePivots[i]))
        : undefined,
    );
    const spread = algebra.solveUnitTransposed(lower, scaled);
    const pulled = algebra.apply(algebra.transpose(factor), residual);
    const u = pulled.map((x, i) => algebra.sum([x, spread[i]]));
    const coefficients = algebra.apply(factor, u).map((x, i) => algebra.some(algebra.sum([mean[i], x])));
    const places = placesFrom(term.levels, l);
    const sampled = deviating.map((i, at) => {
      const b = builder.add(coefficients[i], builder.scalar(data.shift[places[i]]));
      return sampledColumn(algebra, level.centring[at], b, algebra.some(factor[i][i]), u[i]);
    });
    for (const [part, array] of stack(builder, sampled, groups).entries()) outputs.set(levelOutput(l, part), array);
    if (l === 0) break;
    const arrays = stack(builder, coefficients, groups);
    for (const [part, array] of arrays.entries()) outputs.set(`coefficients ${l} ${part}`, array);
    const parent = builder.data(parentName(l - 1), [term.levels[l - 1].groups]);
    outer = unstack(
      builder,
      arrays.map((array) => builder.gather(array, parent)),
    );
  }
  const { sums, rest } = up.units;
  if (withDensity) {
    outputs.set(densityOutput, builder.add(logPrior, up.logDensity)).set(restOutput, rest);
    for (const [part, array] of sums.entries()) outputs.set(sumsOutput(part), array);
  }
  return { program: builder.finish(outputs), sumShapes: sums.map((array) => builder.shape(array)) };
}

/**
 * What is sampled of a coefficient b whose mean and standard deviation given those before it are m and t: λ m + (b − m) t^(λ−1), with
 * b − m = t ζ, t = |T_ii|, and ζ = u_i times the sign of T_ii.
 */
function sampledColumn(algebra: ElementAlgebra, lambda: number, b: NodeId, diagonal: NodeId, u: Element): NodeId {
  if (lambda === 1) return b;
  const { builder } = algebra;
  const sign = builder.select(
    builder.binary('less', diagonal, builder.scalar(0)),
    builder.scalar(-1),
    builder.scalar(1),
  );
  const zeta = algebra.product(sign, u);
  if (lambda === 0) return algebra.some(zeta);
  const centring = builder.scalar(lambda);
  const t = builder.unary('abs', diagonal);
  const weight = builder.sub(builder.binary('pow', t, centring), builder.mul(centring, t));
  return algebra.some(algebra.sum([builder.mul(centring, b), algebra.product(weight, zeta)]));
}

const jointSize = ({ data }: Marginal): number => data.priorMeans.length + (data.crossed?.free ?? 0);

/** Effect of every column of a fixed block from its free coefficients: the last level of a category is minus the sum of the others. */
function columnEffects(builder: ProgramBuilder, { block, all }: CrossedData, free: NodeId): NodeId {
  const parts: NodeId[] = [];
  let next = 0;
  const take = (count: number): NodeId => {
    next += count;
    return builder.slice(free, [next - count], [count]);
  };
  if (block.dense.length > 0) parts.push(take(block.dense.length));
  for (const { levels } of block.categories) {
    const own = take(levels - 1);
    parts.push(own, builder.reshape(builder.neg(builder.sum(own)), [1]));
  }
  const effects = builder.concat(parts, 0);
  if (builder.shape(effects)[0] !== all) throw new Error('columns of the fixed block and effects differ in number');
  return effects;
}

/** Σ J α over the columns that each group touches. */
function effectsOfGroups(
  builder: ProgramBuilder,
  { information, group, column }: CrossedLevel,
  effects: NodeId,
  groups: number,
): NodeId[] {
  const ofEntry = builder.gather(effects, column);
  const products = information.map((x) => builder.mul(x, ofEntry));
  const sums = stack(builder, products, builder.shape(column)[0]).map((array) =>
    builder.segmentSum(array, group, groups),
  );
  return unstack(builder, sums);
}

/** Standard normals that a draw takes, in this order. */
export function normalBlocks(marginal: Marginal): { readonly name: string; readonly size: number }[] {
  return [
    { name: populationNormals, size: jointSize(marginal) },
    ...marginal.term.levels.map((level, l) => ({
      name: levelNormals(l),
      size: level.groups * deviatingCount(level),
    })),
  ];
}
