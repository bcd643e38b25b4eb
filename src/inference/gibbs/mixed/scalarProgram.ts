// The joint density as a function of everything but the coefficients of groups, which move along: value and gradient as a tensor program.
import * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../../kernels/compiler/memoryLayout.js';
import type { Device } from '../../../kernels/device.js';
import { hierarchyModel, type Placement } from '../../../models/linearHierarchy/hierarchyModel.js';
import { deviatingCount, outerSize } from '../../../models/linearHierarchy/links.js';
import type { GeneralisedHierarchy, NestedTerm } from '../../../models/linearHierarchy/structure.js';
import type { Tensors } from '../../../models/model.js';
import { invertLower } from '../../linearAlgebra.js';
import type { ChainValues } from '../chainValues.js';
import { type BoundProgram, compileProgram } from '../program.js';
import { covarianceFactor } from '../scaleMove.js';
import { followNames as names } from './follow.js';
import { covarianceShape } from './groupProgram.js';
import type { ScalarDensity } from '../scalars/move.js';
import { Scalars } from '../scalars/scalars.js';
import { type SignedSpreads, signedSpreads, turnsOf, withoutSigns } from '../scalars/signedSpreads.js';
import type { LevelInformation } from './tuning.js';

const after = (t: number, l: number): string => `after ${t} ${l}`;
const scaleName = (t: number, l: number): string => `scale ${t} ${l}`;
const turnName = (name: string): string => `turn of ${name}`;

const populationLength = ({ levels }: NestedTerm): number => outerSize(levels[levels.length - 1]);

/** How the coefficients of a term follow the scalars. */
export interface Following {
  readonly placement: Placement;
  readonly data: ReadonlyMap<string, DataArray>;
  /** Whether they follow by what `standardise` makes of them. */
  readonly isStandardised: boolean;
  /** @param scales C by level */
  standardise(
    scales: readonly tf.Tensor[],
    coefficients: readonly tf.Tensor[],
    population: tf.Tensor,
    d: Tensors,
  ): readonly tf.Tensor[];
}

/** The program that standardises coefficients where some term asks for it. */
async function compileStandardiser(
  { terms }: GeneralisedHierarchy,
  device: Device,
  chains: number,
  data: ReadonlyMap<string, DataArray>,
  followings: readonly Following[],
): Promise<BoundProgram | undefined> {
  if (!followings.some(({ isStandardised }) => isStandardised)) return undefined;
  const shapes: Record<string, readonly number[]> = {};
  for (const [t, term] of terms.entries()) {
    if (!followings[t].isStandardised) continue;
    shapes[names.population(t)] = [populationLength(term)];
    for (const [l, level] of term.levels.entries()) {
      shapes[names.before(t, l)] = [level.groups, level.size];
      shapes[scaleName(t, l)] = covarianceShape(level);
    }
  }
  return compileProgram(device, chains, shapes, data, (p, d) => {
    const outputs: Record<string, tf.Tensor> = {};
    for (const [t, { levels }] of terms.entries()) {
      if (!followings[t].isStandardised) continue;
      const scales = levels.map((_, l) => p[scaleName(t, l)]);
      const coefficients = levels.map((_, l) => p[names.before(t, l)]);
      const all = followings[t].standardise(scales, coefficients, p[names.population(t)], d);
      for (const [l, own] of all.entries()) outputs[names.standard(t, l)] = own;
    }
    return outputs;
  });
}

export class ScalarProgram implements ScalarDensity {
  /** By lane, then by level with signed spreads. */
  private readonly turns = new Map<number, readonly Float64Array[]>();

  private constructor(
    private readonly structure: GeneralisedHierarchy,
    private readonly scalars: Scalars,
    /** Moved as asinh(s/t), where s has a sign and t is where that turns from s to log s. */
    private readonly signed: readonly SignedSpreads[],
    private readonly program: BoundProgram,
    /** Of terms whose coefficients follow by the approximation. */
    private readonly standardiser: BoundProgram | undefined,
  ) {}

  get dimension(): number {
    return this.scalars.dimension;
  }

