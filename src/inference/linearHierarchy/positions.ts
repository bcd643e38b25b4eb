// From values of a linear hierarchy on their own scales to the unconstrained position of its model, and back.
import { estimatedIn, sampledUnit } from '../../models/linearHierarchy/coefficientPrior.js';
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import {
  type CoefficientPrior,
  hasFactors,
  type LevelCovariance,
  type Hierarchy,
  type HierarchyLevel,
  type NestedTerm,
  scaleOf,
} from '../../models/linearHierarchy/structure.js';
import {
  coefficientSds,
  type FixedValues,
  type HierarchyScalars,
  type HierarchyValues,
  levelMeans,
  type LevelScales,
  recentre,
  type ShrinkageValues,
  type TermValues,
} from '../../models/linearHierarchy/values.js';
import type { Model, ModelParameter } from '../../models/model.js';
import { positionBlocks } from '../compiledModel.js';
import { unconstrain } from '../transforms/unconstrain.js';
import { covarianceOfFactors } from './factors.js';

interface Block {
  readonly parameter: ModelParameter;
  readonly offset: number;
  readonly size: number;
}

/** Translates for one model; keeps scratch memory, so one call at a time. */
export class HierarchyPositions {
  readonly dimension: number;
  private readonly structure: Hierarchy;
  private readonly blocks: ReadonlyMap<string, Block>;
  /** By term, by level: `[group][k]`. */
  private readonly means: readonly (readonly Float64Array[])[];

  /** Throws RangeError for a model that declares no structure. */
  constructor(model: Pick<Model, 'name' | 'parameters' | 'structure'>) {
    if (model.structure === undefined) throw new RangeError(`${model.name} declares no linear hierarchy`);
    this.structure = model.structure;
    const blocks = positionBlocks(model);
    this.blocks = new Map(
      blocks.map(({ name, offset, size }, i) => [name, { parameter: model.parameters[i], offset, size }]),
    );
    this.dimension = blocks.reduce((sum, { size }) => sum + size, 0);
    this.means = this.structure.terms.map(({ levels }) => levels.map((l) => new Float64Array(l.groups * l.size)));
  }

  /** The unconstrained position `[dimension]` of these values, written to `target`. */
  write(values: HierarchyValues, target: Float64Array): void {
    this.writeScalars(values, target);
    for (const [t, term] of this.structure.terms.entries()) this.writeLevels(term, t, values.terms[t], target);
  }

  /** The same of everything but the coefficients of groups. */
  writeScalars({ sigma, terms, fixed }: HierarchyScalars, target: Float64Array): void {
    const { structure } = this;
    const scale = scaleOf(structure);
    if (scale !== undefined) this.set(scale.name, [sigma], target);
    for (const [t, { population, levels }] of structure.terms.entries()) {
      const own = terms[t];
      const { name, prior } = population;
      if (prior.kind === 'common') this.set(name, own.population, target);
      else this.writeCoefficients(name, prior, own.population, own.shrinkage, target);
      for (const [l, { covariance }] of levels.entries()) this.writeCovariance(covariance, own.levels[l], target);
    }
    if (structure.fixed === undefined) return;
    const { coefficients, shrinkage } = fixed!;
    this.writeCoefficients(structure.fixed.name, structure.fixed.prior, coefficients, shrinkage, target);
  }

  /** Where a position holds what is sampled of a level's coefficients, `[group][k]`, those that deviate. */
  levelOf({ coefficients }: HierarchyLevel, position: Float64Array): Float64Array {
    return this.at(coefficients, position);
  }

  /** The values at an unconstrained position. */
  read(position: Float64Array): HierarchyValues {
    const { structure } = this;
    const scale = scaleOf(structure);
    return {
      sigma: scale === undefined ? 1 : Math.exp(this.at(scale.name, position)[0]),
      terms: structure.terms.map((term, t) => this.readTerm(term, t, position)),
      fixed: this.readFixed(position),
    };
  }

  private writeLevels(term: NestedTerm, t: number, values: TermValues, target: Float64Array): void {
    for (const [l, level] of term.levels.entries()) {
      const own = values.levels[l];
      const means = this.means[t][l];
      if (level.centring.some((lambda) => lambda !== 1)) levelMeans(term, l, values, means);
      recentre(level, own, own.coefficients, means, 'sampled', this.levelOf(level, target));
    }
  }

  private writeCovariance(
    covariance: LevelCovariance,
    { sds, lower, factors }: LevelScales,
    target: Float64Array,
  ): void {
    if (hasFactors(covariance)) {
      this.set(covariance.sds, factors!.uniques, target);
      return this.set(covariance.loadings, factors!.loadings, target);
    }
    this.set(covariance.sds, sds, target);
    if (covariance.cholesky !== undefined) this.set(covariance.cholesky, lower!, target);
  }

