// What a chain learns of its scalars in the burn-in: coordinates in which they are round, and the step of their trajectories.
import { cholesky } from '../../linearAlgebra.js';
import { symmetricEigensystem } from '../../symmetricEigensystem.js';
import { type DualAveraging, updateDualAveraging } from '../../warmup/dualAveraging.js';

const firstStep = Math.log(0.5);
/** Curvatures below this share of the largest count as this. */
const leastCurvature = 1e-10;
/** Trajectories after which a step says something of the coordinates. */
const settled = 5;

/** How trajectories of the scalars are planned. */
export interface ScalarPlan {
  /** How far one goes in round coordinates. */
  readonly length: number;
  /** Steps vary between these shares of the usual one. */
  readonly jitter: readonly [least: number, most: number];
  /** Share that is to be accepted. */
  readonly target: number;
  readonly mostSteps: number;
  /** Sweeps before which coordinates are learnt, as shares of the burn-in. From `averagedFrom` on they are of the mean of Hessians. */
  readonly renewals: readonly number[];
  readonly averagedFrom: number;
  /** Sweeps before which coordinates are made of the states since the one before, as shares of the burn-in, in order; after the first, no more of Hessians. */
  readonly byStates?: readonly number[];
  /** Coordinates in which steps are longer than this stay as they are. */
  readonly longEnough: number;
  /** Standard deviations from 0, by the curvature where it is, beyond which a signed scalar keeps its sign. */
  readonly farFromZero: number;
  /** Standard deviation that a scalar which may pass through 0 has at most: where its density is about flat, one place's curvature says little. */
  readonly widestCrossing: number;
}

/** A scalar whose sign means nothing: the log density stays as it is when it turns together with those that go with it. */
export interface Reflection {
  readonly place: number;
  /** Places of the others whose signs turn with it. */
  readonly along: readonly number[];
}

/** A sweep's place in its run. */
export interface Progress {
  /** Sweeps done. */
  readonly sweep: number;
  readonly warmup: number;
}

const freshAveraging = (): DualAveraging => ({
  count: 0,
  logTarget: firstStep,
  meanError: 0,
  logStepSize: firstStep,
  logAveraged: firstStep,
});

export class ScalarTuning {
  /** Scalars are θ + Fx with x round, `[dimension][dimension]`. */
  private readonly factor: Float64Array;
  private readonly hessians: Float64Array;
  /** By reflection: 1 where its scalar may pass through 0, and steps do not depend on its sign. */
  private readonly mayCross: Float64Array;
  private count = 0;
  /** States since coordinates were last made of them: how many, their sum and their second moments. */
  private seen = 0;
  private readonly sums: Float64Array;
  private readonly products: Float64Array;
  private averaging = freshAveraging();

  constructor(
    readonly dimension: number,
    private readonly plan: ScalarPlan,
    private readonly reflections: readonly Reflection[] = [],
  ) {
    this.mayCross = new Float64Array(reflections.length).fill(1);
    this.factor = new Float64Array(dimension * dimension);
    this.hessians = new Float64Array(dimension * dimension);
    this.sums = new Float64Array(dimension);
    this.products = new Float64Array(dimension * dimension);
  }

  /** Whether coordinates are to be learnt before a sweep. */
  isDue({ sweep, warmup }: Progress): boolean {
    const { renewals, longEnough, byStates = [1] } = this.plan;
    const { count, logAveraged } = this.averaging;
    if (count >= settled && logAveraged > Math.log(longEnough)) return false;
    return (
      this.count === 0 ||
      (sweep < byStates[0] * warmup && renewals.some((share) => Math.round(share * warmup) === sweep))
    );
  }

  /** Standard deviation of each scalar in the coordinates at hand; 0 before there are any. */
  get widths(): Float64Array {
    const { dimension, factor } = this;
    return Float64Array.from({ length: dimension }, (_, i) =>
      Math.hypot(...factor.subarray(i * dimension, (i + 1) * dimension)),
    );
  }

