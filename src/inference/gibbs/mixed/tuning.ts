// What a chain of mixed Gibbs sweeps learns in the burn-in: steps of its groups' trajectories, and coordinates and step size of the scalars'.
import type { GeneralisedHierarchy } from '../../../models/linearHierarchy/structure.js';
import { symmetricEigensystem } from '../../symmetricEigensystem.js';
import { type DualAveraging, updateDualAveraging } from '../../warmup/dualAveraging.js';
import { sizeOf } from '../../../kernels/program/tensorProgram.js';
import { mostDense } from './linearise.js';
import type { ModelParameter } from '../../../models/model.js';
import { unconstrainedShape } from '../../transforms/transforms.js';

/** Longest step: three of these turn a trajectory in round coordinates by about a right angle. */
const longestStep = 0.55;
const firstStep = 0.3;
/** Share of trajectories that groups are to accept. */
const groupTarget = 0.8;
/** Sweeps before which coordinates of the scalars are learnt, as shares of the burn-in. From `averagedFrom` on they are of the mean of Hessians. */
const renewals = [0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];
const averagedFrom = 0.2;
const firstScalarStep = Math.log(0.5);
/** How far a trajectory of the scalars goes in round coordinates, the share that is to be accepted, and its steps at most. */
interface ScalarPlan {
  readonly length: number;
  readonly target: number;
  readonly mostSteps: number;
}
const usualPlan: ScalarPlan = { length: 1.8, target: 0.8, mostSteps: 10 };
/**
 * Where groups have many coefficients, which then follow by their variances alone, the scalars are known much better given what stays put than in
 * all, and mix faster when each trajectory goes on to the other side (Adler 1981).
 */
const farPlan: ScalarPlan = { length: 2.5, target: 0.9, mostSteps: 14 };
/** Curvatures below this share of the largest count as this. */
const leastCurvature = 1e-10;

/** By term and level: rough information of the data on a coefficient of a group, `[k]`. */
export type LevelInformation = readonly (readonly Float64Array[])[];

/** A sweep's place in its run. */
export interface Progress {
  /** Sweeps done. */
  readonly sweep: number;
  readonly warmup: number;
}

/** Terms and levels in the order in which a sweep moves their groups: outer levels of a term before inner ones. */
export function blocksOf(terms: GeneralisedHierarchy['terms']): (readonly [term: number, level: number])[] {
  return terms.flatMap(({ levels }, t) => levels.map((_, l) => [t, levels.length - 1 - l] as const));
}

/** Parameters of a model besides the coefficients of its groups. */
export function scalarParameters(
  { terms }: GeneralisedHierarchy,
  parameters: readonly ModelParameter[],
): readonly ModelParameter[] {
  const coefficients = new Set(terms.flatMap(({ levels }) => levels.map((level) => level.coefficients)));
  return parameters.filter(({ name }) => !coefficients.has(name));
}

const freshAveraging = (): DualAveraging => ({
  count: 0,
  logTarget: firstScalarStep,
  meanError: 0,
  logStepSize: firstScalarStep,
  logAveraged: firstScalarStep,
});

export class MixedTuning {
  /** Logarithms of the steps of every group, by block of groups. */
  private readonly logSteps: readonly Float64Array[];
  readonly information: LevelInformation;
  /** Scalars are θ + Fx with x round, `[dimension][dimension]`. */
  private readonly factor: Float64Array;
  private readonly hessians: Float64Array;
  private count = 0;
  private averaging = freshAveraging();
  private readonly plan: ScalarPlan;

  private constructor(
    { terms }: GeneralisedHierarchy,
    readonly dimension: number,
  ) {
    this.logSteps = blocksOf(terms).map(([t, l]) =>
      new Float64Array(terms[t].levels[l].groups).fill(Math.log(firstStep)),
    );
    this.plan = terms.some(({ levels }) => levels[0].size > mostDense) ? farPlan : usualPlan;
    this.information = terms.map(({ levels }) => levels.map(({ size }) => new Float64Array(size)));
    this.factor = new Float64Array(dimension * dimension);
    this.hessians = new Float64Array(dimension * dimension);
  }

