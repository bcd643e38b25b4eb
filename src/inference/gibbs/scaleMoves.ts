// A term's scales with its coefficients integrated out: by proposals, by trajectories, or where groups are many by surrogates; compiled when a chain first wants it.
import type { Device } from '../../kernels/device.js';
import { hasFactors, type LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { RandomStream } from '../random/streams.js';
import type { ChainValues } from './chainValues.js';
import { IntegratedScales } from './integratedScales.js';
import type { BoundProgram } from './program.js';
import { hasSums } from './rowSums.js';
import type { MovedBy, ScaleLearner } from './scaleLearner.js';
import { ScaleMove } from './scaleMove.js';
import { learnCoordinates, moveScalars, type ScalarChain } from './scalars/move.js';
import type { Progress } from './scalars/tuning.js';
import { SurrogateMove } from './surrogate/surrogateMove.js';
import { type StaticData, staticData } from './termProgram.js';

/** Rows of a group for which one more proposal costs little, and the proposals of a sweep, at most. */
const [rowsPerProposal, mostProposals] = [8, 4];

/** A chain whose scales are moved. */
export interface MovedChain {
  readonly lane: number;
  readonly values: ChainValues;
  readonly stream: RandomStream;
  readonly learner: ScaleLearner;
  readonly progress: Progress;
  readonly by: MovedBy;
}

export class ScaleMoves {
  /** The density alone, two lanes a chain: of proposals and of surrogates. */
  private move: ScaleMove | undefined;
  private surrogate: SurrogateMove | undefined;
  /** Also its gradient, one lane a chain: of trajectories. */
  private density: IntegratedScales | undefined;

  constructor(
    private readonly structure: LinearHierarchy,
    private readonly index: number,
    private readonly device: Device,
    private readonly chains: number,
  ) {}

  /** Differences of densities that are large themselves want double precision; loadings that can be rotated no proposal learns. */
  static suits({ terms }: LinearHierarchy, index: number, { precision }: Device): boolean {
    return precision === 'double' && terms[index].levels.every(({ covariance }) => !hasFactors(covariance));
  }

  get programs(): readonly BoundProgram[] {
    return [this.move, this.surrogate, this.density].flatMap((own) => (own === undefined ? [] : [own.program]));
  }

  /** Compiles what these chains are moved by. */
  async compile(chains: readonly MovedChain[]): Promise<void> {
    const { structure, index, device, chains: count } = this;
    let data: StaticData | undefined;
    const dataOf = (): StaticData => (data ??= staticData(structure, index));
    for (const { by } of chains) {
      if (by === 'trajectories')
        this.density ??= await IntegratedScales.create(structure, index, device, count, dataOf());
      else this.move ??= await ScaleMove.create(structure, index, device, count, dataOf());
      if (by === 'surrogate')
        this.surrogate ??= await SurrogateMove.create(structure, index, device, count, this.move!);
    }
  }

  /** The program that is to know of the rows and of the population's prior, and its lanes that are the chain's. */
  programOf({ lane, by }: MovedChain): { readonly program: BoundProgram; readonly lanes: readonly number[] } {
    return by === 'trajectories'
      ? { program: this.density!.program, lanes: [lane] }
      : { program: this.move!.program, lanes: [2 * lane, 2 * lane + 1] };
  }

  /** Hands a chain what a pass over the rows gave. */
  setSums(lane: number, shift: Float64Array, total: number): void {
    this.move?.setSums(lane, shift, total);
    this.density?.setSums(lane, shift, total);
  }

  /** Moves the scales of chains, after it has learnt how to where that is due. The programs must have been handed what they are given. */
  async run(chains: readonly MovedChain[]): Promise<void> {
    const moved = (wanted: MovedBy): readonly MovedChain[] => chains.filter(({ by }) => by === wanted);
    const bySurrogate = moved('surrogate').map(({ learner, ...chain }) => ({
      ...chain,
      surrogate: learner.surrogate!,
    }));
    if (bySurrogate.length > 0) await this.surrogate!.run(bySurrogate);
    if (moved('proposals').length > 0) await this.runProposals(moved('proposals'));
    if (moved('trajectories').length > 0) await this.runTrajectories(moved('trajectories'));
  }

  private async runProposals(chains: readonly MovedChain[]): Promise<void> {
    const move = this.move!;
    for (let step = 0; step < this.proposals; step++) {
      const pending = chains.map(({ lane, values, learner: { proposal }, stream }) => {
        const own = move.propose(values, proposal, stream);
        move.setScales(2 * lane, ScaleMove.scalesOf(values, this.index));
        move.setScales(2 * lane + 1, own.scales);
        return own;
      });
      const running = move.program.run();
      if (running !== undefined) await running;
      for (const [i, { lane, values, learner, stream }] of chains.entries())
        move.decide(lane, values, pending[i], learner.proposal, stream);
    }
  }

  /** Proposals of a sweep: groups cost less than rows where these are many. */
  private get proposals(): number {
    const { rows, terms } = this.structure;
    if (!hasSums(this.structure)) return 1;
    return Math.min(
      mostProposals,
      Math.max(1, Math.floor(rows / (rowsPerProposal * terms[this.index].levels[0].groups))),
    );
  }

  private async runTrajectories(chains: readonly MovedChain[]): Promise<void> {
    const density = this.density!;
    const due = chains.filter(({ learner, progress }) => learner.tuning.isDue(progress));
    for (const { learner, values } of due)
      for (const [j, own] of density.informationAt(values).entries()) learner.information[j].set(own);
    for (const { lane, values, learner } of chains) density.begin(lane, values, learner.information);
    const scalarChain = ({ learner, ...chain }: MovedChain): ScalarChain => ({ ...chain, tuning: learner.tuning });
    if (due.length > 0) await learnCoordinates(density, due.map(scalarChain));
    await moveScalars(density, chains.map(scalarChain));
  }

  async dispose(): Promise<void> {
    for (const program of this.programs) await program.dispose();
  }
}
