// From the declaration of a hierarchy to what a model needs: parameters, data, prior and likelihood in tensor ops.
import * as tf from '@tensorflow/tfjs-core';
import { gatherRows, literal } from '../../kernels/ops/index.js';
import type { ModelArray, ModelParameter, Replication, Tensors } from '../model.js';
import { type ParameterSpec, real } from '../parameters.js';
import { priorLogDensity } from '../priors.js';
import { type UnitFactors, unitFactors } from './crossproducts.js';
import { fixedArrays, fixedPredictor, freeCoefficients } from './fixedBlock.js';
import { matrixOf } from './rowMajor.js';
import { hierarchicalLevel, type LevelTensors } from './hierarchicalLevel.js';
import { coefficientsLogPrior, coefficientsOf, shrinkageParameters } from './coefficientPrior.js';
import { covarianceParameters, covarianceScales } from './levelCovariance.js';
import { columnsAt, partialMeans, withMeans } from './levelTensors.js';
import { deviatingCount, outerSize } from './links.js';
import { covarianceLogPriors } from './scalePriors.js';
import { replicationOf, rowLikelihood, type RowLikelihood } from './likelihood.js';
import { type Hierarchy, type HierarchyLevel, isLinear, type LinearHierarchy, type NestedTerm } from './structure.js';

/** What is drawn of a hierarchy, as tensors. */
export interface HierarchyTensors {
  /** By term, then by level from the innermost outwards: `[group][coefficient]`. */
  readonly coefficients: readonly (readonly tf.Tensor[])[];
  /** By term: the population's coefficients. */
  readonly populations: readonly tf.Tensor[];
  /** Free coefficients of the fixed block. */
  readonly fixed: tf.Tensor | undefined;
  /** Log density of the sampled coefficients of the groups given what they depend on; a scalar. */
  readonly logPrior: tf.Tensor;
}

export interface HierarchyModel {
  /** σ or φ, where there is one; by term the innermost covariance, the population, the covariances outwards, and coefficients from the outermost inwards; the fixed block. */
  readonly parameters: readonly ModelParameter[];
  readonly data: Readonly<Record<string, ModelArray>>;
  readonly byObservation: readonly string[];
  evaluate(parameters: Tensors, data: Tensors): HierarchyTensors;
  /** Linear predictor η, `[rows]`. */
  rowMeans(values: HierarchyTensors, data: Tensors): tf.Tensor;
  /** Expected response, `[rows]`. */
  predict(parameters: Tensors, data: Tensors): tf.Tensor;
  /** A replicated response, `[rows]`. */
  readonly replicate: Replication;
  logPrior(parameters: Tensors, data: Tensors): tf.Tensor;
  logLikelihood(parameters: Tensors, data: Tensors): tf.Tensor;
  /** By orthogonal factors of each group's rows; where there is one term, no fixed block, and errors are normal. */
  readonly totalLogLikelihood?: (parameters: Tensors, data: Tensors) => tf.Tensor;
}

/** A level on its way from the population to the rows. */
export interface PlacedLevel {
  readonly level: HierarchyLevel;
  /** Of the term, and of the level in it. */
  readonly term: number;
  readonly index: number;
  /** Of its coefficients that deviate, and of all: `[group][k]`. */
  readonly means: tf.Tensor;
  readonly allMeans: tf.Tensor;
  /** Σ = diag(s) L L' diag(s); L undefined: Σ is diagonal. */
  readonly sds: tf.Tensor;
  readonly lower: tf.Tensor | undefined;
}

/** Coefficients of a level from what is given of them, with the log density of that. */
export type Placement = (level: PlacedLevel, parameters: Tensors, data: Tensors) => LevelTensors;

const asDeclared: Placement = ({ level: { coefficients, centring }, means, sds, lower }, parameters) =>
  hierarchicalLevel(parameters[coefficients], means, sds, lower, centring);

/**
 * @param factors of the only term, where they are known already; see `factorsOf`
 * @param place default: coefficients from what is sampled of them
 */
