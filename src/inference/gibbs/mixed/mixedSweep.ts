// A mixed Gibbs sweep of all chains, for responses through a link: groups by trajectories of their own, what lies above given them, then the scalars.
import type { Device } from '../../../kernels/device.js';
import { sizeOf } from '../../../kernels/program/tensorProgram.js';
import type { GeneralisedHierarchy } from '../../../models/linearHierarchy/structure.js';
import { invertLower } from '../../linearAlgebra.js';
import { sites, type StepKey } from '../../random/streams.js';
import type { ChainValues } from '../chainValues.js';
import { precisionOf } from '../correlations.js';
import { updateCovariance } from '../levelScales.js';
import { populationMoments } from '../populationPrior.js';
import type { BoundProgram } from '../program.js';
import { covarianceFactor } from '../scaleMove.js';
import { sharedColumns, shiftBetween } from '../sharedColumns.js';
import { names } from '../termProgram.js';
import { followingOf } from './following.js';
import { compileGroups, covarianceShape, groupNames, rowData } from './groupProgram.js';
import { groupInformation, typicalInformation } from './information.js';
import { type LinearisedRows, linearise } from './linearise.js';
import { learnCoordinates, moveScalars, type ScalarChain } from '../scalars/move.js';
import { ScalarProgram } from './scalarProgram.js';
import type { Progress } from '../scalars/tuning.js';
import { blocksOf, type MixedTuning } from './tuning.js';

/** A chain that takes part in a sweep. */
export interface MixedChain {
  readonly lane: number;
  readonly values: ChainValues;
  readonly key: StepKey;
  readonly tuning: MixedTuning;
  readonly progress: Progress;
}

/** The groups of one level of one term. */
interface GroupBlock {
  readonly term: number;
  readonly level: number;
  readonly program: BoundProgram;
}

/** Random numbers by block: 0 the scalars, b + 1 block b of groups. */
const normalsOf = (key: StepKey, block: number) => key.stream(sites.gibbs + 3 * block);
const othersOf = (key: StepKey, block: number) => key.stream(sites.gibbs + 3 * block + 1);

const movesOf = (key: StepKey, block: number) => key.stream(sites.gibbs + 3 * block + 2);

export class MixedSweep {
  private constructor(
    private readonly structure: GeneralisedHierarchy,
    private readonly blocks: readonly GroupBlock[],
    private readonly scalars: ScalarProgram,
    private readonly linearised: LinearisedRows,
    private readonly shared: ReturnType<typeof sharedColumns>,
  ) {}

  static async create(structure: GeneralisedHierarchy, device: Device, chains: number): Promise<MixedSweep> {
    const linearised = linearise(structure);
    const rows = rowData(structure);
    const blocks: GroupBlock[] = [];
    const information = structure.terms.map((term) => groupInformation(term, linearised));
    for (const [t, l] of blocksOf(structure.terms)) {
      const program = await compileGroups(structure, [t, l], device, chains, rows, information[t][l]);
      blocks.push({ term: t, level: l, program });
    }
    const followings = structure.terms.map((term, t) => followingOf(term, t, information[t][0], linearised));
    const scalars = await ScalarProgram.create(structure, device, chains, followings);
    return new MixedSweep(structure, blocks, scalars, linearised, sharedColumns(structure));
  }

  get memoryBytes(): number {
    return this.blocks.reduce((sum, { program }) => sum + program.memoryBytes, this.scalars.memoryBytes);
  }

  /** Bytes of data that a sweep reads at least, at 8 a number. */
  get dataBytes(): number {
    return this.blocks.reduce((sum, { program }) => sum + program.dataBytes, this.scalars.dataBytes);
  }

