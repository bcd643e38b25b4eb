// Scales with the coefficients integrated out where groups are many: a walk over the surrogate proposes, the density itself decides (Liu 2001, §9.4.3).
import type { Device } from '../../../kernels/device.js';
import type { LinearHierarchy, NestedTerm } from '../../../models/linearHierarchy/structure.js';
import type { RandomStream } from '../../random/streams.js';
import type { ChainValues } from '../chainValues.js';
import type { Progress } from '../scalars/tuning.js';
import type { BoundProgram } from '../program.js';
import { ScaleMove } from '../scaleMove.js';
import { horseshoesOnSigma } from '../shrinkage.js';
import { coordinatesOf, scalesAt } from './coordinates.js';
import { type LearningWalker, learnSurrogates } from './learn.js';
import { compileSurrogate, surrogateNames } from './program.js';
import type { ScaleSurrogate } from './scaleSurrogate.js';
import { setSurrogates, trajectoryLength, walk, type WalkPlan, type Walker } from './walk.js';

/**
 * Walk of a proposal: many evaluations of the surrogate cost less than one of the density, the more the more groups that has. Long walks find the way
 * between modes of correlations that the groups say little of.
 */
const [groupsPerTrajectory, fewest, most] = [1000, 8, 256];

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
    const { term, index, move, program, structure } = this;
    const due = chains.filter(({ surrogate, progress }) => surrogate.isDue(progress));
    if (due.length > 0) {
      const learning = due.map(({ lane, surrogate, stream, values, progress }): LearningWalker => {
        const states = surrogate.begin(ScaleMove.scalesOf(values, index), progress);
        return { lane, surrogate, stream, states, x: new Float64Array(surrogate.dimension) };
      });
      await learnSurrogates(term, move, program, learning);
    }
    const walkers = chains.map(({ lane, surrogate, stream, values }): Walker => {
      const x = coordinatesOf(term, surrogate.reference, ScaleMove.scalesOf(values, index));
      return { lane, surrogate, stream, x };
    });
    setSurrogates(program, walkers);
    const before = await this.quadraticsAt(walkers);
    await walk(program, walkers, walkPlan(term));
    const after = await this.quadraticsAt(walkers);
    const proposed = walkers.map(({ x, surrogate }) => scalesAt(term, surrogate.reference, x));
    for (const [i, { lane, values }] of chains.entries()) {
      move.setScales(2 * lane, ScaleMove.scalesOf(values, index));
      move.setScales(2 * lane + 1, proposed[i]);
    }
    const running = move.program.run();
    if (running !== undefined) await running;
    for (const [i, { lane, values, stream }] of chains.entries()) {
      const horseshoes = horseshoesOnSigma(structure, values);
      const exact = (half: number, sigma: number): number =>
        move.logLikelihood(2 * lane + half, sigma) + (horseshoes?.(sigma) ?? 0);
      const { sigma } = proposed[i];
      const logRatio = exact(1, sigma) - exact(0, values.sigma) - (after[i] - before[i]);
      if (Math.log(stream.uniform()) < logRatio) move.assign(values, proposed[i]);
    }
  }

  /** The surrogates' quadratics where the walkers are. */
  private async quadraticsAt(walkers: readonly Walker[]): Promise<number[]> {
    const { program } = this;
    for (const { lane, x } of walkers) program.set(surrogateNames.coordinates, lane, x);
    const running = program.run();
    if (running !== undefined) await running;
    return walkers.map(({ lane }) => program.readScalar('quadratic', lane));
  }
}
