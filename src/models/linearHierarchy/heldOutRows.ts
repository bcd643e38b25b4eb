// A fitted hierarchy before rows that it was not fitted to: new groups stand at their parents' means, with their spread where errors are normal.
import * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from '../../kernels/ops/index.js';
import type { Model, ModelArray, Tensors } from '../model.js';
import { fixedArrays, fixedPredictor } from './fixedBlock.js';
import { evaluateHierarchy, levelMeans, rowMajor } from './hierarchyModel.js';
import { covarianceScales } from './levelCovariance.js';
import { columnsAt } from './levelTensors.js';
import { replicationOf, rowLikelihood } from './likelihood.js';
import type { FixedBlock, Hierarchy, HierarchyLevel, NestedTerm } from './structure.js';

/** Groups of a level that the fit did not see: they are numbered after those that it saw. */
export interface NewGroups {
  readonly groups: number;
  /** Group of the next level, new ones included; null where the next is the population. */
  readonly parent: Int32Array | null;
  /** `[group][q]`, in model units, the constant included. */
  readonly covariates: Float64Array;
}

export interface HeldOutTerm {
  /** In model units, each `[rows]`. */
  readonly columns: readonly Float64Array[];
  /** Innermost group of each row. */
  readonly group: Int32Array;
  /** By level from the innermost outwards. */
  readonly added: readonly NewGroups[];
  /** How many levels, from the innermost on, are of the innermost groups, whose deviations add up; default 1. */
  readonly ownLevels?: number;
}

export interface HeldOutRows {
  readonly y: Float64Array;
  readonly terms: readonly HeldOutTerm[];
  /** Level −1 of a category: one that the fit did not see, whose effect is 0. */
  readonly fixed?: Pick<FixedBlock, 'dense' | 'categories'>;
  readonly trials?: Float64Array;
  readonly logExposure?: Float64Array;
}

/** What takes the place of a model's own functions and data. @param model the data of the fit, for covariates and parents */
export function onHeldOutRows(
  structure: Hierarchy,
  model: Pick<Model, 'data'>,
  held: HeldOutRows,
): Pick<Model, 'data' | 'predict' | 'logLikelihood' | 'replicate'> {
  const rows = held.y.length;
  const fixed = structure.fixed && held.fixed && { ...structure.fixed, ...withoutEffects(held.fixed) };
  const likelihood = rowLikelihood(ofRows(structure, held));
  const arrays: Record<string, ModelArray> = { y: { shape: [rows], values: held.y }, ...likelihood.data };
  for (const [t, { columns, group, added }] of held.terms.entries()) {
    const p = columns.length;
    arrays[`x_${t}`] = { shape: [rows, p], values: rowMajor(columns, rows) };
    arrays[`group_${t}`] = { shape: [rows], values: group, dtype: 'int32' };
    const known = structure.terms[t].levels[0].groups;
    const ofNew = columns.map((values) => values.map((value, row) => (group[row] >= known ? value : 0)));
    if (added[0].groups > 0) arrays[`new_x_${t}`] = { shape: [rows, p], values: rowMajor(ofNew, rows) };
    for (const [l, own] of added.entries()) {
      if (own.groups === 0) continue;
      const q = structure.terms[t].levels[l].covariateCount;
      arrays[`covariates_${key(t, l)}`] = { shape: [own.groups, q], values: own.covariates };
      if (own.parent !== null)
        arrays[`parent_${key(t, l)}`] = { shape: [own.groups], values: own.parent, dtype: 'int32' };
    }
  }
  if (fixed !== undefined) Object.assign(arrays, fixedArrays(fixed, rows));
  const eta = (parameters: Tensors, d: Tensors): tf.Tensor => {
    const values = evaluateHierarchy(structure, parameters, d);
    const parts = structure.terms.map((term, t) => {
      const coefficients = withNewGroups(
        term,
        t,
        held.terms[t].added,
        values.coefficients[t],
        values.populations[t],
        d,
      );
      return gatherRows(coefficients, d[`group_${t}`]).mul(d[`x_${t}`]).sum(1);
    });
    if (fixed !== undefined) parts.push(fixedPredictor(fixed, values.fixed!, d));
    return parts.reduce((sum, part) => sum.add(part));
  };
  const scaled = (parameters: Tensors, d: Tensors): Tensors => withSpreads(structure, held.terms, parameters, d);
  return {
    data: { ...model.data, ...arrays },
    predict: (parameters, d) => likelihood.expectation(eta(parameters, d), d),
    logLikelihood: (parameters, d) => likelihood.logDensity(eta(parameters, d), scaled(parameters, d), d),
    replicate: replicationOf(likelihood, eta, scaled),
  };
}

