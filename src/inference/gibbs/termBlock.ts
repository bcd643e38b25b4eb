// One term's part of a sweep: all its coefficients by the tensor program, then its scales, centred and ancillary in turn.
import type { Device } from '../../kernels/device.js';
import { deviatingCount, deviatingOf, outerPlaces } from '../../models/linearHierarchy/links.js';
import {
  type HierarchyLevel,
  isDiagonal,
  type LinearHierarchy,
  type NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import type { RandomStream } from '../random/streams.js';
import type { ChainValues, TermValues } from './chainValues.js';
import { precisionOf } from './correlations.js';
import { updateAncillary, updateCovariance } from './levelScales.js';
import { type NormalMoments, populationMoments } from './populationPrior.js';
import type { BoundProgram } from './program.js';
import { hasSums, needsRows, RowSums, setRowGivens, sumNames } from './rowSums.js';
import { covarianceFactor } from './scaleMove.js';
import { type MovedChain, ScaleMoves } from './scaleMoves.js';
import type { Scheme } from './settings.js';
import type { ScaleQuadratic } from './signedScales.js';
import { type LocalQuadratic, updateShrinkage } from './shrinkage.js';
import { changeOfSquares, diagonalOf, memberCovariates, scaleSums, setMoments } from './termSums.js';
import { compileTerm, movesPopulation, names, staticData } from './termProgram.js';

/** A chain whose scales are moved, given its effects. */
export interface GivenChain extends MovedChain {
  readonly effects: readonly Float64Array[];
}

/** Arrays that the updates of one chain work in. */
interface LevelScratch {
  /** Empty at the innermost level. */
  readonly deviations: Float64Array;
  /** `[k]` or `[k][k]` */
  readonly products: Float64Array;
  /** Σ over the groups of a parent of deviation ⊗ covariates, `[groups above][k·q]`; empty where nobody asks for them. */
  readonly sums: Float64Array;
  /** Σ z z' over the members of each group, `[group][q below][q below]`; empty at the innermost level. */
  readonly memberCovariates: Float64Array;
}

/** A coefficient that deviates at one level, as part of the means of the level below. */
interface PlaceBelow {
  readonly at: number;
  /** That it is the effect of. */
  readonly covariate: number;
  /** Of the coefficient whose mean it is part of, among those that deviate below; −1 where that does not. */
  readonly number: number;
}

function placesBelow(below: HierarchyLevel, level: HierarchyLevel): PlaceBelow[] {
  const places = outerPlaces(below);
  const deviatingBelow = deviatingOf(below);
  return deviatingOf(level).map((at) => {
    const { coefficient, covariate } = places[at];
    return { at, covariate, number: deviatingBelow.indexOf(coefficient) };
  });
}

export class TermBlock {
  private readonly scratch: readonly LevelScratch[];
  /** By level: which of its coefficients deviate. */
  private readonly deviating: readonly (readonly number[])[];
  private readonly placesBelow: readonly (readonly PlaceBelow[])[];
  /** By lane: the population's prior in a move of the scales that the coefficients have not followed yet. */
  private readonly moved = new Map<number, NormalMoments>();
  /** Σ z z' over the groups of the last level, `[q][q]`. */
  private readonly populationCovariates: Float64Array;
  private readonly slopes: Float64Array;
  private readonly curvature: Float64Array;

  private constructor(
    private readonly structure: LinearHierarchy,
    private readonly index: number,
    readonly program: BoundProgram,
    /** Residual sum of squares that the program leaves out. */
    private readonly residual: number,
    private readonly scheme: Scheme,
    private readonly moves: ScaleMoves | undefined,
    /** The pass over the rows, where others explain part of them. */
    private readonly sums: RowSums | undefined,
  ) {
    const { levels } = this.term;
    this.deviating = levels.map(deviatingOf);
    this.placesBelow = levels.map((_, j) => (j === 0 ? [] : placesBelow(levels[j - 1], levels[j])));
    this.scratch = levels.map((level, j) => ({
      deviations: new Float64Array(j === 0 ? 0 : level.groups * level.size),
      products: new Float64Array(deviatingCount(level) ** (isDiagonal(level.covariance) ? 1 : 2)),
      sums: new Float64Array(
        j + 1 < levels.length
          ? levels[j + 1].groups * level.size * level.covariateCount
          : movesPopulation(this.term)
            ? level.size * level.covariateCount
            : 0,
      ),
      memberCovariates: j === 0 ? new Float64Array(0) : memberCovariates(this.term, j),
    }));
    this.populationCovariates = memberCovariates(this.term, levels.length);
    const { size } = levels[0];
    this.slopes = new Float64Array(size);
    this.curvature = new Float64Array(size * size);
  }

  static async create(
    structure: LinearHierarchy,
    index: number,
    device: Device,
    chains: number,
    scheme: Scheme,
    beside?: BoundProgram,
  ): Promise<TermBlock> {
    const data = staticData(structure, index);
    const program = await compileTerm(structure, index, device, data, { isCollapsed: scheme.isCollapsed, chains });
    const isMoved = scheme.movesScales && ScaleMoves.suits(structure, index, device);
    const moves = isMoved ? new ScaleMoves(structure, index, device, chains) : undefined;
    const take = (lane: number, shift: Float64Array, total: number): void => {
      program.set(sumNames.shift, lane, shift);
      program.setScalar(sumNames.total, lane, total);
      moves?.setSums(lane, shift, total);
    };
    const sums = hasSums(structure) ? await RowSums.create(structure, index, device, chains, take, beside) : undefined;
    return new TermBlock(structure, index, program, needsRows(structure) ? 0 : data.residual, scheme, moves, sums);
  }

  /** The program that goes through the rows, where the responses of others change them. */
  get rowProgram(): BoundProgram | undefined {
    return this.sums?.program;
  }

  get memoryBytes(): number {
    return [this.program, ...(this.moves?.programs ?? []), this.sums].reduce(
      (sum, own) => sum + (own?.memoryBytes ?? 0),
      0,
    );
  }

  get dataBytes(): number {
    return this.program.dataBytes + (this.sums?.dataBytes ?? 0);
  }

  private get term(): NestedTerm {
    return this.structure.terms[this.index];
  }

  async dispose(): Promise<void> {
    await this.program.dispose();
    await this.moves?.dispose();
    await this.sums?.dispose();
  }

  /** Hands the program what a chain's coefficients depend on. */
  prepare(
    lane: number,
    chain: ChainValues,
    effects: readonly Float64Array[],
    noise: RandomStream,
    other: RandomStream,
  ): void {
    const { program } = this;
    const { levels, population } = chain.terms[this.index];
    program.setScalar('inverse variance', lane, 1 / (chain.sigma * chain.sigma));
    for (const [j, { sds, lower }] of levels.entries()) {
      program.set(names.scale(j), lane, covarianceFactor(sds, lower));
      if (!program.has(names.precision(j))) continue;
      const precision = precisionOf(sds, lower);
      program.set(names.precision(j), lane, lower === undefined ? diagonalOf(precision, sds.length) : precision);
      program.set(names.above(j), lane, j + 1 < levels.length ? levels[j + 1].coefficients : population);
    }
    // Coefficients are drawn given the very variances that the scales were moved with.
    const moments = this.moved.get(lane) ?? this.populationMoments(chain, other);
    this.moved.delete(lane);
    setMoments(program, lane, moments);
    if (this.sums !== undefined) this.sums.prepare(lane, chain, effects);
    else this.setRows(program, lane, chain, effects);
    program.fillNoise(lane, noise.counter!);
  }

  /** Moves the scales of chains with the coefficients integrated out. */
  async moveScales(chains: readonly GivenChain[]): Promise<void> {
    const moves = this.moves!;
    await moves.compile(chains);
    for (const chain of chains) {
      const { lane, values, effects, stream } = chain;
      const moments = this.populationMoments(values, stream);
      this.moved.set(lane, moments);
      const { program, lanes } = moves.programOf(chain);
      for (const own of lanes) {
        setMoments(program, own, moments);
        if (this.sums === undefined) this.setRows(program, own, values, effects);
      }
      this.sums?.prepare(lane, values, effects);
    }
    const passing = this.sums?.run();
    if (passing !== undefined) await passing;
    // The coefficients are drawn given the same.
    for (const { lane } of chains) this.sums?.keep(lane);
    await moves.run(chains);
  }

  /** Whether scales are moved with the coefficients integrated out. */
  get movesScales(): boolean {
    return this.moves !== undefined;
  }

  private populationMoments(chain: ChainValues, stream: RandomStream): NormalMoments {
    return populationMoments(stream, this.term.population.prior, chain.terms[this.index]);
  }

  /** What rows with weights depend on, which the programs go through themselves. */
  private setRows(program: BoundProgram, lane: number, chain: ChainValues, effects: readonly Float64Array[]): void {
    if (needsRows(this.structure)) setRowGivens(program, lane, this.index, chain, effects);
  }

  run(): void | Promise<void> {
    const passing = this.sums?.run();
    return passing === undefined ? this.program.run() : passing.then(() => this.program.run());
  }

  /** Takes a chain's new coefficients and draws its scales. Returns the weighted sum of squared residuals of the rows. */
  finish(lane: number, chain: ChainValues, stream: RandomStream): number {
    const { program, term, scratch, scheme } = this;
    const values = chain.terms[this.index];
    program.read('population', lane, values.population);
    let squares = program.readScalar('squares', lane) + this.residual;
    for (const [j, level] of term.levels.entries()) {
      const own = values.levels[j];
      const { products, deviations, sums } = scratch[j];
      program.read(names.products(j), lane, products);
      updateCovariance(stream, level.covariance, level.groups, products, own);
      if (sums.length > 0) program.read(names.sums(j), lane, sums);
      if (!scheme.isInterweaved) {
        program.read(names.coefficients(j), lane, own.coefficients);
        continue;
      }
      if (j > 0) program.read(names.deviations(j), lane, deviations);
      const quadratic = j === 0 ? this.scaleQuadraticOfRows(lane, chain.sigma) : this.scaleQuadraticOfLevel(j, values);
      const rho = updateAncillary(stream, quadratic, level.covariance, own, this.passedOn(j));
      const ofAll = new Float64Array(level.size).fill(1);
      for (let n = 0; n < rho.length; n++) ofAll[this.deviating[j][n]] = rho[n];
      program.readMoved(names.coefficients(j), names.deviations(j), ofAll, lane, own.coefficients);
      scaleSums(sums, ofAll, level.covariateCount);
      if (j === 0) squares += changeOfSquares(ofAll, this.slopes, this.curvature);
    }
    const { prior } = term.population;
    if (prior.kind === 'normal' && values.shrinkage !== undefined) {
      updateShrinkage(
        stream,
        prior,
        chain.sigma,
        movesPopulation(term) ? this.quadraticOfPopulation(values) : undefined,
        values.population,
        values.shrinkage,
      );
    }
    return squares;
  }

  /** How the density of the last level's coefficients changes with those of the population. */
  private quadraticOfPopulation({ levels }: TermValues): LocalQuadratic {
    const last = levels.length - 1;
    const { size, covariateCount: q } = this.term.levels[last];
    const { sums } = this.scratch[last];
    const precision = precisionOf(levels[last].sds, levels[last].lower);
    const length = size * q;
    const slopes = new Float64Array(length);
    const gram = new Float64Array(length * length);
    for (let a = 0; a < length; a++) {
      const [i, c] = [Math.floor(a / q), a % q];
      for (let l = 0; l < size; l++) slopes[a] += precision[i * size + l] * sums[l * q + c];
      for (let b = 0; b < length; b++)
        gram[a * length + b] = precision[i * size + Math.floor(b / q)] * this.populationCovariates[c * q + (b % q)];
    }
    return { gram, slopes };
  }

  /** How the likelihood changes with the scales of the innermost level. */
  private scaleQuadraticOfRows(lane: number, sigma: number): ScaleQuadratic {
    this.program.read('scale slopes', lane, this.slopes);
    this.program.read('scale curvature', lane, this.curvature);
    const precision = 1 / (sigma * sigma);
    const own = this.deviating[0];
    const { size } = this.term.levels[0];
    const k = own.length;
    const slopes = new Float64Array(k);
    const curvature = new Float64Array(k * k);
    for (let a = 0; a < k; a++) {
      slopes[a] = this.slopes[own[a]] * precision;
      for (let b = 0; b < k; b++) curvature[a * k + b] = this.curvature[own[a] * size + own[b]] * precision;
    }
    return { slopes, curvature };
  }

  /**
   * Which of the coefficients that deviate at level j are, unchanged, coefficients of the level below: those below cannot stay where they are when
   * these move.
   */
  private passedOn(j: number): ((n: number) => boolean) | undefined {
    const { levels } = this.term;
    if (j === 0 || levels[j - 1].deviating === undefined) return undefined;
    return (n) => this.placesBelow[j][n].number < 0;
  }

  /** How the density of the coefficients below changes with the scales of level j, those coefficients staying where they are. */
  private scaleQuadraticOfLevel(j: number, { levels }: TermValues): ScaleQuadratic {
    const { size, groups } = this.term.levels[j];
    const { size: below, covariateCount: q } = this.term.levels[j - 1];
    const { deviations, memberCovariates: members } = this.scratch[j];
    const { sums } = this.scratch[j - 1];
    const precision = precisionOf(levels[j - 1].sds, levels[j - 1].lower);
    const deviatingBelow = this.deviating[j - 1];
    const count = deviatingBelow.length;
    const own = this.placesBelow[j];
    const k = own.length;
    const slopes = new Float64Array(k);
    const curvature = new Float64Array(k * k);
    for (let g = 0; g < groups; g++) {
      for (let a = 0; a < k; a++) {
        const { at, covariate: c, number: i } = own[a];
        if (i < 0) continue;
        const v = deviations[g * size + at];
        let slope = 0;
        for (let l = 0; l < count; l++)
          slope += precision[i * count + l] * sums[g * below * q + deviatingBelow[l] * q + c];
        slopes[a] += v * slope;
        for (let b = 0; b <= a; b++) {
          const other = own[b];
          const weight = other.number < 0 ? 0 : precision[i * count + other.number];
          if (weight === 0) continue;
          const product = members[(g * q + c) * q + other.covariate];
          curvature[a * k + b] += v * deviations[g * size + other.at] * weight * product;
        }
      }
    }
    for (let a = 0; a < k; a++) for (let b = 0; b < a; b++) curvature[b * k + a] = curvature[a * k + b];
    return { slopes, curvature };
  }
}
