// Scales with the coefficients integrated out where groups are many: a walk over the surrogate proposes, the density itself decides (Liu 2001, §9.4.3).
import type { Device } from '../../../kernels/device.js';
import type { LinearHierarchy, NestedTerm } from '../../../models/linearHierarchy/structure.js';
import type { RandomStream } from '../../random/streams.js';
import type { ChainValues } from '../chainValues.js';
import type { Progress } from '../scalars/tuning.js';
import type { BoundProgram } from '../program.js';
import { ScaleMove, toCoordinates } from '../scaleMove.js';
import { horseshoesOnSigma } from '../shrinkage.js';
import { coordinatesOf, scalesAt } from './coordinates.js';
import { learnSurrogates, refitSurrogates } from './learn.js';
import { compileSurrogate } from './program.js';
import type { ScaleSurrogate } from './scaleSurrogate.js';
import { setSurrogates, trajectoryLength, walk, type WalkPlan, type Walker } from './walk.js';

/**
 * Walk of a proposal: many evaluations of the surrogate cost less than one of the density, the more the more groups that has. Long walks find the way
 * between modes of correlations that the groups say little of.
 */
const [groupsPerTrajectory, fewest, most] = [1000, 8, 128];
/**
 * What the quadratics are multiplied with, for each proposal of a sweep: most are accepted of the first, and the second, being wider than the
 * likelihood, leads away from states that are much likelier than the surrogate has them.
 */
const tempers = [1, 0.8];

function walkPlan({ levels }: NestedTerm): WalkPlan {
  const groups = Math.max(...levels.map((level) => level.groups));
  const trajectories = Math.min(most, Math.max(fewest, Math.round(groups / groupsPerTrajectory)));
  return { trajectories, length: trajectoryLength, isVaried: true };
}

/** A chain whose scales are moved. */
export interface SurrogateChain {
  readonly lane: number;
  readonly values: ChainValues;
  readonly surrogate: ScaleSurrogate;
  readonly progress: Progress;
  readonly stream: RandomStream;
}

export class SurrogateMove {
  private constructor(
    private readonly structure: LinearHierarchy,
    private readonly index: number,
    private readonly move: ScaleMove,
    readonly program: BoundProgram,
  ) {}

  /** @param move holds the program of the density, two lanes a chain */
  static async create(
    structure: LinearHierarchy,
    index: number,
    device: Device,
    chains: number,
    move: ScaleMove,
  ): Promise<SurrogateMove> {
    return new SurrogateMove(structure, index, move, await compileSurrogate(structure, index, device, chains));
  }

  private get term(): NestedTerm {
    return this.structure.terms[this.index];
  }

  /** Moves the scales, and before it learns where that is due. The move's program must hold what the rows say of the coefficients. */
  async run(chains: readonly SurrogateChain[]): Promise<void> {
    await this.learn(chains);
    for (const temper of tempers) await this.propose(chains, temper);
  }

  private async propose(chains: readonly SurrogateChain[], temper: number): Promise<void> {
    const { term, index, move, program, structure } = this;
    const walkers = chains.map(({ lane, surrogate, stream, values }): Walker => {
      const x = coordinatesOf(term, surrogate.reference, ScaleMove.scalesOf(values, index));
      return { lane, surrogate, stream, x, temper };
    });
    setSurrogates(program, walkers);
    const { from, to } = await walk(program, walkers, walkPlan(term));
    const proposed = walkers.map(({ x, surrogate }) => scalesAt(term, surrogate.reference, x));
    for (const [i, { lane, values }] of chains.entries()) {
      move.setScales(2 * lane, ScaleMove.scalesOf(values, index));
      move.setScales(2 * lane + 1, proposed[i]);
    }
    const running = move.program.run();
    if (running !== undefined) await running;
    for (const [i, { lane, values, stream, surrogate, progress }] of chains.entries()) {
      const { sigma } = proposed[i];
      const difference = move.logLikelihood(2 * lane + 1, sigma) - move.logLikelihood(2 * lane, values.sigma);
      if (progress.sweep < progress.warmup)
        surrogate.differences.observe(
          toCoordinates(ScaleMove.scalesOf(values, index)),
          toCoordinates(proposed[i]),
          difference,
        );
      const horseshoes = horseshoesOnSigma(structure, values);
      const ofHorseshoes = horseshoes === undefined ? 0 : horseshoes(sigma) - horseshoes(values.sigma);
      const logRatio = difference + ofHorseshoes - (to[i].quadratic - from[i].quadratic);
      if (Math.log(stream.uniform()) < logRatio) move.assign(values, proposed[i]);
    }
  }

  /** Has surrogates learn where that is due. */
  private async learn(chains: readonly SurrogateChain[]): Promise<void> {
    const { term, index, move, program } = this;
    const walkerOf = ({ lane, surrogate, stream }: SurrogateChain): Walker => ({
      lane,
      surrogate,
      stream,
      x: new Float64Array(surrogate.dimension),
    });
    const due = chains.filter(({ surrogate, progress }) => surrogate.isDue(progress));
    for (const { surrogate, values, progress } of due) surrogate.begin(ScaleMove.scalesOf(values, index), progress);
    if (due.length > 0) await learnSurrogates(term, move, program, due.map(walkerOf));
    const toRefit = chains.filter(({ surrogate, progress }) => surrogate.isToRefit(progress));
    if (toRefit.length > 0) await refitSurrogates(program, toRefit.map(walkerOf));
  }
}