export function hierarchyModel(structure: Hierarchy, factors?: UnitFactors, place = asDeclared): HierarchyModel {
  const { terms, fixed, rows } = structure;
  const errors = isLinear(structure) ? structure.errors : undefined;
  const likelihood = rowLikelihood(structure);
  // What a horseshoe may be relative to: σ, or 1 on the scale of a link.
  const errorSd = (parameters: Tensors): tf.Tensor => (errors === undefined ? literal(1) : parameters[errors.sigma]);
  const isShort = terms.length === 1 && fixed === undefined && errors !== undefined && errors.df === undefined;
  const own = isShort ? (factors ?? factorsOf(structure, 0)) : undefined;
  const ofRows = { ...rowArrays(structure), ...likelihood.data };
  const evaluate = (parameters: Tensors, d: Tensors): HierarchyTensors =>
    evaluateHierarchy(structure, parameters, d, place);
  const rowMeans = ({ coefficients, fixed: effects }: HierarchyTensors, d: Tensors): tf.Tensor => {
    const parts = terms.map((_, t) => gatherRows(coefficients[t][0], d[`group_${t}`]).mul(d[`x_${t}`]).sum(1));
    return sumOf(fixed && effects ? [...parts, fixedPredictor(fixed, effects, d)] : parts);
  };
  const predictor = (parameters: Tensors, d: Tensors): tf.Tensor => rowMeans(evaluate(parameters, d), d);
  return {
    parameters: parameterList(structure, likelihood),
    data: { ...ofRows, ...groupArrays(structure, own) },
    byObservation: Object.keys(ofRows),
    evaluate,
    rowMeans,
    predict: (parameters, d) => likelihood.expectation(predictor(parameters, d), d),
    replicate: replicationOf(likelihood, predictor),
    logPrior: (parameters, d) =>
      tf.addN([
        evaluate(parameters, d).logPrior,
        ...likelihood.logPriors(parameters),
        ...terms.flatMap((term) => [
          populationLogPrior(term, errorSd(parameters), parameters),
          ...covarianceLogPriors(term, parameters),
        ]),
        ...(fixed === undefined
          ? []
          : [coefficientsLogPrior(fixed.prior, parameters[fixed.name], errorSd(parameters), parameters)]),
      ]),
    logLikelihood: (parameters, d) => likelihood.logDensity(predictor(parameters, d), parameters, d),
    ...(own && {
      totalLogLikelihood: (parameters, d) => {
        const sigma = errorSd(parameters);
        // ‖y − Xβ‖² = residual + Σ over groups of ‖z − Rβ‖².
        const beta = evaluate(parameters, d).coefficients[0][0];
        const deviation = d.projected
          .sub(d.upper.mul(beta.expandDims(1)).sum(2))
          .square()
          .sum();
        const squares = deviation.add(literal(own.residualSumOfSquares));
        return sigma
          .log()
          .add(literal(0.5 * Math.log(2 * Math.PI)))
          .mul(-rows)
          .sub(squares.mul(0.5).div(sigma.square()));
      },
    }),
  };
}

/** Everything that a hierarchy draws, from what is sampled. */
export function evaluateHierarchy(
  { terms, fixed }: Hierarchy,
  parameters: Tensors,
  d: Tensors,
  place = asDeclared,
): HierarchyTensors {
  const levels = terms.map((term, t) => evaluateTerm(term, t, place, parameters, d));
  return {
    coefficients: levels.map(({ coefficients }) => coefficients),
    populations: levels.map(({ population }) => population),
    fixed: fixed && coefficientsOf(fixed.prior, parameters[fixed.name], parameters),
    logPrior: sumOf(levels.flatMap(({ logPriors }) => logPriors)),
  };
}

/** Orthogonal factors of the rows of each innermost group of a term. */
export function factorsOf({ y, terms }: Pick<LinearHierarchy, 'y' | 'terms'>, term: number): UnitFactors {
  const { columns, rowStart, rowOrder } = terms[term];
  const inOrder = (values: Float64Array): Float64Array =>
    rowOrder === undefined ? values : Float64Array.from(rowOrder, (row) => values[row]);
  return unitFactors(inOrder(y), columns.map(inOrder), rowStart);
}

/** Innermost group of each row, `[rows]`. */
export function groupOfRow({ rowStart, rowOrder }: NestedTerm): Int32Array {
  const groups = new Int32Array(rowStart[rowStart.length - 1]);
  for (let group = 0; group + 1 < rowStart.length; group++) {
    for (let place = rowStart[group]; place < rowStart[group + 1]; place++) groups[rowOrder?.[place] ?? place] = group;
  }
  return groups;
}

/** 0 of nothing. */
const sumOf = (terms: readonly tf.Tensor[]): tf.Tensor =>
  terms.length === 0 ? literal(0) : terms.reduce((sum, term) => sum.add(term));

