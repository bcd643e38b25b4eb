// Tensor programs that move the coefficients of all groups of a level, each group by a trajectory of its own, and then draw what lies above given them.
import * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../../kernels/compiler/memoryLayout.js';
import type { Device } from '../../../kernels/device.js';
import { gatherRows, segmentSum, triangularSolve } from '../../../kernels/ops/index.js';
import type { NamedTensors } from '../../../kernels/trace/trace.js';
import { fixedPredictor } from '../../../models/linearHierarchy/fixedBlock.js';
import { type HierarchyModel, hierarchyModel } from '../../../models/linearHierarchy/hierarchyModel.js';
import { columnsAt, columnsTo } from '../../../models/linearHierarchy/levelTensors.js';
import { rowLikelihood } from '../../../models/linearHierarchy/likelihood.js';
import { deviatingCount, outerSize } from '../../../models/linearHierarchy/links.js';
import {
  type GeneralisedHierarchy,
  type HierarchyLevel,
  isDiagonal,
  type NestedTerm,
  scaleOf,
} from '../../../models/linearHierarchy/structure.js';
import { levelMeans, type LevelLinks, prepare, slopesAbove } from '../levels.js';
import { type BoundProgram, compileProgram } from '../program.js';
import { names } from '../termProgram.js';
import { drawAbove, planAbove } from './above.js';
import type { GroupInformation } from './information.js';

/** Leapfrog steps of a trajectory: with the longest steps it turns by about a right angle. */
const trajectorySteps = 3;
/** Of the step that a group has learnt, what a trajectory takes. */
const [leastShare, mostShare] = [0.6, 1.1];

/** Names of blocks and outputs besides those of `names`. */
export const groupNames = {
  other: (t: number) => `term ${t}`,
  inverse: 'inverse scale',
  steps: 'steps',
  rates: 'rates',
  dispersion: 'dispersion',
  fixed: 'fixed',
} as const;

/** Arrays that the programs of all levels share. */
export type RowData = HierarchyModel['data'];

export function rowData(structure: GeneralisedHierarchy): RowData {
  return hierarchyModel(structure).data;
}

/**
 * Compiles the program of level `j` of term `t`: trajectories of all its groups, the standardised deviations of the levels below staying as they
 * are. That of the innermost level goes on to the levels above and the population, drawn given its coefficients.
 */
export function compileGroups(
  structure: GeneralisedHierarchy,
  [t, j]: readonly [number, number],
  device: Device,
  chains: number,
  rows: RowData,
  information: GroupInformation,
): Promise<BoundProgram> {
  const { terms, fixed } = structure;
  const { levels } = terms[t];
  const { groups } = levels[j];
  const length = outerSize(levels[levels.length - 1]);
  const parameters: Record<string, readonly number[]> = { population: [length], [groupNames.steps]: [groups] };
  const noise: Record<string, readonly number[]> = {
    momenta: [groups, deviatingCount(levels[j])],
    energies: [groups, 2],
    jitter: [groups, 1],
  };
  for (const [l, level] of levels.entries()) parameters[names.coefficients(l)] = [level.groups, level.size];
  parameters[names.scale(j)] = covarianceShape(levels[j]);
  parameters[groupNames.inverse] = covarianceShape(levels[j]);
  if (scaleOf(structure) !== undefined) parameters[groupNames.dispersion] = [];
  for (const [other, term] of terms.entries())
    if (other !== t) parameters[groupNames.other(other)] = [term.levels[0].groups, term.levels[0].size];
  if (fixed !== undefined) parameters[groupNames.fixed] = [fixed.prior.sds.length];
  const plan = j === 0 ? planAbove(terms[t]) : undefined;
  if (plan !== undefined) {
    for (const [l, { drawn, held }] of plan.levels.entries()) {
      if (held.length > 0) parameters[names.precision(l)] = covarianceShape(levels[l]);
      if (drawn.length === 0) continue;
      parameters[names.scale(l)] = covarianceShape(levels[l]);
      noise[names.noise(l)] = [levels[l].groups, drawn.length];
    }
    Object.assign(parameters, { 'prior precision': [length], 'prior mean': [length] });
    noise['noise population'] = [length];
  }
  const data = new Map<string, DataArray>(Object.entries(rows));
  data.set('information', information);
  return compileProgram(device, chains, parameters, data, (p, d) => moveGroups(structure, t, j, p, d), noise);
}

/** Of C, or its standard deviations. */
export function covarianceShape(level: HierarchyLevel): number[] {
  const size = deviatingCount(level);
  return isDiagonal(level.covariance) ? [size] : [size, size];
}

