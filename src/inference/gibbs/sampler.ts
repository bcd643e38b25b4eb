// What a run of Gibbs sampling drives: the sweeps that suit the model's responses, and what each chain learns in the burn-in.
import type { Device } from '../../kernels/device.js';
import { type GeneralisedHierarchy, isLinear, type LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { StepKey } from '../random/streams.js';
import { AdaptiveProposal } from './adaptiveProposal.js';
import type { ChainValues } from './chainValues.js';
import { MixedSweep } from './mixed/mixedSweep.js';
import { Scalars } from './scalars/scalars.js';
import { placesOf, signedSpreads } from './scalars/signedSpreads.js';
import { type Progress, ScalarTuning } from './scalars/tuning.js';
import { MixedTuning } from './mixed/tuning.js';
import { hasFewRows } from './polyaGamma/fewRows.js';
import { PolyaGammaSweep, scalarPlan } from './polyaGamma/sweep.js';
import { scaleDimension, ScaleMove, toCoordinates } from './scaleMove.js';
import { type GibbsModel, type GibbsScheme, schemes } from './settings.js';
import { ScaleSurrogate, suitsSurrogate } from './surrogate/scaleSurrogate.js';
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
  const signed = placesOf(signedSpreads(structure, scalars));
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

/** What a chain learns of one term's scales. */
class ScaleLearner implements Learner {
  readonly proposal: AdaptiveProposal;
  readonly surrogate: ScaleSurrogate | undefined;

  constructor(structure: LinearHierarchy, t: number) {
    const term = structure.terms[t];
    this.proposal = new AdaptiveProposal(scaleDimension(term));
    if (suitsSurrogate(structure, t)) this.surrogate = new ScaleSurrogate(term, structure.rows);
  }

  pack(): Float64Array {
    return Float64Array.of(...this.proposal.pack(), ...(this.surrogate?.pack() ?? []));
  }

  unpack(packed: Float64Array): void {
    const { length } = this.proposal.pack();
    this.proposal.unpack(packed.subarray(0, length));
    this.surrogate?.unpack(packed.subarray(length));
  }
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
          await sweep.sweep(
            all.map(({ learners, ...chain }) => ({
              ...chain,
              proposals: learners.map(({ proposal }) => proposal),
              surrogates: learners.map(({ surrogate }) => surrogate),
            })),
            scan,
          );
          if (scheme.movesScales) for (const chain of all) learn(chain);
        },
        dispose: () => sweep.dispose(),
      };
    },
  };
}

/**
 * Where the windows end from which proposals of scales are learnt, as shares of the burn-in. What comes before the first is forgotten;
 * the second says whether the scales mix so slowly without moves that those pay.
 */
const windowEnds = [0.1, 0.25, 0.5, 1];
/** Autocorrelation at lag 1 from which they do: a move costs about as much as a sweep. */
const slowAutocorrelation = 0.7;
/** Of surrogates: the share that is forgotten; they are judged by fewer sweeps, which understate autocorrelations. */
const [forgottenShare, slowOfFew] = [0.03, 0.6];

/** In the burn-in: takes the scales in, and at the end of each window fits the proposals to those of the window. */
function learn({ values, learners, progress }: SampledChain<ScaleLearner>): void {
  const { sweep, warmup } = progress;
  const sweeps = sweep + 1;
  if (sweeps > warmup) return;
  const ends = windowEnds.map((share) => Math.round(share * warmup));
  for (const [t, { proposal, surrogate }] of learners.entries()) {
    const scales = ScaleMove.scalesOf(values, t);
    proposal.observe(toCoordinates(scales));
    if (surrogate !== undefined) {
      if (sweeps === Math.round(forgottenShare * warmup)) proposal.forget();
      surrogate.observe(scales, progress, () => proposal.slowest >= slowOfFew);
      continue;
    }
    if (sweeps === ends[0]) proposal.forget();
    else if (ends.includes(sweeps)) {
      if (sweeps === ends[1] && proposal.slowest < slowAutocorrelation) proposal.retire();
      proposal.refit();
    }
  }
}
