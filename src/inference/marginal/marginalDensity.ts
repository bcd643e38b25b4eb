// The log density of a hierarchy's scales with all coefficients integrated out, and its gradient, as one tensor program.
import type * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import type { Device } from '../../kernels/device.js';
import { pullback } from '../../kernels/program/gradients.js';
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import { type NodeId, sizeOf, type TensorProgram } from '../../kernels/program/tensorProgram.js';
import { trace } from '../../kernels/trace/trace.js';
import type {
  CoefficientPrior,
  Errors,
  HierarchyLevel,
  LinearHierarchy,
  NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import type { PositionBlock, TracedDensity } from '../compiledModel.js';
import { densityOf, type ModelDensity } from '../portableDensity.js';
import { scalars } from './columns.js';
import { downward } from './downward.js';
import { type MarginalData, marginalData, normalPriors } from './marginalData.js';
import { factorName, priorSdsName, scaleBlocks, type ScaleKind, scaleKinds, scaleTensors } from './scales.js';
import { foldedScales } from './spreads.js';
import { polynomialArrays, polynomialNodes, type UnitPolynomials } from './unitPolynomials.js';
import { informationOutput } from './information.js';
import { type ScaleNodes, type UnitSums, upward } from './upward.js';

/** θ = centre + map · ξ, with ξ of about unit variance. */
export interface ScaleMap {
  /** `[dimension]`. */
  readonly centre: Float64Array;
  /** `[dimension][dimension]`, upper triangular. */
  readonly map: Float64Array;
  /** Where the coordinates of signed scales turn (`spreads.ts`), `[dimension]`; 1 and 0 for the others. */
  readonly units: Float64Array;
  readonly bends: Float64Array;
}

/** A term whose scales are sampled, with what was computed of its data. */
export interface Marginal {
  /** Its levels have groups without data after those declared, so that none is too small to be looped over. */
  readonly term: NestedTerm;
  /** Groups of each level that were declared. */
  readonly groups: readonly number[];
  readonly errors: Errors;
  /** Priors of the population and of a fixed block. */
  readonly priors: readonly CoefficientPrior[];
  readonly data: MarginalData;
  /** Of the scales θ; see `scaleBlocks`. */
  readonly blocks: readonly PositionBlock[];
  readonly dimension: number;
  /** By level. */
  readonly kinds: readonly ScaleKind[];
}

/** The compiler writes arrays out whose axes are all shorter than this. */
const looped = 33;

/** Levels with at least as many groups as make loops; what is added has no data and says nothing of anything. */
function filledLevels(levels: readonly HierarchyLevel[]): HierarchyLevel[] {
  const counts = levels.map(({ groups }) => Math.max(groups, looped));
  return levels.map((level, l) => {
    const { covariates, covariateCount: q, parent } = level;
    const filled = new Float64Array(counts[l] * q).fill(1);
    filled.set(covariates);
    const outer = parent && new Int32Array(counts[l]).fill(counts[l + 1] - 1);
    outer?.set(parent!);
    return { ...level, groups: counts[l], covariates: filled, parent: outer };
  });
}

export function marginalOf(structure: LinearHierarchy, kinds?: readonly ScaleKind[]): Marginal {
  const [declared] = structure.terms;
  const priors = normalPriors(structure);
  if (priors === undefined) throw new Error('the population has no normal prior');
  const blocks = scaleBlocks(declared, structure.errors, priors);
  const term = { ...declared, levels: filledLevels(declared.levels) };
  return {
    term,
    groups: declared.levels.map(({ groups }) => groups),
    errors: structure.errors,
    priors,
    data: marginalData(structure, term, priors[0]),
    blocks,
    dimension: blocks.reduce((sum, { size }) => sum + size, 0),
    kinds: kinds ?? scaleKinds(term),
  };
}

/** Parameters of the programs: the position ξ, and the map from it to the scales, θ = centre + map · ξ. */
const parameterNames = { position: 'position', centre: 'centre', map: 'map', units: 'units', bends: 'bends' } as const;

/** Parameter blocks of the programs, in the order in which they lie in memory. */
export function marginalParameters({ dimension }: Marginal): { readonly name: string; readonly size: number }[] {
  const { position, centre, map, units, bends } = parameterNames;
  return [
    { name: position, size: dimension },
    { name: centre, size: dimension },
    { name: map, size: dimension * dimension },
    { name: units, size: dimension },
    { name: bends, size: dimension },
  ];
}

/** Scales of a position as nodes of a new program, with their log prior. */
export function recordScales(
  { term, errors, priors, kinds, blocks, dimension }: Marginal,
  more: Readonly<Record<string, number>> = {},
) {
  const { position, centre, map, units, bends } = parameterNames;
  const others = Object.fromEntries(Object.entries(more).map(([name, size]) => [name, [size]]));
  const parameters = {
    [position]: [dimension],
    [centre]: [dimension],
    [map]: [dimension, dimension],
    [units]: [dimension],
    [bends]: [dimension],
    ...others,
  };
  const recorded = trace(
    (given) => {
      const theta = given[centre].add(given[map].mul(given[position].reshape([1, dimension])).sum(1));
      const parts = (of: tf.Tensor) =>
        Object.fromEntries(blocks.map(({ name, offset, size }) => [name, of.slice([offset], [size])]));
      const turns = { units: parts(given[units]), bends: parts(given[bends]) };
      return { ...scaleTensors(term, errors, priors, kinds, parts(theta), turns), theta };
    },
    { parameters },
  );
  const { outputs } = recorded;
  const nodes: ScaleNodes = {
    sigma: outputs.get('sigma')!,
    factors: term.levels.map((_, l) => outputs.get(factorName(l))!),
    priorSds: outputs.get(priorSdsName)!,
  };
  const theta = outputs.get('theta')!;
  const [logSigma] = scalars(recorded.builder, [theta]);
  return {
    builder: recorded.builder,
    parameters: recorded.parameters,
    position: recorded.parameters.get(position)!,
    nodes,
    theta,
    logSigma,
    logPrior: outputs.get('logPrior')!,
  };
}

/**
 * Log density of the scales given y, with its gradient: exact, in time linear in the groups and independent of the rows. The program takes
 * `marginalParameters`; the map is the caller's to set, and stays as it is while the density is sampled.
 * @param differentiation `written`: the pass of `downward`, which is for a nest alone; `automatic`: by the rules of the program
 * @param of the density, or what the data say of the scales alone, without priors and Jacobians
 */
export function traceMarginal(
  marginal: Marginal,
  differentiation: 'written' | 'automatic' = marginal.data.crossed === undefined ? 'written' : 'automatic',
  of: 'density' | 'likelihood' = 'density',
): TracedDensity {
  return tracedDensity(marginal, marginalProgram(marginal, differentiation, of), marginal.data.arrays);
}

/**
 * The same density with polynomials in place of what the units say: no pass over the units, and as good as the polynomials are.
 * @param shapes of the parts of the units' sums
 */
export function traceSurrogate(
  marginal: Marginal,
  polynomials: UnitPolynomials,
  shapes: readonly (readonly number[])[],
): TracedDensity {
  const folded = foldedScales(marginal).map(({ at }) => at);
  const program = marginalProgram(marginal, 'written', 'density', (builder, theta) =>
    polynomialNodes(builder, theta, polynomials, shapes, folded),
  );
  const arrays = new Map([...marginal.data.arrays, ...polynomialArrays(polynomials, shapes)]);
  return tracedDensity(marginal, program, arrays);
}

function tracedDensity(
  marginal: Marginal,
  program: TensorProgram,
  data: ReadonlyMap<string, DataArray>,
): TracedDensity {
  const { dimension } = marginal;
  return {
    dataBytes: program.nodes.reduce(
      (sum, { operation, shape }) => sum + (operation.op === 'data' ? 8 * sizeOf(shape) : 0),
      0,
    ),
    compile: async (device: Device, chains: number) => {
      const parameters = marginalParameters(marginal);
      const executable = await device.compile(program, { parameters, data, chains, accurate: ['value'] });
      const density = densityOf(executable, { dimension, gradients: ['gradient'] });
      setMap(density, identityMap(dimension));
      return density;
    },
  };
}

/** θ = ξ, with scales in units of 1. */
export function identityMap(dimension: number): ScaleMap {
  const map = Float64Array.from({ length: dimension * dimension }, (_, at) => Number(at % (dimension + 1) === 0));
  return {
    centre: new Float64Array(dimension),
    map,
    units: new Float64Array(dimension).fill(1),
    bends: new Float64Array(dimension),
  };
}

/** Sets the map from positions to scales, in all lanes. */
export function setMap(
  { parameters, dimension, lanes }: Pick<ModelDensity, 'parameters' | 'dimension' | 'lanes'>,
  { centre, map, units, bends }: ScaleMap,
): void {
  for (const [i, value] of [...centre, ...map, ...units, ...bends].entries()) {
    parameters.fill(value, (dimension + i) * lanes, (dimension + i + 1) * lanes);
  }
}

function marginalProgram(
  marginal: Marginal,
  differentiation: 'written' | 'automatic',
  of: 'density' | 'likelihood',
  units?: (builder: ProgramBuilder, theta: NodeId) => UnitSums,
): TensorProgram {
  const { term, data } = marginal;
  const recorded = recordScales(marginal);
  const { builder, position, nodes, theta, logSigma } = recorded;
  const logPrior = of === 'density' ? recorded.logPrior : builder.scalar(0);
  const up = upward(builder, term, data, nodes, units?.(builder, theta));
  const value = builder.add(logPrior, up.logDensity);
  const outputs = new Map<string, NodeId>([['value', value]]);
  for (const { level, stored } of up.levels)
    for (const [i, array] of stored.entries()) outputs.set(informationOutput(term.levels.indexOf(level), i), array);
  const cotangents = new Map<NodeId, NodeId>(of === 'density' ? [[logPrior, builder.scalar(1)]] : []);
  if (differentiation === 'automatic') {
    // Of −½ log |Λ| + ½ η'Λ⁻¹η by Λ: −½ (Λ⁻¹ + Δ̂Δ̂'); by η: Δ̂.
    const mean = up.populationMean;
    const [size] = builder.shape(mean);
    const outer = builder.mul(builder.reshape(mean, [size, 1]), builder.reshape(mean, [1, size]));
    const inverse = up.factor.inverse();
    cotangents.set(up.remainder, builder.scalar(1));
    cotangents.set(up.precision, builder.mul(builder.add(inverse, outer), builder.scalar(-0.5)));
    cotangents.set(up.score, mean);
    outputs.set('inverse', inverse);
  } else {
    const down = downward(builder, data, up, nodes.priorSds);
    for (const [i, array] of down.stored.entries()) outputs.set(`posterior ${i}`, array);
    cotangents.set(logSigma, down.logSigma);
    for (const [at, slope] of down.factors.entries()) cotangents.set(nodes.factors[up.firstLevel + at], slope);
    if (up.firstLevel === 1) {
      for (const [part, slope] of down.unitSums.entries()) cotangents.set(up.units.sums[part], slope);
      cotangents.set(up.units.rest, builder.scalar(-0.5));
    }
    if (marginal.priors.some(({ horseshoe }) => horseshoe !== undefined)) cotangents.set(nodes.priorSds, down.priorSds);
  }
  for (const [i, array] of up.factor.stored.entries()) outputs.set(`factor ${i}`, array);
  outputs.set('gradient', pullback(builder, cotangents, [position])[0]);
  return builder.finish(outputs);
}
