// Scales with the coefficients integrated out: Metropolis steps on σ and all covariances of a term, proposals learnt in the burn-in.
import type { Device } from '../../kernels/device.js';
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import {
  hasFactors,
  isDiagonal,
  type LinearHierarchy,
  type NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import type { RandomStream } from '../random/streams.js';
import type { AdaptiveProposal } from './adaptiveProposal.js';
import type { ChainValues } from './chainValues.js';
import { factorOf, partialCorrelations } from './correlations.js';
import { logCovariancePrior, logPrior } from './priorDensity.js';
import type { BoundProgram } from './program.js';
import { horseshoesOnSigma } from './shrinkage.js';
import { sumNames } from './rowSums.js';
import { compileIntegrated, names, type StaticData } from './termProgram.js';

/** Share of the proposals that do not depend on the state; the others are steps from it. */
const independentShare = 0.75;

/** What a proposal changes. */
export interface Scales {
  readonly sigma: number;
  readonly levels: readonly { readonly sds: Float64Array; readonly lower: Float64Array | undefined }[];
}

/** A chain's state and what it proposes, as coordinates. */
interface Pending {
  readonly before: Float64Array;
  readonly after: Float64Array;
  readonly scales: Scales;
  readonly isIndependent: boolean;
  /** Proposals outside the support are refused without a look. */
  readonly isInside: boolean;
}

/** Coordinates of a term's scales: log σ, then for each level its standard deviations and free partial correlations. */
export function scaleDimension({ levels }: NestedTerm): number {
  return levels.reduce((sum, level) => {
    const size = deviatingCount(level);
    return sum + size + (isDiagonal(level.covariance) ? 0 : (size * (size - 1)) / 2);
  }, 1);
}

export function toCoordinates({ sigma, levels }: Scales): Float64Array {
  return Float64Array.from([
    Math.log(sigma),
    ...levels.flatMap(({ sds, lower }) => [
      ...sds,
      ...(lower === undefined ? [] : partialCorrelations(lower, sds.length)),
    ]),
  ]);
}

/** The scales at these coordinates; undefined where a standard deviation is not positive. With the log Jacobian of the map. */
export function fromCoordinates(
  { levels }: NestedTerm,
  coordinates: Float64Array,
): { readonly scales: Scales; readonly logJacobian: number } | undefined {
  let next = 1;
  let logJacobian = coordinates[0];
  const own = levels.map((level) => {
    const { covariance } = level;
    const size = deviatingCount(level);
    const sds = coordinates.slice(next, (next += size));
    if (isDiagonal(covariance)) return { sds, lower: undefined };
    const lower = new Float64Array(size * size);
    logJacobian += factorOf(coordinates.subarray(next, (next += (size * (size - 1)) / 2)), size, lower);
    return { sds, lower };
  });
  if (own.some(({ sds }) => sds.some((sd) => !(sd > 0)))) return undefined;
  return { scales: { sigma: Math.exp(coordinates[0]), levels: own }, logJacobian };
}

export class ScaleMove {
  private constructor(
    private readonly structure: LinearHierarchy,
    private readonly index: number,
    /** Two lanes a chain: 2c for its state, 2c + 1 for its proposal. */
    readonly program: BoundProgram,
    /** By lane: Σ r² of what others leave of the rows; rows with weights give it anew. */
    private readonly totals: Float64Array,
  ) {}

  static async create(
    structure: LinearHierarchy,
    index: number,
    device: Device,
    chains: number,
    data: StaticData,
  ): Promise<ScaleMove> {
    const program = await compileIntegrated(structure, index, device, data, 2 * chains);
    const totals = new Float64Array(2 * chains).fill(data.projectedSquares + data.residual);
    return new ScaleMove(structure, index, program, totals);
  }

  /** Hands a chain's two lanes what a pass over the rows gave. */
  setSums(lane: number, shift: Float64Array, total: number): void {
    for (const own of [2 * lane, 2 * lane + 1]) {
      this.program.set(sumNames.shift, own, shift);
      this.totals[own] = total;
    }
  }

  private get term(): NestedTerm {
    return this.structure.terms[this.index];
  }

  /** Scales of a chain, as they are. */
  static scalesOf({ sigma, terms }: ChainValues, index: number): Scales {
    return { sigma, levels: terms[index].levels };
  }

  /** Draws a proposal. */
  propose(chain: ChainValues, proposal: AdaptiveProposal, stream: RandomStream): Pending {
    const current = ScaleMove.scalesOf(chain, this.index);
    const before = toCoordinates(current);
    const isIndependent = stream.uniform() < independentShare;
    const after = isIndependent ? proposal.drawIndependent(stream) : proposal.drawStep(stream, before);
    const found = fromCoordinates(this.term, after);
    return { before, after, scales: found?.scales ?? current, isIndependent, isInside: found !== undefined };
  }

  /** Hands the program the scales of one of its lanes. */
  setScales(lane: number, { sigma, levels }: Scales): void {
    const { program } = this;
    program.setScalar('inverse variance', lane, 1 / (sigma * sigma));
    for (const [j, { sds, lower }] of levels.entries()) program.set(names.scale(j), lane, covarianceFactor(sds, lower));
  }

  /** Accepts or refuses a proposal by what the program gave for the chain's two lanes; true when accepted. */
  decide(
    lane: number,
    chain: ChainValues,
    pending: Pending,
    proposal: AdaptiveProposal,
    stream: RandomStream,
  ): boolean {
    const { isIndependent, isInside, scales } = pending;
    const uniform = stream.uniform();
    const isAccepted = isInside && Math.log(uniform) < this.logRatio(lane, chain, pending, proposal);
    if (isIndependent) proposal.note(isAccepted);
    if (isAccepted) this.assign(chain, scales);
    return isAccepted;
  }

  private logRatio(lane: number, chain: ChainValues, pending: Pending, proposal: AdaptiveProposal): number {
    const { before, after, isIndependent } = pending;
    let logRatio = this.logDensity(2 * lane + 1, after, chain) - this.logDensity(2 * lane, before, chain);
    if (isIndependent) logRatio += proposal.logDensity(before) - proposal.logDensity(after);
    return logRatio;
  }

  /** Gives a chain other scales. */
  assign(chain: ChainValues, { sigma, levels }: Scales): void {
    chain.sigma = sigma;
    for (const [j, { sds, lower }] of levels.entries()) {
      chain.terms[this.index].levels[j].sds.set(sds);
      if (lower !== undefined) chain.terms[this.index].levels[j].lower!.set(lower);
    }
  }

  /** Log density of the rows given the scales that a lane of the program was given, σ among them, up to a constant. */
  logLikelihood(lane: number, sigma: number): number {
    const { program, structure } = this;
    const isWeighted = structure.errors.df !== undefined;
    const total = isWeighted ? program.readScalar(sumNames.total, lane) : this.totals[lane];
    return program.readScalar('value', lane) - structure.rows * Math.log(sigma) - (0.5 * total) / (sigma * sigma);
  }

  /** Log density of the coordinates that a lane of the program was given, up to a constant. */
  logDensity(lane: number, coordinates: Float64Array, chain: ChainValues): number {
    const { structure, term } = this;
    const { scales, logJacobian } = fromCoordinates(term, coordinates)!;
    const { sigma, levels } = scales;
    let density = this.logLikelihood(lane, sigma);
    density += logJacobian + logPrior(structure.errors.prior, sigma);
    density += horseshoesOnSigma(structure, chain)?.(sigma) ?? 0;
    for (const [j, { sds, lower }] of levels.entries()) {
      const { covariance } = term.levels[j];
      if (hasFactors(covariance)) throw new Error('scales of factors are not moved');
      density += logCovariancePrior(covariance.prior, sds, lower);
    }
    return density;
  }
}

/** s, or diag(s) L. */
export function covarianceFactor(sds: Float64Array, lower: Float64Array | undefined): Float64Array {
  return lower === undefined ? sds : lower.map((value, at) => value * sds[Math.floor(at / sds.length)]);
}
