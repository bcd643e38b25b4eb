// A fitted hierarchy before rows that it was not fitted to: new groups stand at their parents' means, new levels at 0, with their spread where errors are normal.
import * as tf from '@tensorflow/tfjs-core';
import type { FactorColumn } from '../../data/table.js';
import { gatherRows } from '../../kernels/ops/index.js';
import type { Model, ModelArray, Tensors } from '../model.js';
import { categoryEffects, fixedArrays, fixedPredictor } from './fixedBlock.js';
import { evaluateHierarchy, levelMeans } from './hierarchyModel.js';
import { covarianceScales } from './levelCovariance.js';
import { columnsAt } from './levelTensors.js';
import { replicationOf, rowLikelihood } from './likelihood.js';
import { matrixOf } from './rowMajor.js';
import type { Category, FixedBlock, Hierarchy, HierarchyLevel, NestedTerm } from './structure.js';

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
  /** What the fit took off the response; default 0. */
  readonly responseMean?: number;
  readonly terms: readonly HeldOutTerm[];
  /** Level −1 of a category: one that the fit did not see, at the average of those that it saw. */
  readonly fixed?: Pick<FixedBlock, 'dense' | 'categories'>;
  readonly trials?: Float64Array;
  readonly logExposure?: Float64Array;
}

/** Level of each row among those of the fit, `[rows]`; −1: the fit did not see it. */
export function placeLevels(
  { codes, levels }: Pick<FactorColumn, 'codes' | 'levels'>,
  known: readonly string[],
): Int32Array {
  const index = new Map(known.map((level, i) => [level, i]));
  const places = levels.map((level) => index.get(level) ?? -1);
  return Int32Array.from(codes, (code) => places[code]);
}

/** Says how many rows have levels that the fit did not see, in a line; empty where none has. */
export function newLevelNotes(
  name: string,
  { codes, levels }: Pick<FactorColumn, 'codes' | 'levels'>,
  places: Int32Array,
): string[] {
  const rows = places.filter((place) => place < 0).length;
  if (rows === 0) return [];
  const labels = levels.filter((_, level) => places[codes.indexOf(level)] < 0);
  const some = `${labels.slice(0, 3).join(', ')}${labels.length > 3 ? ', …' : ''}`;
  return [
    `${rows} held-out rows have levels of ${name} that the fit did not see (${some}): effect 0, the average of those it saw, with their spread about it where errors are normal.`,
  ];
}