  private readCovariance(covariance: LevelCovariance, size: number, position: Float64Array): LevelScales {
    const sds = this.at(covariance.sds, position).map(Math.exp);
    if (hasFactors(covariance))
      return covarianceOfFactors({ loadings: this.at(covariance.loadings, position).slice(), uniques: sds });
    if (covariance.cholesky === undefined) return { sds, lower: undefined };
    return { sds, lower: choleskyFactor(this.at(covariance.cholesky, position), size) };
  }

  private readTerm(term: NestedTerm, t: number, position: Float64Array): TermValues {
    const { name, prior } = term.population;
    const values = {
      ...(prior.kind === 'common'
        ? { population: this.at(name, position).slice() }
        : renamed(this.readCoefficients(name, prior, position))),
      levels: term.levels.map((level) => ({
        coefficients: new Float64Array(level.groups * level.size),
        ...this.readCovariance(level.covariance, deviatingCount(level), position),
      })),
    };
    for (let l = term.levels.length - 1; l >= 0; l--) {
      const means = this.means[t][l];
      levelMeans(term, l, values, means);
      const level = term.levels[l];
      const own = values.levels[l];
      recentre(level, own, this.levelOf(level, position), means, 'coefficients', own.coefficients);
    }
    return values;
  }

  private readFixed(position: Float64Array): FixedValues | undefined {
    const { fixed } = this.structure;
    if (fixed === undefined) return undefined;
    return this.readCoefficients(fixed.name, fixed.prior, position);
  }

  /** Coefficients with a normal prior; of those that are shrunk or pooled what `Horseshoe` says. */
  private writeCoefficients(
    name: string,
    prior: CoefficientPrior,
    coefficients: Float64Array,
    shrinkage: ShrinkageValues | undefined,
    target: Float64Array,
  ): void {
    const estimated = estimatedIn(prior);
    if (estimated === undefined) return this.set(name, coefficients, target);
    this.writeShrinkage(prior, shrinkage!, target);
    const sds = coefficientSds(prior, shrinkage);
    const sampled = coefficients.slice();
    for (const [j, i] of estimated.places.entries())
      sampled[i] = (coefficients[i] - (prior.means?.[i] ?? 0)) / sampledUnit(sds[i], estimated.errorSds?.[j]);
    this.set(name, sampled, target);
  }

  private readCoefficients(name: string, prior: CoefficientPrior, position: Float64Array): FixedValues {
    const coefficients = this.at(name, position).slice();
    const estimated = estimatedIn(prior);
    if (estimated === undefined) return { coefficients };
    const shrinkage = shrinkageAt(prior, (own) => this.at(own, position).map(Math.exp))!;
    const sds = coefficientSds(prior, shrinkage);
    for (const [j, i] of estimated.places.entries())
      coefficients[i] = (prior.means?.[i] ?? 0) + coefficients[i] * sampledUnit(sds[i], estimated.errorSds?.[j]);
    return { coefficients, shrinkage };
  }

  private writeShrinkage(
    { horseshoe, pooling }: CoefficientPrior,
    values: ShrinkageValues,
    target: Float64Array,
  ): void {
    if ('sds' in values) return this.set(pooling!.sds, values.sds, target);
    this.set(horseshoe!.global, [values.global], target);
    this.set(horseshoe!.local, values.local, target);
    if (horseshoe!.slab !== undefined) this.set(horseshoe!.slab.name, [values.slab], target);
  }

  private at(name: string, position: Float64Array): Float64Array {
    const { offset, size } = this.blocks.get(name)!;
    return position.subarray(offset, offset + size);
  }

  private set(name: string, values: ArrayLike<number>, target: Float64Array): void {
    const { constraint, shape } = this.blocks.get(name)!.parameter;
    unconstrain(constraint, values, shape, this.at(name, target));
  }
}

/** What a prior's standard deviations are made of. @param positive values of a parameter by its name; undefined: they are given */
export function shrinkageAt(
  { horseshoe, pooling }: CoefficientPrior,
  positive: (name: string) => Float64Array,
): ShrinkageValues | undefined {
  if (pooling !== undefined) return { sds: positive(pooling.sds) };
  if (horseshoe === undefined) return undefined;
  const { local, global, slab } = horseshoe;
  return {
    local: positive(local),
    global: positive(global)[0],
    slab: slab === undefined ? Infinity : positive(slab.name)[0],
  };
}

const renamed = ({ coefficients: population, shrinkage }: FixedValues) => ({
  population,
  ...(shrinkage && { shrinkage }),
});

/** Cholesky factor of correlations `[k][k]` from unconstrained partial correlations, row by row. */
export function choleskyFactor(free: Float64Array, k: number): Float64Array {
  const lower = new Float64Array(k * k);
  let next = 0;
  for (let i = 0; i < k; i++) {
    // Root of what the entries so far leave of the row's square.
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const x = free[next++];
      lower[i * k + j] = Math.tanh(x) * rest;
      rest /= Math.cosh(x);
    }
    lower[i * k + i] = rest;
  }
  return lower;
}