/** The population and the coefficients of every level from what is sampled, innermost first, and the log densities of the levels. */
function evaluateTerm(term: NestedTerm, t: number, place: Placement, parameters: Tensors, d: Tensors) {
  const coefficients: tf.Tensor[] = [];
  const logPriors: tf.Tensor[] = [];
  const { name, prior } = term.population;
  const sampled = parameters[name];
  const population = prior.kind === 'common' ? sampled : coefficientsOf(prior, sampled, parameters);
  for (let l = term.levels.length - 1; l >= 0; l--) {
    const level = term.levels[l];
    const means = levelMeans(level, `${t}_${l}`, coefficients[0] ?? population, d);
    const scales = covarianceScales(level.covariance, parameters);
    const own = level.deviating === undefined ? means : columnsAt(means, level.deviating);
    const block = place({ level, term: t, index: l, means: own, allMeans: means, ...scales }, parameters, d);
    coefficients.unshift(
      level.deviating === undefined ? block.coefficients : withMeans(level, block.coefficients, means),
    );
    logPriors.push(block.logPrior);
  }
  return { population, coefficients, logPriors };
}

/**
 * Means of a level's coefficients, `[group][k]`, from those of the level around it, or of the population.
 * @param key term and level, `t_l`, in the names of the data
 */
export function levelMeans(level: HierarchyLevel, key: string, outer: tf.Tensor, d: Tensors): tf.Tensor {
  const { groups, size, covariateCount: q, parent, regressions } = level;
  const z = d[`covariates_${key}`];
  if (regressions !== undefined) {
    const above = parent === null ? outer.reshape([1, outerSize(level)]) : gatherRows(outer, d[`parent_${key}`]);
    return partialMeans({ ...level, regressions }, above, z);
  }
  if (parent === null) return tf.matMul(z, outer.reshape([size, q]), false, true);
  const ofGroup = gatherRows(outer, d[`parent_${key}`]);
  if (q === 1 && isConstant(level)) return ofGroup;
  return ofGroup.reshape([groups, size, q]).mul(z.expandDims(1)).sum(2);
}

function isConstant({ covariates }: HierarchyLevel): boolean {
  return covariates.every((z) => z === 1);
}

function populationLogPrior(
  { population: { name, prior } }: NestedTerm,
  sigma: tf.Tensor,
  parameters: Tensors,
): tf.Tensor {
  const x = parameters[name].flatten();
  return prior.kind === 'common'
    ? priorLogDensity(prior.prior, x).sum()
    : coefficientsLogPrior(prior, x, sigma, parameters);
}

function parameterList({ terms, fixed }: Hierarchy, likelihood: RowLikelihood): ModelParameter[] {
  const list: Record<string, ParameterSpec> = { ...likelihood.parameters };
  for (const { levels, population } of terms) {
    for (const [l, level] of levels.entries()) {
      Object.assign(list, covarianceParameters(level));
      if (l === 0) {
        if (population.prior.kind === 'normal') Object.assign(list, shrinkageParameters(population.prior));
        list[population.name] = real(outerSize(levels.at(-1)!));
      }
      if (l + 1 < levels.length && levels[l + 1].size !== outerSize(level))
        throw new RangeError(`level ${l + 1} has ${levels[l + 1].size} coefficients for ${outerSize(level)} means`);
    }
    for (const level of levels.toReversed()) list[level.coefficients] = real(level.groups, deviatingCount(level));
  }
  if (fixed !== undefined) {
    Object.assign(list, shrinkageParameters(fixed.prior));
    list[fixed.name] = real(freeCoefficients(fixed));
  }
  return Object.entries(list).map(([name, spec]) => ({ ...spec, name, shape: spec.dims as number[] }));
}

/** What is of the rows, row by row. */
function rowArrays({ rows, y, terms, fixed }: Hierarchy): Record<string, ModelArray> {
  const arrays: Record<string, ModelArray> = { y: { shape: [rows], values: y } };
  for (const [t, term] of terms.entries()) {
    arrays[`x_${t}`] = matrixOf(term.columns, rows);
    arrays[`group_${t}`] = { shape: [rows], values: groupOfRow(term), dtype: 'int32' };
  }
  return fixed === undefined ? arrays : { ...arrays, ...fixedArrays(fixed, rows) };
}

function groupArrays({ terms }: Hierarchy, factors: UnitFactors | undefined): Record<string, ModelArray> {
  const arrays: Record<string, ModelArray> = {};
  for (const [t, term] of terms.entries()) {
    for (const [l, { groups, covariates, covariateCount, parent }] of term.levels.entries()) {
      arrays[`covariates_${t}_${l}`] = { shape: [groups, covariateCount], values: covariates };
      if (parent !== null) arrays[`parent_${t}_${l}`] = { shape: [groups], values: parent, dtype: 'int32' };
    }
  }
  if (factors !== undefined) {
    const { units, coefficients: p, upper, projected } = factors;
    arrays.upper = { shape: [units, p, p], values: upper };
    arrays.projected = { shape: [units, p], values: projected };
  }
  return arrays;
}