/** Log density of the rows by group, `[group]`, and its gradient by the groups' coefficients, `[group, k]`. */
interface RowsAt {
  readonly value: tf.Tensor;
  readonly slope: tf.Tensor;
}

function moveGroups(
  structure: GeneralisedHierarchy,
  t: number,
  j: number,
  p: NamedTensors,
  d: NamedTensors,
): Record<string, tf.Tensor> {
  const term = structure.terms[t];
  const links = linksOf(term, t, d);
  const before = term.levels.map((_, l) => p[names.coefficients(l)]);
  const above = (l: number): tf.Tensor => (l + 1 < before.length ? before[l + 1] : p.population);
  const deviations = links.slice(0, j).map((link, l) => before[l].sub(levelMeans(link, above(l))));
  /** Coefficients of levels 0 … j. */
  const downward = (coefficients: tf.Tensor): tf.Tensor[] => {
    const all = [coefficients];
    for (let l = j - 1; l >= 0; l--) all.unshift(levelMeans(links[l], all[0]).add(deviations[l]));
    return all;
  };
  const rowsAt = rowsOf(structure, t, p, d);
  const at = (coefficients: tf.Tensor): RowsAt => {
    let { value, slope } = rowsAt(downward(coefficients)[0]);
    for (const link of links.slice(0, j)) {
      value = segmentSum(value, link.parent!, link.parentGroups);
      slope = slopesAbove(link, slope);
    }
    return { value, slope };
  };
  const { deviating } = term.levels[j];
  const start = { coefficients: before[j], means: levelMeans(links[j], above(j)), scale: p[names.scale(j)], deviating };
  const { coefficients, rates } = trajectory(at, start, p, d);
  const outputs: Record<string, tf.Tensor> = { [groupNames.rates]: rates };
  for (const [l, own] of downward(coefficients).entries()) outputs[names.coefficients(l)] = own;
  if (j > 0) return outputs;
  const plan = planAbove(term);
  const moved = { coefficients: [coefficients, ...before.slice(1)], population: p.population };
  const drawn = plan === undefined ? moved : drawAbove(term, plan, links, moved.coefficients, p.population, p);
  if (plan !== undefined) outputs.population = drawn.population;
  for (const [l, level] of term.levels.entries()) {
    if (plan !== undefined) outputs[names.coefficients(l)] = drawn.coefficients[l];
    const own = drawn.coefficients[l].sub(levelMeans(links[l], drawn.coefficients[l + 1] ?? drawn.population));
    const free = level.deviating === undefined ? own : columnsAt(own, level.deviating);
    outputs[names.products(l)] = isDiagonal(level.covariance)
      ? free.square().sum(0)
      : tf.matMul(free, free, true, false);
  }
  return outputs;
}

/** The rows as a function of the innermost coefficients of a term. */
function rowsOf(
  structure: GeneralisedHierarchy,
  t: number,
  p: NamedTensors,
  d: NamedTensors,
): (coefficients: tf.Tensor) => RowsAt {
  const { terms, fixed } = structure;
  const likelihood = rowLikelihood(structure);
  const scale = scaleOf(structure);
  const parameters = scale === undefined ? {} : { [scale.name]: p[groupNames.dispersion] };
  const explained = (coefficients: tf.Tensor, of: number): tf.Tensor =>
    gatherRows(coefficients, d[`group_${of}`]).mul(d[`x_${of}`]).sum(1);
  const given = terms.flatMap((_, other) => (other === t ? [] : [explained(p[groupNames.other(other)], other)]));
  if (fixed !== undefined) given.push(fixedPredictor(fixed, p[groupNames.fixed], d));
  return (coefficients) => {
    const eta = given.reduce((sum, part) => sum.add(part), explained(coefficients, t));
    const groups = coefficients.shape[0];
    const slopes = likelihood.slope!(eta, parameters, d);
    return {
      value: segmentSum(likelihood.logDensity(eta, parameters, d), d[`group_${t}`], groups),
      slope: segmentSum(d[`x_${t}`].mul(slopes.expandDims(1)), d[`group_${t}`], groups),
    };
  };
}

/** Groups before they move: coefficients and means of all `[group, k]`, C of those that deviate. */
interface GroupStart {
  readonly coefficients: tf.Tensor;
  readonly means: tf.Tensor;
  readonly scale: tf.Tensor;
  readonly deviating: readonly number[] | undefined;
}

/**
 * Hamiltonian trajectories of all groups at once, each accepted or refused by itself: given what lies above them groups are independent. They run
 * in ζ, b = M + Cζ with ζ ~ N(0, I), by the metric I + C'AC with A the rough information of the rows; of coefficients that deviate alone.
 */