  /** What a new chain is to learn. */
  static of(structure: GeneralisedHierarchy, parameters: readonly ModelParameter[]): MixedTuning {
    const sizes = scalarParameters(structure, parameters).map(({ constraint, shape }) =>
      sizeOf(unconstrainedShape(constraint, shape)),
    );
    return new MixedTuning(
      structure,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  }

  /** Whether coordinates are to be learnt before a sweep. */
  isDue({ sweep, warmup }: Progress): boolean {
    return this.count === 0 || (sweep < warmup && renewals.some((share) => Math.round(share * warmup) === sweep));
  }

  /** Steps of a block's groups. */
  steps(block: number): Float64Array {
    return this.logSteps[block].map(Math.exp);
  }

  /** Moves the steps of a block's groups towards the target (Robbins and Monro 1951). */
  learnSteps(block: number, rates: Float64Array, { sweep, warmup }: Progress): void {
    if (sweep >= warmup) return;
    const own = this.logSteps[block];
    const gain = (sweep + 2) ** -0.6;
    const most = Math.log(longestStep);
    for (let g = 0; g < own.length; g++) {
      const rate = Number.isNaN(rates[g]) ? 0 : rates[g];
      own[g] = Math.min(most, own[g] + gain * (rate - groupTarget));
    }
  }

  /** Standard deviation of each scalar in the coordinates at hand; 0 before there are any. */
  get widths(): Float64Array {
    const { dimension, factor } = this;
    return Float64Array.from({ length: dimension }, (_, i) =>
      Math.hypot(...factor.subarray(i * dimension, (i + 1) * dimension)),
    );
  }

  /** Takes minus the Hessian of the log density in; F F' becomes the inverse of its mean, with all curvatures positive. */
  renew(hessian: Float64Array, { sweep, warmup }: Progress): void {
    if (!hessian.every(Number.isFinite) && this.count > 0) return;
    const { dimension: n, hessians, factor } = this;
    if (sweep <= averagedFrom * warmup) {
      hessians.fill(0);
      this.count = 0;
    }
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) hessians[i * n + j] += (hessian[i * n + j] + hessian[j * n + i]) / 2;
    this.count++;
    const mean = hessians.map((sum) => (Number.isFinite(sum) ? sum / this.count : 0));
    const { values, vectors } = symmetricEigensystem(mean, n);
    const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    for (let j = 0; j < n; j++) {
      const scale = 1 / Math.sqrt(Math.max(Math.abs(values[j]), leastCurvature * most));
      for (let i = 0; i < n; i++) factor[i * n + j] = vectors[j][i] * scale;
    }
    this.averaging = freshAveraging();
  }

  /** F x */
  toScalars(x: Float64Array): Float64Array {
    const { dimension: n, factor } = this;
    return Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += factor[i * n + j] * x[j];
      return sum;
    });
  }

  /** F'g, the gradient by x. */
  toRound(gradient: Float64Array): Float64Array {
    const { dimension: n, factor } = this;
    const result = new Float64Array(n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) result[j] += factor[i * n + j] * gradient[i];
    return result;
  }

  /** Step of the scalars' next trajectory, and how many. @param jitter in (0, 1) */
  trajectory({ sweep, warmup }: Progress, jitter: number): { readonly step: number; readonly count: number } {
    const own = sweep < warmup ? this.averaging.logStepSize : this.averaging.logAveraged;
    const step = Math.exp(Math.min(own, 0));
    return {
      step: step * (0.85 + 0.3 * jitter),
      count: Math.min(this.plan.mostSteps, Math.max(1, Math.ceil(this.plan.length / step))),
    };
  }

  learnScalarStep(rate: number, { sweep, warmup }: Progress): void {
    if (sweep < warmup) this.averaging = updateDualAveraging(this.averaging, rate, this.plan.target);
  }

  /** All numbers, in order; always as many. */
  pack(): Float64Array {
    const { count, logTarget, meanError, logStepSize, logAveraged } = this.averaging;
    const parts = [...this.arrays, [this.count, count, logTarget, meanError, logStepSize, logAveraged]];
    const packed = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      packed.set(part, offset);
      offset += part.length;
    }
    return packed;
  }

  unpack(packed: Float64Array): void {
    let offset = 0;
    for (const target of this.arrays) target.set(packed.subarray(offset, (offset += target.length)));
    const [own, count, logTarget, meanError, logStepSize, logAveraged] = packed.subarray(offset);
    this.count = own;
    this.averaging = { count, logTarget, meanError, logStepSize, logAveraged };
  }

  private get arrays(): Float64Array[] {
    return [...this.logSteps, ...this.information.flat(), this.factor, this.hessians];
  }
}
