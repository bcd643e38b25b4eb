// The tensor program that draws all coefficients of one nested term for all chains, and what the updates of scales need of them.
import * as tf from '@tensorflow/tfjs-core';
import { gatherRows, literal, segmentSum } from '../../kernels/ops/index.js';
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import type { Device } from '../../kernels/device.js';
import type { NamedTensors } from '../../kernels/trace/trace.js';
import { factorsOf } from '../../models/linearHierarchy/hierarchyModel.js';
import { columnsAt, columnsTo } from '../../models/linearHierarchy/levelTensors.js';
import { deviatingCount, deviatingOf, isPartial, outerSize } from '../../models/linearHierarchy/links.js';
import {
  type HierarchyLevel,
  isDiagonal,
  type LinearHierarchy,
  type NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import {
  diagonalMatrix,
  drawDeviations,
  drawPopulation,
  type Information,
  integrate,
  levelMeans,
  type LevelLinks,
  logIntegral,
  logIntegralOfPopulation,
  prepare,
  type Prepared,
  sumsByParent,
  toLevelAbove,
} from './levels.js';
import { type BoundProgram, compileProgram } from './program.js';
import { sumBlocks, sumNames } from './rowSums.js';
import { fittedByOthers, type RowInputs, rowInputs, rowNames } from './rowTensors.js';
import { linkData, linksOf } from './termLinks.js';
import { canWriteOut, integrateWrittenOut } from './writtenOut.js';

export interface TermOptions {
  /** Means, and the coefficients of outer levels, are drawn with the coefficients below integrated out. */
  readonly isCollapsed: boolean;
  readonly chains: number;
}

/** Residual sum of squares that no coefficient can explain; the program's `squares` leave it out. */
export interface StaticData {
  readonly arrays: ReadonlyMap<string, DataArray>;
  readonly residual: number;
  /** Sum of squares of `projected`. */
  readonly projectedSquares: number;
}

/** Whether a horseshoe shrinks the population. */
export function isShrunk({ population: { prior } }: NestedTerm): boolean {
  return prior.kind === 'normal' && prior.horseshoe !== undefined;
}

/** Whether a horseshoe's coefficients move with its scales: not where coefficients that do not deviate would move too. */
export function movesPopulation(term: NestedTerm): boolean {
  return isShrunk(term) && !isPartial(term);
}

/** Names of a level's blocks and outputs. */
export const names = {
  scale: (level: number) => `scale ${level}`,
  precision: (level: number) => `precision ${level}`,
  above: (level: number) => `above ${level}`,
  noise: (level: number) => `noise ${level}`,
  coefficients: (level: number) => `coefficients ${level}`,
  deviations: (level: number) => `deviations ${level}`,
  products: (level: number) => `products ${level}`,
  sums: (level: number) => `sums ${level}`,
} as const;

/** The orthogonal factors and crossproducts of a term's groups. */
export function staticData(structure: LinearHierarchy, t: number): StaticData {
  const term = structure.terms[t];
  const k = term.columns.length;
  const { units, upper, projected, residualSumOfSquares } = factorsOf(structure, t);
  const gram = new Float64Array(units * k * k);
  const cross = new Float64Array(units * k);
  for (let g = 0; g < units; g++) {
    const r = (i: number, j: number): number => upper[(g * k + i) * k + j];
    for (let i = 0; i < k; i++) {
      for (let row = 0; row <= i; row++) cross[g * k + i] += r(row, i) * projected[g * k + row];
      for (let j = 0; j < k; j++) {
        for (let row = 0; row <= Math.min(i, j); row++) gram[(g * k + i) * k + j] += r(row, i) * r(row, j);
      }
    }
  }
  const arrays = new Map<string, DataArray>([
    ['gram', { shape: [units, k, k], values: gram }],
    ['cross', { shape: [units, k], values: cross }],
    ['upper', { shape: [units, k, k], values: upper }],
    ['projected', { shape: [units, k], values: projected }],
  ]);
  const projectedSquares = projected.reduce((sum, z) => sum + z * z, 0);
  return { arrays, residual: residualSumOfSquares, projectedSquares };
}

/** Compiles the program of term `t`. */
export function compileTerm(
  structure: LinearHierarchy,
  t: number,
  device: Device,
  data: StaticData,
  { isCollapsed, chains }: TermOptions,
): Promise<BoundProgram> {
  const term = structure.terms[t];
  const { levels } = term;
  const rows = rowsOf(structure, t);
  if (!isCollapsed && isPartial(term))
    throw new RangeError(
      `scheme: coefficients of ${levels[0].coefficients} that do not deviate need a collapsed scheme (collapsed, collapsedInterweaved or integrated)`,
    );
  const populationSize = populationLength(term);
  const parameters: Record<string, readonly number[]> = { 'inverse variance': [] };
  const noise: Record<string, readonly number[]> = { 'noise population': [populationSize] };
  for (const [j, level] of levels.entries()) {
    const shape = scaleShape(level);
    parameters[names.scale(j)] = shape;
    noise[names.noise(j)] = [level.groups, deviatingCount(level)];
    if (isCollapsed) continue;
    parameters[names.precision(j)] = shape;
    parameters[names.above(j)] = j + 1 < levels.length ? [levels[j + 1].groups, levels[j + 1].size] : [populationSize];
  }
  parameters['prior precision'] = [populationSize];
  parameters['prior mean'] = [populationSize];
  Object.assign(parameters, rows?.parameters, sumBlocks(structure, t));
  const arrays = new Map<string, DataArray>([...linkData(term, isCollapsed), ...data.arrays, ...(rows?.data ?? [])]);
  return compileProgram(
    device,
    chains,
    parameters,
    arrays,
    (p, d) => sweep(structure, t, isCollapsed, rows, p, d),
    noise,
  );
}

/** What the log density of the scales given the response depends on, besides them: blocks of parameters, and data. */
export function integratedInputs(
  structure: LinearHierarchy,
  t: number,
  data: StaticData,
): { readonly parameters: Record<string, readonly number[]>; readonly arrays: ReadonlyMap<string, DataArray> } {
  const term = structure.terms[t];
  const rows = rowsOf(structure, t);
  const populationSize = populationLength(term);
  return {
    parameters: {
      'prior precision': [populationSize],
      'prior mean': [populationSize],
      ...rows?.parameters,
      ...sumBlocks(structure, t),
    },
    arrays: new Map<string, DataArray>([...linkData(term, true), ...data.arrays, ...(rows?.data ?? [])]),
  };
}

/**
 * The log density of the scales given the response, all coefficients of term `t` integrated out: `value`, to which −N log σ and −½ total / σ² are to
 * be added, and, where rows have weights, `total`, Σ ω r² of what others leave of them.
 * @param p also the scales: C of each level's Σ = CC' by `names.scale`, and 1/σ²
 * @param isWrittenOut element by element where that can be: faster for the value alone
 */
export function logIntegrated(
  structure: LinearHierarchy,
  t: number,
  p: NamedTensors,
  d: NamedTensors,
  isWrittenOut = false,
): { readonly value: tf.Tensor; readonly total?: tf.Tensor } {
  const term = structure.terms[t];
  const rows = rowsOf(structure, t);
  const residual = rows === undefined ? undefined : d.y.sub(fittedByOthers(rows, p, d));
  let information = informationOfRows(t, p, d, residual).scaled;
  const parts: tf.Tensor[] = [];
  for (const [j, link] of linksOf(term, true, d).entries()) {
    const [scale, { deviating }] = [p[names.scale(j)], term.levels[j]];
    if (isWrittenOut && canWriteOut(link, deviating, term.levels[j].groups)) {
      const { logIntegral: integral, above } = integrateWrittenOut(information, scale);
      parts.push(integral);
      information = above;
      continue;
    }
    const own = prepare(information, scale, deviating);
    parts.push(logIntegral(own));
    information = toLevelAbove(link, integrate(information, own));
  }
  parts.push(logIntegralOfPopulation(information, p['prior precision'], p['prior mean']));
  const value = parts.reduce((sum, part) => sum.add(part));
  return residual === undefined ? { value } : { value, total: squares(p, residual) };
}

/** Compiles `logIntegrated`, its results as outputs. */
export function compileIntegrated(
  structure: LinearHierarchy,
  t: number,
  device: Device,
  data: StaticData,
  lanes: number,
): Promise<BoundProgram> {
  const { parameters, arrays } = integratedInputs(structure, t, data);
  const shapes: Record<string, readonly number[]> = { 'inverse variance': [], ...parameters };
  for (const [j, level] of structure.terms[t].levels.entries()) shapes[names.scale(j)] = scaleShape(level);
  return compileProgram(device, lanes, shapes, arrays, (p, d): Record<string, tf.Tensor> => {
    const { value, total } = logIntegrated(structure, t, p, d, true);
    return total === undefined ? { value } : { value, [sumNames.total]: total };
  });
}

/** Rows that have weights, which the programs go through themselves. */
const rowsOf = (structure: LinearHierarchy, t: number): RowInputs | undefined =>
  structure.errors.df === undefined ? undefined : rowInputs(structure, t);

/** Coefficients of the population. */
function populationLength({ levels }: NestedTerm): number {
  return outerSize(levels[levels.length - 1]);
}

function scaleShape(level: HierarchyLevel): number[] {
  const size = deviatingCount(level);
  return isDiagonal(level.covariance) ? [size] : [size, size];
}

/** What the rows say of the innermost coefficients: X'ΩX and X'Ωr, and the same over σ². */
function informationOfRows(
  t: number,
  p: NamedTensors,
  d: NamedTensors,
  residual: tf.Tensor | undefined,
): { own: Information; scaled: Information } {
  const given = sumNames.shift in p ? p[sumNames.shift] : d.cross;
  const own = residual === undefined ? { precision: d.gram, shift: given } : crossproducts(t, p, d, residual);
  const lambda = p['inverse variance'];
  return { own, scaled: { precision: own.precision.mul(lambda), shift: own.shift.mul(lambda) } };
}

/** One update of all coefficients of a term. */
function sweep(
  structure: LinearHierarchy,
  t: number,
  isCollapsed: boolean,
  rows: RowInputs | undefined,
  p: NamedTensors,
  d: NamedTensors,
): Record<string, tf.Tensor> {
  const term = structure.terms[t];
  const { levels } = term;
  const links = linksOf(term, isCollapsed, d);
  const scales = levels.map((_, j) => p[names.scale(j)]);
  const rowResidual = rows === undefined ? undefined : d.y.sub(fittedByOthers(rows, p, d));
  const { own, scaled: fromRows } = informationOfRows(t, p, d, rowResidual);
  const { coefficients, population } = isCollapsed
    ? collapsed(levels, links, scales, fromRows, p)
    : centred(links, scales, fromRows, p);

  const outputs: Record<string, tf.Tensor> = { population };
  for (const [j, link] of links.entries()) {
    const means = levelMeans(link, j + 1 < levels.length ? coefficients[j + 1] : population);
    const deviations = coefficients[j].sub(means);
    outputs[names.coefficients(j)] = coefficients[j];
    outputs[names.deviations(j)] = deviations;
    const free = levels[j].deviating === undefined ? deviations : columnsAt(deviations, deviatingOf(levels[j]));
    outputs[names.products(j)] = scales[j].rank === 1 ? free.square().sum(0) : tf.matMul(free, free, true, false);
    if (j + 1 < levels.length || movesPopulation(term)) outputs[names.sums(j)] = sumsByParent(link, deviations);
    if (j > 0) continue;
    // ‖y − Xb − X diag(v)(ρ − 1)‖², v the deviations, as a function of ρ.
    const left = own.shift.sub(own.precision.mul(coefficients[0].expandDims(1)).sum(2));
    outputs['scale slopes'] = deviations.mul(left).sum(0);
    const weighted = own.precision.mul(deviations.expandDims(1)).mul(deviations.expandDims(2));
    outputs['scale curvature'] = weighted.sum(0);
  }
  outputs.squares = squaresLeft(t, p, d, rowResidual, coefficients[0]);
  return outputs;
}

/** Σ ω r² of what the coefficients leave of the rows, but for what no coefficients can explain where only crossproducts are known. */
function squaresLeft(
  t: number,
  p: NamedTensors,
  d: NamedTensors,
  residual: tf.Tensor | undefined,
  coefficients: tf.Tensor,
): tf.Tensor {
  if (residual !== undefined)
    return squares(p, residual.sub(gatherRows(coefficients, d[rowNames.group(t)]).mul(d[rowNames.columns(t)]).sum(1)));
  if (sumNames.shift in p) {
    const product = d.gram.mul(coefficients.expandDims(1)).sum(2);
    return p[sumNames.total].add(product.sub(p[sumNames.shift].mul(2)).mul(coefficients).sum());
  }
  return d.projected
    .sub(d.upper.mul(coefficients.expandDims(1)).sum(2))
    .square()
    .sum();
}

function squares(p: NamedTensors, residual: tf.Tensor): tf.Tensor {
  const weights = p.weights as tf.Tensor | undefined;
  return (weights === undefined ? residual.square() : residual.square().mul(weights)).sum();
}

/** X'Ωr of each group; X'ΩX where there are weights. */
function crossproducts(t: number, p: NamedTensors, d: NamedTensors, residual: tf.Tensor): Information {
  const weights = p.weights as tf.Tensor | undefined;
  const x = d[rowNames.columns(t)];
  const [groups, k] = d.gram.shape;
  const weighted = weights === undefined ? x : x.mul(weights.expandDims(1));
  const shift = segmentSum(weighted.mul(residual.expandDims(1)), d[rowNames.group(t)], groups);
  if (weights === undefined) return { precision: d.gram, shift };
  const products = weighted.reshape([-1, 1, k]).mul(x.reshape([-1, k, 1]));
  return { precision: segmentSum(products, d[rowNames.group(t)], groups), shift };
}

interface Coefficients {
  readonly coefficients: readonly tf.Tensor[];
  readonly population: tf.Tensor;
}

/** Noise of the groups that were declared, 0 of those after them. */
function noiseOf(noise: tf.Tensor, { solvedShift }: Prepared): tf.Tensor {
  const [groups, d] = noise.shape;
  const more = solvedShift.shape[0] - groups;
  return more === 0
    ? noise
    : tf.concat(
        [
          noise,
          literal(
            Array.from({ length: more * d }, () => 0),
            [more, d],
          ),
        ],
        0,
      );
}

/** All levels as one draw: information upwards with each level integrated out, then draws downwards. */
function collapsed(
  levels: readonly HierarchyLevel[],
  links: readonly LevelLinks[],
  scales: readonly tf.Tensor[],
  fromRows: Information,
  p: NamedTensors,
): Coefficients {
  let information = fromRows;
  const prepared = links.map((link, j) => {
    const own = prepare(information, scales[j], levels[j].deviating);
    information = toLevelAbove(link, integrate(information, own));
    return own;
  });
  const population = drawPopulation(information, p);
  const coefficients: tf.Tensor[] = [];
  let above = population;
  for (let j = links.length - 1; j >= 0; j--) {
    const means = levelMeans(links[j], above);
    const deviations = drawDeviations(prepared[j], scales[j], means, noiseOf(p[names.noise(j)], prepared[j]));
    const { deviating, size } = levels[j];
    above = (deviating === undefined ? deviations : columnsTo(deviations, deviating, size)).add(means);
    coefficients[j] = above;
  }
  return { coefficients, population };
}

/** Level after level, each given its neighbours. */
function centred(
  links: readonly LevelLinks[],
  scales: readonly tf.Tensor[],
  fromRows: Information,
  p: NamedTensors,
): Coefficients {
  let information = fromRows;
  const coefficients = links.map((link, j) => {
    const means = levelMeans(link, p[names.above(j)]);
    const own = prepare(information, scales[j], undefined);
    const b = drawDeviations(own, scales[j], means, noiseOf(p[names.noise(j)], own)).add(means);
    const precision = p[names.precision(j)];
    const groups = b.shape[0];
    const isDiagonal = precision.rank === 1;
    const matrix = isDiagonal ? diagonalMatrix(precision) : precision;
    information = toLevelAbove(link, {
      precision: tf.tile(matrix.expandDims(0), [groups, 1, 1]),
      shift: isDiagonal ? b.mul(precision) : tf.matMul(b, precision),
    });
    return b;
  });
  return { coefficients, population: drawPopulation(information, p) };
}