function trajectory(
  at: (coefficients: tf.Tensor) => RowsAt,
  { coefficients: before, means, scale, deviating }: GroupStart,
  p: NamedTensors,
  d: NamedTensors,
): { coefficients: tf.Tensor; rates: tf.Tensor } {
  const isPlain = scale.rank === 1;
  const size = before.shape[1]!;
  const among = (x: tf.Tensor): tf.Tensor => (deviating === undefined ? x : columnsTo(x, deviating, size));
  const of = (x: tf.Tensor): tf.Tensor => (deviating === undefined ? x : columnsAt(x, deviating));
  const forward = (x: tf.Tensor): tf.Tensor => among(isPlain ? x.mul(scale) : tf.matMul(x, scale, false, true));
  const back = (x: tf.Tensor): tf.Tensor => (isPlain ? of(x).mul(scale) : tf.matMul(of(x), scale));
  const inverse = p[groupNames.inverse];
  const deviations = of(before.sub(means));
  const start = isPlain ? deviations.mul(inverse) : tf.matMul(deviations, inverse, false, true);
  const { velocity, force } = metricOf(scale, d.information, before, deviating);
  // A trajectory that always turned by half a circle would hardly change how far from its centre a group is.
  const step = p[groupNames.steps].expandDims(1).mul(between(p.jitter));
  const half = step.mul(0.5);
  const energy = (value: tf.Tensor, zeta: tf.Tensor, momentum: tf.Tensor): tf.Tensor =>
    value.sub(zeta.square().add(momentum.square()).sum(1).mul(0.5));
  let [zeta, momentum] = [start, p.momenta];
  let rows = at(means.add(forward(zeta)));
  const first = energy(rows.value, zeta, momentum);
  for (let n = 0; n < trajectorySteps; n++) {
    momentum = momentum.add(force(back(rows.slope).sub(zeta)).mul(half));
    zeta = zeta.add(velocity(momentum).mul(step));
    rows = at(means.add(forward(zeta)));
    momentum = momentum.add(force(back(rows.slope).sub(zeta)).mul(half));
  }
  const gain = energy(rows.value, zeta, momentum).sub(first);
  // Half the square of two normals is minus the logarithm of a uniform.
  const isAccepted = gain.add(p.energies.square().sum(1).mul(0.5)).greater(0).expandDims(1);
  return { coefficients: tf.where(isAccepted, means.add(forward(zeta)), before), rates: tf.minimum(gain, 0).exp() };
}

/** About uniform numbers between the least and the most, from normals, whose distribution function the logistic one nearly is. */
const between = (normals: tf.Tensor): tf.Tensor =>
  normals
    .mul(1.702)
    .sigmoid()
    .mul(mostShare - leastShare)
    .add(leastShare);

/** K with KK' = I + C'AC, or of its diagonal: velocities K⁻ᵀp, forces K⁻¹g. @param like as many numbers as coefficients, whatever they are */
function metricOf(
  scale: tf.Tensor,
  information: tf.Tensor,
  like: tf.Tensor,
  deviating: readonly number[] | undefined,
): { velocity: (x: tf.Tensor) => tf.Tensor; force: (x: tf.Tensor) => tf.Tensor } {
  if (information.rank === 2) {
    const free = deviating === undefined ? information : columnsAt(information, deviating);
    const own = scale.rank === 1 ? free.mul(scale.square()) : tf.matMul(free, scale.square());
    const width = own.add(1).rsqrt();
    return { velocity: (x) => x.mul(width), force: (x) => x.mul(width) };
  }
  const { factor } = prepare({ precision: information, shift: like }, scale, deviating);
  const solve = (x: tf.Tensor, isTransposed: boolean): tf.Tensor =>
    triangularSolve(factor, x.expandDims(2), isTransposed).squeeze([2]);
  return { velocity: (x) => solve(x, true), force: (x) => solve(x, false) };
}

/** Links of a term's levels, from the data of `RowData`. */
export function linksOf({ levels }: NestedTerm, t: number, d: NamedTensors): LevelLinks[] {
  return levels.map(({ size, covariates, covariateCount, parent, regressions }, l): LevelLinks => {
    const isConstant = covariateCount === 1 && covariates.every((z) => z === 1);
    return {
      size,
      covariateCount,
      ...(regressions && { regressions }),
      covariates: isConstant ? undefined : d[`covariates_${t}_${l}`],
      parent: parent === null ? undefined : d[`parent_${t}_${l}`],
      parentGroups: parent === null ? 1 : levels[l + 1].groups,
    };
  });
}
