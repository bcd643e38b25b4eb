// A Gibbs sweep of 0/1 responses in groups of few rows: the scalars with the coefficients integrated out, the coefficients, the rows' precisions.
import type { Device } from '../../../kernels/device.js';
import type { GeneralisedHierarchy } from '../../../models/linearHierarchy/structure.js';
import { sites, type StepKey } from '../../random/streams.js';
import type { ChainValues } from '../chainValues.js';
import { climbScalars, learnCoordinates, moveScalars, type ScalarChain } from '../scalars/move.js';
import type { Progress, ScalarPlan, ScalarTuning } from '../scalars/tuning.js';
import type { BoundProgram } from '../program.js';
import { covarianceFactor } from '../scaleMove.js';
import { compileDraws, drawNames } from './drawProgram.js';
import { rowBlocks } from './fewRows.js';
import { RowScalarDensity } from './scalarDensity.js';

/**
 * Given the precisions the scalars are about normal, and known up to twice as well as in all: a trajectory goes on to the other side of them, which
 * makes up for part of that (Adler 1981); not always as far, or what is known as well given the precisions as in all would only change its side.
 */
export const scalarPlan: ScalarPlan = {
  length: 2.6,
  jitter: [0.6, 1.05],
  target: 0.8,
  mostSteps: 12,
  renewals: [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
  averagedFrom: 0.1,
  longEnough: 0.7,
  farFromZero: 4,
  widestCrossing: Infinity,
};

/** Share of the burn-in in which scalars first climb: starts may be a hundred standard deviations away. */
const climbs = 0.1;

/** A chain that takes part in a sweep; its values hold precisions. */
export interface AugmentedChain {
  readonly lane: number;
  readonly values: ChainValues;
  readonly key: StepKey;
  readonly tuning: ScalarTuning;
  readonly progress: Progress;
}

export class PolyaGammaSweep {
  private constructor(
    private readonly scalars: RowScalarDensity,
    private readonly draws: BoundProgram,
  ) {}

  static async create(structure: GeneralisedHierarchy, device: Device, chains: number): Promise<PolyaGammaSweep> {
    const blocks = rowBlocks(structure);
    const scalars = await RowScalarDensity.create(structure, device, chains, blocks);
    return new PolyaGammaSweep(scalars, await compileDraws(structure, device, chains, blocks));
  }

  get memoryBytes(): number {
    return this.scalars.memoryBytes + this.draws.memoryBytes;
  }

  /** Bytes of data that a sweep reads at least, at 8 a number. */
  get dataBytes(): number {
    return this.scalars.dataBytes + this.draws.dataBytes;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.scalars.dispose(), this.draws.dispose()]);
  }

  async sweep(chains: readonly AugmentedChain[]): Promise<void> {
    const moved = chains.map(({ lane, values, key, tuning, progress }): ScalarChain => {
      this.scalars.begin(lane, values.omega!);
      return { lane, values, tuning, progress, stream: key.stream(sites.gibbs) };
    });
    const due = moved.filter(({ tuning, progress }) => tuning.isDue(progress));
    if (due.length > 0) await learnCoordinates(this.scalars, due);
    const climbing = moved.filter(({ progress: { sweep, warmup } }) => sweep < climbs * warmup);
    if (climbing.length > 0) await climbScalars(this.scalars, climbing);
    await moveScalars(this.scalars, moved);
    const { draws } = this;
    for (const { lane, values, key } of chains) {
      const [{ levels, population }] = values.terms;
      draws.set(drawNames.omega, lane, values.omega!);
      draws.set(drawNames.scale, lane, covarianceFactor(levels[0].sds, levels[0].lower));
      draws.set(drawNames.population, lane, population);
      draws.fillNoise(lane, key.stream(sites.gibbs + 1).counter!);
    }
    await draws.run();
    for (const { lane, values } of chains) {
      draws.read(drawNames.coefficients, lane, values.terms[0].levels[0].coefficients);
      draws.read(drawNames.omega, lane, values.omega!);
    }
  }
}
