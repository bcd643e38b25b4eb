// What a run of Gibbs sampling drives: the sweeps that suit the model's responses, and what each chain learns in the burn-in.
import type { Device } from '../../kernels/device.js';
import { type GeneralisedHierarchy, isLinear, type LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { StepKey } from '../random/streams.js';
import { AdaptiveProposal } from './adaptiveProposal.js';
import type { ChainValues } from './chainValues.js';
import { MixedSweep } from './mixed/mixedSweep.js';
import { MixedTuning, type Progress } from './mixed/tuning.js';
import { scaleDimension, ScaleMove, toCoordinates } from './scaleMove.js';
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
  return isLinear(structure) ? ofNormalRows(structure, scheme) : ofOtherRows(structure, model);
}

function ofOtherRows(structure: GeneralisedHierarchy, { parameters }: GibbsModel): GibbsSampler<MixedTuning> {
  return {
    newLearners: () => [MixedTuning.of(structure, parameters)],
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

function ofNormalRows(structure: LinearHierarchy, name: GibbsScheme): GibbsSampler<AdaptiveProposal> {
  const scheme = schemes[name];
  return {
    newLearners: () => structure.terms.map((term) => new AdaptiveProposal(scaleDimension(term))),
    compile: async (device, chains) => {
      const sweep = await GibbsSweep.create(structure, device, chains, scheme);
      return {
        memoryBytes: sweep.memoryBytes,
        dataBytes: sweep.dataBytes,
        scanned: sweep.scanned,
        sweep: async (all, scan) => {
          await sweep.sweep(
            all.map(({ lane, values, key, learners }) => ({ lane, values, key, proposals: learners })),
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

/** In the burn-in: takes the scales in, and at the end of each window fits the proposals to those of the window. */
function learn({ values, learners, progress: { sweep, warmup } }: SampledChain<AdaptiveProposal>): void {
  const sweeps = sweep + 1;
  if (sweeps > warmup) return;
  const ends = windowEnds.map((share) => Math.round(share * warmup));
  for (const [t, proposal] of learners.entries()) {
    proposal.observe(toCoordinates(ScaleMove.scalesOf(values, t)));
    if (sweeps === ends[0]) proposal.forget();
    else if (ends.includes(sweeps)) {
      if (sweeps === ends[1] && proposal.slowest < slowAutocorrelation) proposal.retire();
      proposal.refit();
    }
  }
}