const key = (term: number, level: number): string => `${term}_${level}_new`;

/** Coefficients of the innermost groups, the new ones at the means that their parents give them. */
function withNewGroups(
  { levels }: NestedTerm,
  t: number,
  added: readonly NewGroups[],
  coefficients: readonly tf.Tensor[],
  population: tf.Tensor,
  d: Tensors,
): tf.Tensor {
  let outer = population;
  for (let l = levels.length - 1; l >= 0; l--) {
    const own = added[l];
    const level: HierarchyLevel = { ...levels[l], ...own };
    outer =
      own.groups === 0 ? coefficients[l] : tf.concat([coefficients[l], levelMeans(level, key(t, l), outer, d)], 0);
  }
  return outer;
}

/**
 * With normal errors the coefficients of a new innermost group are integrated out row by row: the variance σ² + x'Σx in place of σ². Elsewhere
 * the group stands at its mean.
 */
function withSpreads(structure: Hierarchy, terms: readonly HeldOutTerm[], parameters: Tensors, d: Tensors): Tensors {
  if (!('errors' in structure) || structure.errors.df !== undefined) return parameters;
  const { sigma } = structure.errors;
  const spreads = terms.flatMap(({ added, ownLevels = 1 }, t) =>
    added[0].groups === 0
      ? []
      : structure.terms[t].levels.slice(0, ownLevels).map(({ covariance, deviating }) => {
          const { sds, lower } = covarianceScales(covariance, parameters);
          const x = d[`new_x_${t}`];
          const scaled = (deviating === undefined ? x : columnsAt(x, deviating)).mul(sds);
          return (lower === undefined ? scaled : tf.matMul(scaled, lower)).square().sum(1);
        }),
  );
  if (spreads.length === 0) return parameters;
  const variance = spreads.reduce((sum, own) => sum.add(own), parameters[sigma].square());
  return { ...parameters, [sigma]: variance.sqrt() };
}

/** Levels that the fit did not see multiply any level's effect by 0. */
function withoutEffects({
  dense,
  categories,
}: Pick<FixedBlock, 'dense' | 'categories'>): Pick<FixedBlock, 'dense' | 'categories'> {
  return {
    dense,
    categories: categories.map((category) => {
      const { levelOfRow, multiplier } = category;
      if (!levelOfRow.includes(-1)) return category;
      return {
        ...category,
        levelOfRow: levelOfRow.map((level) => Math.max(0, level)),
        multiplier: Float64Array.from(levelOfRow, (level, row) => (level < 0 ? 0 : (multiplier?.[row] ?? 1))),
      };
    }),
  };
}

/** The structure with the rows' own response, trials and exposures. */
function ofRows(structure: Hierarchy, { y, trials, logExposure }: HeldOutRows): Hierarchy {
  const rows = y.length;
  if ('errors' in structure) return { ...structure, rows, y };
  const { likelihood } = structure;
  switch (likelihood.kind) {
    case 'bernoulli':
      return { ...structure, rows, y };
    case 'binomial':
      return { ...structure, rows, y, likelihood: { ...likelihood, trials: trials! } };
    case 'poisson':
    case 'negativeBinomial':
      return { ...structure, rows, y, likelihood: { ...likelihood, ...(logExposure && { logExposure }) } };
    default:
      throw new Error((likelihood satisfies never as { kind: string }).kind);
  }
}