  static async create(
    structure: GeneralisedHierarchy,
    device: Device,
    chains: number,
    followings: readonly Following[],
  ): Promise<ScalarProgram> {
    const { parameters, data: arrays } = hierarchyModel(structure);
    const scalars = new Scalars(structure, parameters);
    const signed = signedSpreads(structure, scalars);
    const { shapes } = scalars;
    for (const { name, size } of signed) shapes[turnName(name)] = [size];
    const data = new Map<string, DataArray>(Object.entries(arrays));
    for (const [t, term] of structure.terms.entries()) {
      const own = followings[t];
      for (const [name, array] of own.data) data.set(name, array);
      for (const [l, level] of term.levels.entries()) {
        const { groups, size } = level;
        if (own.isStandardised) {
          shapes[names.standard(t, l)] = [groups, deviatingCount(level)];
          continue;
        }
        shapes[names.population(t)] = [populationLength(term)];
        shapes[names.before(t, l)] = [groups, size];
        shapes[names.kept(t, l)] = shapes[names.information(t, l)] = [deviatingCount(level)];
        shapes[names.unit(t, l)] = covarianceShape(level);
      }
    }
    const fn: Parameters<typeof compileProgram>[4] = (p, d) => {
      const spreads: Tensors = Object.fromEntries(
        signed.map(({ name }) => [name, p[turnName(name)].mul(p[name].sinh())]),
      );
      const { values, logJacobians } = scalars.constrained(p, spreads);
      for (const { name } of signed) logJacobians.push(p[name].cosh().mul(p[turnName(name)]).log().sum());
      const place: Placement = (level, own, d) => {
        const { sds } = level.level.covariance;
        const given: Tensors = { ...own, ...spreads };
        return followings[level.term].placement({ ...level, sds: given[sds] }, given, d);
      };
      const model = hierarchyModel(structure, undefined, place);
      const parts = [...logJacobians, model.logPrior(values, d).sum(), model.logLikelihood(values, d).sum()];
      const outputs: Record<string, tf.Tensor> = { value: parts.reduce((sum, part) => sum.add(part)) };
      const { coefficients: all } = model.evaluate(values, d);
      for (const [t, levels] of all.entries()) for (const [l, own] of levels.entries()) outputs[after(t, l)] = own;
      return outputs;
    };
    const gradientsBy = scalars.blocks.map(({ name }) => name);
    const program = await compileProgram(device, chains, shapes, data, fn, {}, { gradientsBy });
    const standardiser = await compileStandardiser(structure, device, chains, data, followings);
    return new ScalarProgram(structure, scalars, signed, program, standardiser);
  }

  get memoryBytes(): number {
    return this.program.memoryBytes + (this.standardiser?.memoryBytes ?? 0);
  }

  get dataBytes(): number {
    return this.program.dataBytes;
  }

  async dispose(): Promise<void> {
    await this.program.dispose();
    await this.standardiser?.dispose();
  }

  run(): void | Promise<void> {
    return this.program.run();
  }

  /** Takes chains' values as those from which their coefficients follow. */
  async begin(
    chains: readonly { readonly lane: number; readonly values: ChainValues; readonly information: LevelInformation }[],
  ): Promise<void> {
    const { program, standardiser } = this;
    for (const { lane, values, information } of chains) {
      const turns = this.signed.map(({ term, level }) => turnsOf(information[term][level]));
      this.turns.set(lane, turns);
      for (const [n, { name }] of this.signed.entries()) program.set(turnName(name), lane, turns[n]);
      for (const [t, { levels, population }] of values.terms.entries()) {
        for (const own of [program, standardiser]) {
          if (own?.has(names.population(t))) own.set(names.population(t), lane, population);
          for (const [l, { coefficients }] of levels.entries())
            if (own?.has(names.before(t, l))) own.set(names.before(t, l), lane, coefficients);
        }
        for (const [l, { sds, lower }] of levels.entries()) {
          if (standardiser?.has(scaleName(t, l))) standardiser.set(scaleName(t, l), lane, covarianceFactor(sds, lower));
          if (!program.has(names.before(t, l))) continue;
          const k = sds.length;
          const kept = sds.map((sd, i) => 1 / (1 + information[t][l][i] * sd * sd));
          const unit = sds.map((sd, i) => 1 / (sd * Math.sqrt(kept[i])));
          const inverse = lower && invertLower(lower, k).map((x, at) => x * unit[at % k]);
          program.set(names.information(t, l), lane, information[t][l]);
          program.set(names.kept(t, l), lane, kept);
          program.set(names.unit(t, l), lane, inverse ?? unit);
        }
      }
    }
    if (standardiser === undefined) return;
    await standardiser.run();
    for (const { lane, values } of chains) {
      for (const [t, { levels }] of values.terms.entries()) {
        for (const l of levels.keys()) {
          if (!program.has(names.standard(t, l))) continue;
          const { groups } = this.structure.terms[t].levels[l];
          const standard = new Float64Array(groups * levels[l].sds.length);
          standardiser.read(names.standard(t, l), lane, standard);
          program.set(names.standard(t, l), lane, standard);
        }
      }
    }
  }

  scalarsOf(lane: number, values: ChainValues): Float64Array {
    const scalars = this.scalars.of(values);
    for (const [n, { offset, size }] of this.signed.entries()) {
      const turns = this.turns.get(lane)![n];
      for (let i = 0; i < size; i++) scalars[offset + i] = Math.asinh(Math.exp(scalars[offset + i]) / turns[i]);
    }
    return scalars;
  }

  set(lane: number, scalars: Float64Array): void {
    this.scalars.set(this.program, lane, scalars);
  }

  /** Log density of the scalars at the last run, the coefficients following them. */
  value(lane: number): number {
    return this.program.readScalar('value', lane);
  }

  gradient(lane: number, target: Float64Array): void {
    this.scalars.readGradient(this.program, lane, target);
  }

  /** Also the coefficients of the last run, which was at these scalars. */
  accept(lane: number, scalars: Float64Array, values: ChainValues): void {
    const logs = withoutSigns(this.signed, scalars);
    for (const [n, { offset, size }] of this.signed.entries()) {
      const turns = this.turns.get(lane)![n];
      for (let i = 0; i < size; i++) logs[offset + i] = Math.log(turns[i] * Math.sinh(logs[offset + i]));
    }
    this.scalars.put(logs, values);
    for (const [t, { levels }] of values.terms.entries())
      for (const [l, { coefficients }] of levels.entries()) this.program.read(after(t, l), lane, coefficients);
  }
}