  /**
   * Takes minus the Hessian of the log density in; F F' becomes the inverse of its mean, with all curvatures positive.
   * @param scalars where it was taken
   */
  renew(hessian: Float64Array, scalars: Float64Array, { sweep, warmup }: Progress): void {
    if (!hessian.every(Number.isFinite) && this.count > 0) return;
    const { dimension: n, hessians } = this;
    if (sweep <= this.plan.averagedFrom * warmup) {
      hessians.fill(0);
      this.count = 0;
    }
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) hessians[i * n + j] += (hessian[i * n + j] + hessian[j * n + i]) / 2;
    this.count++;
    const mean = hessians.map((sum) => (Number.isFinite(sum) ? sum / this.count : 0));
    this.roundOff(mean);
    const { reflections, mayCross, widths } = this;
    const { farFromZero, widestCrossing } = this.plan;
    for (const [k, { place: i }] of reflections.entries())
      mayCross[k] = Number(Math.abs(scalars[i]) < farFromZero * widths[i]);
    if (mayCross.includes(1)) {
      this.decouple(mean);
      for (const [k, { place: i }] of reflections.entries())
        if (mayCross[k] === 1) mean[i * n + i] = Math.max(Math.abs(mean[i * n + i]), widestCrossing ** -2);
      this.roundOff(mean);
    }
    this.averaging = freshAveraging();
  }

  /** Over both signs the products of what turns and what does not are 0 in the mean: steps must not depend on a sign. */
  private decouple(matrix: Float64Array): void {
    const { dimension: n, reflections, mayCross } = this;
    for (const [k, { place, along }] of reflections.entries()) {
      if (mayCross[k] === 0) continue;
      const turns = new Set([place, ...along]);
      for (const a of turns) for (let b = 0; b < n; b++) if (!turns.has(b)) matrix[a * n + b] = matrix[b * n + a] = 0;
    }
  }

  /** Takes the state before a sweep of the burn-in in, its scalars that may turn positive; makes coordinates of those before where that is due. */
  observe(scalars: Float64Array, { sweep, warmup }: Progress): void {
    const { byStates = [] } = this.plan;
    if (byStates.length === 0 || sweep >= warmup) return;
    const { dimension: n, sums, products } = this;
    if (byStates.some((share) => Math.round(share * warmup) === sweep)) this.renewByStates();
    this.seen++;
    for (let i = 0; i < n; i++) {
      sums[i] += scalars[i];
      for (let j = 0; j <= i; j++) products[i * n + j] += scalars[i] * scalars[j];
    }
  }

  /** F F' becomes the covariance of the states, the one at hand counting as that of as many as there are scalars; over both signs of those that may turn. */
  private renewByStates(): void {
    const { dimension: n, factor, reflections, mayCross, seen, sums, products } = this;
    const turning = new Set(reflections.flatMap(({ place, along }, k) => (mayCross[k] === 1 ? [place, ...along] : [])));
    const covariance = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        const centre = turning.has(i) || turning.has(j) ? 0 : (sums[i] * sums[j]) / seen;
        let own = 0;
        for (let m = 0; m < n; m++) own += factor[i * n + m] * factor[j * n + m];
        covariance[i * n + j] = covariance[j * n + i] = (products[i * n + j] - centre + n * own) / (seen + n);
      }
    this.decouple(covariance);
    const found = seen > 0 ? cholesky(covariance, n) : undefined;
    this.seen = 0;
    sums.fill(0);
    products.fill(0);
    if (found === undefined) return;
    factor.set(found);
    this.averaging = freshAveraging();
  }

  /** Makes F of minus a Hessian. */
  private roundOff(hessian: Float64Array): void {
    const { dimension: n, factor } = this;
    const { values, vectors } = symmetricEigensystem(hessian, n);
    const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    for (let j = 0; j < n; j++) {
      const scale = 1 / Math.sqrt(Math.max(Math.abs(values[j]), leastCurvature * most));
      for (let i = 0; i < n; i++) factor[i * n + j] = vectors[j][i] * scale;
    }
  }

  /** Whether a move to these scalars stays where it may: those far from 0 keep their signs. */
  isAllowed(scalars: Float64Array): boolean {
    return this.reflections.every(({ place }, k) => this.mayCross[k] === 1 || scalars[place] > 0);
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

  /** Step of the next trajectory, and how many. @param uniform in (0, 1) */
  trajectory({ sweep, warmup }: Progress, uniform: number): { readonly step: number; readonly count: number } {
    const { length, mostSteps, jitter } = this.plan;
    const [least, most] = jitter;
    const own = sweep < warmup ? this.averaging.logStepSize : this.averaging.logAveraged;
    const step = Math.exp(Math.min(own, 0));
    return {
      step: step * (least + (most - least) * uniform),
      count: Math.min(mostSteps, Math.max(1, Math.ceil(length / step))),
    };
  }

  learnStep(rate: number, { sweep, warmup }: Progress): void {
    if (sweep < warmup) this.averaging = updateDualAveraging(this.averaging, rate, this.plan.target);
  }

  /** All numbers, in order; always as many. */
  pack(): Float64Array {
    const { count, logTarget, meanError, logStepSize, logAveraged } = this.averaging;
    const rest = [this.count, this.seen, count, logTarget, meanError, logStepSize, logAveraged];
    return Float64Array.from([...this.arrays.flatMap((own) => [...own]), ...rest]);
  }

  unpack(packed: Float64Array): void {
    let offset = 0;
    for (const target of this.arrays) target.set(packed.subarray(offset, (offset += target.length)));
    const [own, seen, count, logTarget, meanError, logStepSize, logAveraged] = packed.subarray(offset);
    this.count = own;
    this.seen = seen;
    this.averaging = { count, logTarget, meanError, logStepSize, logAveraged };
  }

  private get arrays(): Float64Array[] {
    return [this.factor, this.hessians, this.mayCross, this.sums, this.products];
  }
}
