// What a chain learns of one term's scales in the burn-in: a quadratic that stands for their likelihood, and how to walk over the density it gives.
import { deviatingCount } from '../../../models/linearHierarchy/links.js';
import {
  hasFactors,
  isDiagonal,
  type LinearHierarchy,
  type NestedTerm,
} from '../../../models/linearHierarchy/structure.js';
import { cholesky } from '../../linearAlgebra.js';
import type { Progress } from '../scalars/tuning.js';
import { covarianceFactor, fromCoordinates, type Scales, toCoordinates } from '../scaleMove.js';
import { type Reference, surrogateDimension } from './coordinates.js';
import { Differences } from './differences.js';

/** Sweeps before which the quadratic is learnt anew, and learns from what its proposals were, as shares of the burn-in. */
const renewals = [0.1, 0.15, 0.25, 0.4];
const refits = [0.55, 0.7, 0.85, 1];
/** From this one on around the mean of the states since the one before; until then around the state, and earlier differences are forgotten. */
const firstByStates = 2;
/** States that are kept, and differences for each number of the quadratic. */
const [keptStates, differencesPerNumber] = [64, 4];
/** Displacements of the first differences: of variances and covariances relative to the reference. */
const firstWidth = 0.1;
/** Groups of every level from which a quadratic stands for the likelihood of variances, and to evaluate that costs more than a walk. */
const fewestGroups = 2000;

/** Whether scales of a term are proposed by a surrogate. */
export function suitsSurrogate({ terms }: LinearHierarchy, t: number): boolean {
  return terms[t].levels.every(({ groups, covariance }) => groups >= fewestGroups && !hasFactors(covariance));
}

export class ScaleSurrogate {
  readonly dimension: number;
  /** The log likelihood at displacements q is g'q − ½ q'Hq. */
  readonly slopes: Float64Array;
  readonly curvature: Float64Array;
  /** Between places of the density itself, which the quadratic is to fit. */
  readonly differences: Differences;
  /** Of displacements from the reference where it learns. */
  readonly widths: Float64Array;
  /** Coordinates are Fx with x round, `[dimension][dimension]`. */
  readonly round: Float64Array;
  logStep = 0;
  private sigma = 1;
  private readonly factors: readonly Float64Array[];
  /** Slopes and curvature as the surroundings of the reference gave them. */
  private readonly centreSlopes: Float64Array;
  private readonly centreCurvature: Float64Array;
  /** The last states since a renewal, as `toCoordinates` gives them. */
  private readonly states: Float64Array;
  private seen = 0;
  private isReady = false;

  constructor(
    readonly term: NestedTerm,
    rows: number,
  ) {
    const n = surrogateDimension(term);
    this.dimension = n;
    this.slopes = new Float64Array(n);
    this.curvature = new Float64Array(n * n);
    this.centreSlopes = new Float64Array(n);
    this.centreCurvature = new Float64Array(n * n);
    this.differences = new Differences(n, Math.round((differencesPerNumber * n * (n + 3)) / 2));
    this.widths = new Float64Array(n).fill(firstWidth);
    this.widths[0] = 1 / Math.sqrt(2 * rows);
    this.round = new Float64Array(n * n);
    this.factors = term.levels.map((level) => {
      const k = deviatingCount(level);
      return new Float64Array(isDiagonal(level.covariance) ? k : k * k);
    });
    this.states = new Float64Array(keptStates * n);
  }

  /** Whether it has learnt to propose. */
  get isLearnt(): boolean {
    return this.isReady;
  }

  get reference(): Reference {
    return { sigma: this.sigma, factors: this.factors };
  }

  /** Whether the quadratic is to be learnt anew before this sweep. */
  isDue(progress: Progress): boolean {
    return isBefore(renewals, progress);
  }

  /** Whether it is to learn from its proposals before this sweep. */
  isToRefit(progress: Progress): boolean {
    return this.isReady && isBefore(refits, progress);
  }

  /** Takes the state after a sweep of the burn-in in. */
  observe(scales: Scales): void {
    this.states.set(toCoordinates(scales), (this.seen++ % keptStates) * this.dimension);
  }

  /** Begins a renewal: chooses the reference. */
  begin(scales: Scales, { sweep, warmup }: Progress): void {
    const { states, seen, term, dimension: n } = this;
    const first = Math.round(renewals[firstByStates] * warmup);
    const recent = Array.from(
      { length: sweep >= first ? Math.min(seen, keptStates) : 0 },
      (_, i) => fromCoordinates(term, states.subarray(i * n, (i + 1) * n))!.scales,
    );
    const around = recent.length > 0 ? recent : [scales];
    this.sigma = Math.exp(around.reduce((sum, { sigma }) => sum + Math.log(sigma), 0) / around.length);
    for (const [j, factor] of this.factors.entries()) {
      factor.set(factorOfMean(around.map(({ levels }) => levels[j])));
    }
    this.seen = 0;
    if (sweep <= first) this.differences.forget();
    this.isReady = true;
  }

  /** Keeps slopes and curvature as those of the reference's surroundings. */
  centre(): void {
    this.centreSlopes.set(this.slopes);
    this.centreCurvature.set(this.curvature);
  }

  toCentre(): void {
    this.slopes.set(this.centreSlopes);
    this.curvature.set(this.centreCurvature);
  }

  /** All numbers, for a snapshot; always as many. */
  pack(): Float64Array {
    const { sigma, seen, logStep, isReady } = this;
    return Float64Array.from(
      [[sigma, seen, logStep, Number(isReady)], ...this.arrays].flatMap((own) => Array.from(own)),
    );
  }

  unpack(packed: Float64Array): void {
    this.sigma = packed[0];
    this.seen = packed[1];
    this.logStep = packed[2];
    this.isReady = packed[3] === 1;
    let offset = 4;
    for (const target of this.arrays) target.set(packed.subarray(offset, (offset += target.length)));
  }

  private get arrays(): Float64Array[] {
    return [
      ...this.factors,
      this.states,
      this.slopes,
      this.curvature,
      this.centreSlopes,
      this.centreCurvature,
      this.widths,
      this.round,
      this.differences.numbers,
    ];
  }
}

const isBefore = (shares: readonly number[], { sweep, warmup }: Progress): boolean =>
  shares.some((share) => Math.round(share * warmup) === sweep);

/** C with CC' the mean of covariances, or the root mean square of standard deviations. */
function factorOfMean(all: readonly Scales['levels'][number][]): Float64Array {
  const factors = all.map(({ sds, lower }) => covarianceFactor(sds, lower));
  const k = all[0].sds.length;
  const isPlain = all[0].lower === undefined;
  const mean = factors[0].map((_, at) => {
    const [i, j] = [Math.floor(at / k), at % k];
    let sum = 0;
    for (const own of factors) {
      if (isPlain) sum += own[at] ** 2;
      else for (let m = 0; m < k; m++) sum += own[i * k + m] * own[j * k + m];
    }
    return sum / all.length;
  });
  return isPlain ? mean.map(Math.sqrt) : cholesky(mean, k)!;
}
