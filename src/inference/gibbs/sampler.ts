// What a run of Gibbs sampling drives: the sweeps that suit the model's responses, and what each chain learns in the burn-in.
import type { Device } from '../../kernels/device.js';
import { type GeneralisedHierarchy, isLinear, type LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { StepKey } from '../random/streams.js';
import type { ChainValues } from './chainValues.js';
import { MixedSweep } from './mixed/mixedSweep.js';
import { Scalars } from './scalars/scalars.js';
import { reflectionsOf, signedSpreads } from './scalars/signedSpreads.js';
import { type Progress, ScalarTuning } from './scalars/tuning.js';
import { MixedTuning } from './mixed/tuning.js';
import { hasFewRows } from './polyaGamma/fewRows.js';
import { PolyaGammaSweep, scalarPlan } from './polyaGamma/sweep.js';
import { ScaleLearner } from './scaleLearner.js';
import { type GibbsModel, type GibbsScheme, schemes } from './settings.js';
import { GibbsSweep } from './sweep.js';

/** What a chain has learnt, as numbers, always as many. */
export interface Learner {
  pack(): Float64Array;
  unpack(packed: Float64Array): void;
}

/** A chain that takes part in a sweep. */
export interface SampledChain<L extends Learner> {
  /** Lane of the programs that is its own. */
  readonly lane: number;
  readonly values: ChainValues;
  readonly key: StepKey;
  readonly learners: readonly L[];
  readonly progress: Progress;
}

/** Sweeps, compiled for so many chains. */
export interface Sweeps<L extends Learner> {
  readonly memoryBytes: number;
  readonly dataBytes: number;
  /** Blocks that a scan puts in order. */
  readonly scanned: readonly number[];
  sweep(chains: readonly SampledChain<L>[], scan: readonly number[]): Promise<void>;
  dispose(): Promise<void>;
}

export interface GibbsSampler<L extends Learner = Learner> {
  /** For a new chain. */
  newLearners(): L[];
  compile(device: Device, chains: number): Promise<Sweeps<L>>;
}

/** The model must suit Gibbs sampling. */
export function samplerOf(model: GibbsModel, scheme: GibbsScheme): GibbsSampler {
  const structure = model.structure!;
  if (isLinear(structure)) return ofNormalRows(structure, scheme);
  return hasFewRows(structure) ? ofFewRows(structure, model) : ofOtherRows(structure, model);
}

function ofFewRows(structure: GeneralisedHierarchy, { parameters }: GibbsModel): GibbsSampler<ScalarTuning> {
  const scalars = new Scalars(structure, parameters);
  const signed = reflectionsOf(signedSpreads(structure, scalars));
  return {
    newLearners: () => [new ScalarTuning(scalars.dimension, scalarPlan, signed)],
    compile: async (device, chains) => {
      const sweep = await PolyaGammaSweep.create(structure, device, chains);
      return {
        memoryBytes: sweep.memoryBytes,
        dataBytes: sweep.dataBytes,
        scanned: [],
        sweep: (all) => sweep.sweep(all.map(({ learners: [tuning], ...chain }) => ({ ...chain, tuning }))),
        dispose: () => sweep.dispose(),
      };
    },
  };
}

function ofOtherRows(structure: GeneralisedHierarchy, { parameters }: GibbsModel): GibbsSampler<MixedTuning> {
  return {
    newLearners: () => [new MixedTuning(structure, parameters)],
    compile: async (device, chains) => {
      const sweep = await MixedSweep.create(structure, device, chains);
      return {
        memoryBytes: sweep.memoryBytes,
        dataBytes: sweep.dataBytes,
        scanned: sweep.scanned,
        sweep: (all, scan) =>
          sweep.sweep(
            all.map(({ learners: [tuning], ...chain }) => ({ ...chain, tuning })),
            scan,
          ),
        dispose: () => sweep.dispose(),
      };
    },
  };
}

function ofNormalRows(structure: LinearHierarchy, name: GibbsScheme): GibbsSampler<ScaleLearner> {
  const scheme = schemes[name];
  return {
    newLearners: () => structure.terms.map((_, t) => new ScaleLearner(structure, t)),
    compile: async (device, chains) => {
      const sweep = await GibbsSweep.create(structure, device, chains, scheme);
      return {
        memoryBytes: sweep.memoryBytes,
        dataBytes: sweep.dataBytes,
        scanned: sweep.scanned,
        sweep: async (all, scan) => {
          await sweep.sweep(all, scan);
          if (!scheme.movesScales) return;
          for (const { learners, values, progress } of all)
            for (const learner of learners) learner.observe(values, progress);
        },
        dispose: () => sweep.dispose(),
      };
    },
  };
}