/** What takes the place of a model's own functions and data. @param model the data of the fit, for covariates and parents */
export function onHeldOutRows(
  structure: Hierarchy,
  model: Pick<Model, 'data'>,
  held: HeldOutRows,
): Pick<Model, 'data' | 'predict' | 'logLikelihood' | 'replicate'> {
  const rows = held.y.length;
  const { responseMean = 0 } = held;
  const y = held.y.map((value) => value - responseMean);
  const fixed = structure.fixed && held.fixed && { ...structure.fixed, ...withoutEffects(held.fixed) };
  const likelihood = rowLikelihood(ofRows(structure, { ...held, y }));
  const arrays: Record<string, ModelArray> = { y: { shape: [rows], values: y }, ...likelihood.data };
  for (const [t, { columns, group, added }] of held.terms.entries()) {
    arrays[`x_${t}`] = matrixOf(columns, rows);
    arrays[`group_${t}`] = { shape: [rows], values: group, dtype: 'int32' };
    const known = structure.terms[t].levels[0].groups;
    const ofNew = columns.map((values) => values.map((value, row) => (group[row] >= known ? value : 0)));
    if (added[0].groups > 0) arrays[`new_x_${t}`] = matrixOf(ofNew, rows);
    for (const [l, own] of added.entries()) {
      if (own.groups === 0) continue;
      const q = structure.terms[t].levels[l].covariateCount;
      arrays[`covariates_${key(t, l)}`] = { shape: [own.groups, q], values: own.covariates };
      if (own.parent !== null)
        arrays[`parent_${key(t, l)}`] = { shape: [own.groups], values: own.parent, dtype: 'int32' };
    }
  }
  if (fixed !== undefined) Object.assign(arrays, fixedArrays(fixed, rows));
  for (const [c, category] of (held.fixed?.categories ?? []).entries()) {
    const values = newMultipliers(category);
    if (values !== undefined) arrays[newLevels(c)] = { shape: [rows], values };
  }
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
  const scaled = (parameters: Tensors, d: Tensors): Tensors => withSpreads(structure, held, parameters, d);
  const replicate = replicationOf(likelihood, eta, scaled);
  return {
    data: { ...model.data, ...arrays },
    predict: (parameters, d) => likelihood.expectation(eta(parameters, d), d).add(responseMean),
    logLikelihood: (parameters, d) => likelihood.logDensity(eta(parameters, d), scaled(parameters, d), d),
    replicate:
      typeof replicate === 'function'
        ? (parameters, d, noise) => replicate(parameters, d, noise).add(responseMean)
        : replicate,
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
 * With normal errors the coefficients of a new innermost group are integrated out row by row: the variance σ² + x'Σx in place of σ². So is the effect
 * of a new level, taken for one more of those that the fit saw, L of them with effects e that sum to 0: Σ e² / (L − 1) (1 + 1/L), or Σ e² / L where
 * they lie about a 0 of their prior. Elsewhere the group stands at its mean, and the level at 0.
 */
function withSpreads(structure: Hierarchy, held: HeldOutRows, parameters: Tensors, d: Tensors): Tensors {
  if (!('errors' in structure) || structure.errors.df !== undefined) return parameters;
  const { sigma } = structure.errors;
  const { fixed } = structure;
  const ofGroups = held.terms.flatMap(({ added, ownLevels = 1 }, t) =>
    added[0].groups === 0
      ? []
      : structure.terms[t].levels.slice(0, ownLevels).map(({ covariance, deviating }) => {
          const { sds, lower } = covarianceScales(covariance, parameters);
          const x = d[`new_x_${t}`];
          const scaled = (deviating === undefined ? x : columnsAt(x, deviating)).mul(sds);
          return (lower === undefined ? scaled : tf.matMul(scaled, lower)).square().sum(1);
        }),
  );
  const ofLevels = (held.fixed?.categories ?? []).flatMap((category, c) => {
    if (fixed === undefined || !(newLevels(c) in d)) return [];
    const effects = categoryEffects(fixed, c, evaluateHierarchy(structure, parameters, d).fixed!);
    return [d[newLevels(c)].square().mul(spreadOfLevels(effects, category))];
  });
  const spreads = [...ofGroups, ...ofLevels];
  if (spreads.length === 0) return parameters;
  const variance = spreads.reduce((sum, own) => sum.add(own), parameters[sigma].square());
  return { ...parameters, [sigma]: variance.sqrt() };
}

/** Variance of one more effect, about the mean of those of the fit, or about the 0 that these have their prior around. */
function spreadOfLevels(effects: tf.Tensor, { levels, hasSpare }: Category): tf.Tensor {
  if (!hasSpare)
    return effects
      .square()
      .sum()
      .mul((1 + 1 / levels) / (levels - 1));
  return effects
    .slice([0], [levels - 1])
    .square()
    .mean();
}

const newLevels = (category: number): string => `new_level_${category}`;

/** What the effect of a level that the fit did not see is multiplied with, `[rows]`, 0 in other rows; undefined: there is none. */
function newMultipliers({ levelOfRow, multiplier }: Category): Float64Array | undefined {
  if (!levelOfRow.includes(-1)) return undefined;
  return Float64Array.from(levelOfRow, (level, row) => (level < 0 ? (multiplier?.[row] ?? 1) : 0));
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