  /** Terms, which a scan puts in order. */
  get scanned(): number[] {
    return this.structure.terms.map((_, t) => t);
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.blocks.map(({ program }) => program.dispose()), this.scalars.dispose()]);
  }

  async sweep(chains: readonly MixedChain[], scan: readonly number[]): Promise<void> {
    for (const t of scan) {
      for (const [b, { term }] of this.blocks.entries()) if (term === t) await this.moveGroups(b, chains);
    }
    for (const { key, values } of chains) {
      const stream = movesOf(key, 0);
      for (const pair of this.shared) shiftBetween(stream, this.structure, values, pair);
    }
    const due = chains.filter(({ tuning, progress }) => tuning.scalars.isDue(progress));
    for (const { tuning, values } of due) {
      for (const [t, term] of this.structure.terms.entries()) {
        const found = typicalInformation(term, this.linearised.weights, values.terms[t].levels);
        for (const [l, own] of found.entries()) tuning.information[t][l].set(own);
      }
    }
    await this.scalars.begin(
      chains.map(({ lane, values, tuning: { information } }) => ({ lane, values, information })),
    );
    const scalarChains = chains.map(({ lane, values, key, tuning, progress }): ScalarChain => ({
      lane,
      values,
      tuning: tuning.scalars,
      progress,
      stream: othersOf(key, 0),
    }));
    if (due.length > 0) {
      const lanes = new Set(due.map(({ lane }) => lane));
      await learnCoordinates(
        this.scalars,
        scalarChains.filter(({ lane }) => lanes.has(lane)),
      );
    }
    await moveScalars(this.scalars, scalarChains);
  }

  private async moveGroups(b: number, chains: readonly MixedChain[]): Promise<void> {
    const { term: t, level: j, program } = this.blocks[b];
    const { levels, population } = this.structure.terms[t];
    const others = chains.map(({ key }) => othersOf(key, b + 1));
    for (const [i, { lane, values, key, tuning }] of chains.entries()) {
      const own = values.terms[t];
      program.set('population', lane, own.population);
      program.set(groupNames.steps, lane, tuning.steps(b));
      for (const [l, { coefficients, sds, lower }] of own.levels.entries()) {
        program.set(names.coefficients(l), lane, coefficients);
        if (program.has(names.scale(l))) program.set(names.scale(l), lane, covarianceFactor(sds, lower));
        if (program.has(names.precision(l))) program.set(names.precision(l), lane, precisionBlock(sds, lower));
      }
      const { sds, lower } = own.levels[j];
      program.set(groupNames.inverse, lane, inverseFactor(sds, lower));
      if (program.has(groupNames.dispersion)) program.setScalar(groupNames.dispersion, lane, values.sigma);
      for (const [other, { levels: given }] of values.terms.entries())
        if (other !== t) program.set(groupNames.other(other), lane, given[0].coefficients);
      if (values.fixed !== undefined) program.set(groupNames.fixed, lane, values.fixed.coefficients);
      if (program.has('prior mean')) {
        const { precisions, means } = populationMoments(others[i], population.prior, own);
        program.set('prior precision', lane, precisions);
        program.set('prior mean', lane, means);
      }
      program.fillNoise(lane, normalsOf(key, b + 1).counter!);
    }
    await program.run();
    const rates = new Float64Array(levels[j].groups);
    for (const [i, { lane, values, tuning, progress }] of chains.entries()) {
      const own = values.terms[t];
      program.read(groupNames.rates, lane, rates);
      tuning.learnSteps(b, rates, progress);
      const drawsAbove = program.has('prior mean');
      // The innermost program draws all levels above where it can; others move those below along.
      const moved = drawsAbove ? levels.length : j + 1;
      for (let l = 0; l < moved; l++) program.read(names.coefficients(l), lane, own.levels[l].coefficients);
      if (j > 0) continue;
      if (drawsAbove) program.read('population', lane, own.population);
      for (const [l, level] of levels.entries()) {
        const products = new Float64Array(sizeOf(covarianceShape(level)));
        program.read(names.products(l), lane, products);
        updateCovariance(others[i], level.covariance, level.groups, products, own.levels[l]);
      }
    }
  }
}

/** C⁻¹ of Σ = CC'. */
function inverseFactor(sds: Float64Array, lower: Float64Array | undefined): Float64Array {
  if (lower === undefined) return sds.map((sd) => 1 / sd);
  return invertLower(covarianceFactor(sds, lower), sds.length);
}

/** Σ⁻¹, or its diagonal. */
function precisionBlock(sds: Float64Array, lower: Float64Array | undefined): Float64Array {
  return lower === undefined ? sds.map((sd) => 1 / (sd * sd)) : precisionOf(sds, lower);
}
