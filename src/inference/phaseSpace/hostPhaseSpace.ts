// Phase space of one chain in host memory: the vectors behind the slots and the arithmetic on them.
import type { BatchedLogDensity } from '../logDensity.js';
import type { RandomStream } from '../random/streams.js';
import type { Momentum } from './correction.js';
import { DrawPairs } from './drawPairs.js';
import { estimateMetric } from './estimateMetric.js';
import { LowRank } from './lowRank.js';
import type { LowRankLimits, Metric } from './metric.js';
import { blockMetric, correctionOf } from './metric.js';
import { RunningMoments } from './moments.js';
import type { SavedMoments, SavedVectors } from './phaseSpaces.js';
import type { BatchedRequest, MomentumSpan, PhasePoint, Request } from './requests.js';
import type { Stretch } from './turning.js';
import { addTurning } from './turning.js';
import { type ArenaVector, VectorArena } from './vectorArena.js';
import { VectorJob } from './vectorJob.js';

/** The answer to a request, to be asked for when the job that it is part of is done. */
export type Answer = () => number;

interface EvaluatedPoint {
  readonly position: ArenaVector;
  readonly gradient: ArenaVector;
  logDensity: number;
}

/**
 * Slots are allocated when first written to and then reused: no vector is allocated per leapfrog step.
 * Vectors of a slot are contiguous; only the density's arrays are `[dimension][lane]`.
 */
export class HostPhaseSpace {
  private readonly points: EvaluatedPoint[] = [];
  private readonly momenta: Momentum[] = [];
  private readonly moments: RunningMoments;
  /** Numbers of a momentum's image, at most. */
  private readonly imageSize: number;
  private readonly inverseMass: ArenaVector;
  private isLaneFinite = true;

  /**
   * @param denseIndices dimensions of the dense block that `adapt` gives the metric
   * @param arena memory for the vectors; chains may share one
   * @param lowRank the low-rank part that `adapt` gives the metric
   */
  constructor(
    private readonly density: BatchedLogDensity,
    private readonly lane: number,
    private currentMetric: Metric,
    private readonly denseIndices: Int32Array = currentMetric.block?.indices ?? new Int32Array(0),
    private readonly arena: VectorArena = new VectorArena(),
    private readonly lowRank?: LowRankLimits,
    /** What is queued; chains that share an arena may share it. */
    readonly job: VectorJob = new VectorJob(arena, density.dimension),
  ) {
    const { dimension } = density;
    this.imageSize = Math.max(denseIndices.length, lowRank?.rank ?? 0, correctionOf(currentMetric)?.size ?? 0);
    this.moments = new RunningMoments(dimension, denseIndices, lowRank && new DrawPairs(dimension, lowRank.keptDraws));
    this.inverseMass = arena.allocate(density.dimension);
    this.inverseMass.values.set(currentMetric.inverseMass);
  }

  get metric(): Metric {
    return this.currentMetric;
  }

  /** Each answer is to be asked for before the next request is queued, which may overwrite what it needs; or nothing is gained by waiting. */
  get answersAtOnce(): boolean {
    return this.job.isImmediate || correctionOf(this.currentMetric) !== undefined;
  }

  logDensityAt(point: number): number {
    return this.points[point].logDensity;
  }

  /** Position of a slot: the vector itself, `[dimension]`. */
  positionAt(point: number): Float64Array {
    return this.pointSlot(point).position.values;
  }

  /** Gradient of a slot: the vector itself, `[dimension]`. */
  gradientAt(point: number): Float64Array {
    return this.pointSlot(point).gradient.values;
  }

  /** Momentum of a slot: the vector itself, `[dimension]`. */
  momentumAt(slot: number): Float64Array {
    return this.momentumSlot(slot).momentum.values;
  }

  /** A copy of the moments of the metric window, which are cleared. */
  takeMoments(): SavedMoments {
    const moments = this.moments.save();
    this.moments.reset();
    return moments;
  }

  /** Answers a request that needs no gradient, after all that was queued before. */
  answer(request: Exclude<Request, BatchedRequest>): number {
    return this.answerNow(this.queue(request));
  }

  /** First half of a batched request: puts the position to evaluate into this chain's lane. */
  begin(request: BatchedRequest): void {
    this.queueBegin(request);
    this.job.run();
  }

  /** Second half, after the evaluation: takes log density and gradient from the lane. */
  finish(request: BatchedRequest): number {
    return this.answerNow(this.queueFinish(request));
  }

  /** Adds a request that needs no gradient to the job; the answer may be asked for when that is done. */
  queue(request: Exclude<Request, BatchedRequest>): Answer {
    switch (request.kind) {
      case 'turning':
        return this.turning(request);
      case 'refresh':
        return this.refresh(request);
      case 'observe':
      case 'adapt':
      case 'read':
      case 'write': {
        const answer = this.work(request);
        return () => answer;
      }
      case 'report':
        throw new Error('phase space in host memory reports no sites: read the position');
      default:
        throw new Error(request satisfies never);
    }
  }

  /** Adds what comes before the evaluation: the position to evaluate goes into this chain's lane when the job is done. */
  queueBegin(request: BatchedRequest): void {
    if (request.kind === 'evaluate') this.writeLane(this.pointSlot(request.point).position);
    else this.kickAndDrift(request);
  }

  /** Adds what comes after the evaluation: log density and gradient are taken from the lane. */
  queueFinish(request: BatchedRequest): Answer {
    const target = this.pointSlot(request.kind === 'evaluate' ? request.point : request.to.point);
    const logDensity = this.density.logDensities[this.lane];
    target.logDensity = logDensity;
    this.isLaneFinite = Number.isFinite(logDensity);
    this.readLane(target.gradient);
    return request.kind === 'leapfrog' ? this.secondKick(request, logDensity) : () => logDensity;
  }

  /** For batches without this chain: what its lane holds is finite. */
  restLane(): void {
    if (this.isLaneFinite) return;
    const { positions, lanes } = this.density;
    for (let i = 0, at = this.lane; i < this.density.dimension; i++, at += lanes) positions[at] = 0;
    this.isLaneFinite = true;
  }

  /** Copies of the vectors that outlast a run. */
  save(point: number): SavedVectors {
    const { inverseMass, block, lowRank } = this.metric;
    return {
      position: this.positionAt(point).slice(),
      inverseMass: inverseMass.slice(),
      blockInverseMass: block?.inverseMass.slice(),
      ...(lowRank && { lowRank: { columns: lowRank.columns.slice(), eigenvalues: lowRank.eigenvalues.slice() } }),
      moments: this.moments.save(),
    };
  }

  /** Puts saved vectors back; the point is not evaluated. */
  restore(point: number, { position, inverseMass, blockInverseMass, lowRank, moments }: SavedVectors): void {
    this.positionAt(point).set(position);
    const variances = inverseMass.slice();
    if (blockInverseMass) this.setMetric(blockMetric(variances, this.denseIndices, blockInverseMass.slice()));
    else {
      const { columns, eigenvalues } = lowRank ?? {};
      this.setMetric({
        inverseMass: variances,
        ...(columns && eigenvalues && { lowRank: new LowRank(variances, columns, eigenvalues) }),
      });
    }
    this.moments.set(moments);
  }

  private answerNow(answer: Answer): number {
    this.job.run();
    const value = answer();
    this.job.reset();
    return value;
  }

  /** The host's own work, for which vectors must be complete. */
  private work(request: Extract<Request, { kind: 'observe' | 'adapt' | 'read' | 'write' }>): number {
    this.job.run();
    if (request.kind === 'adapt') return this.adapt(request.priorVariances);
    if (request.kind === 'write') {
      this.pointSlot(request.point).position.values.set(request.position);
      return 0;
    }
    const { position, gradient } = this.points[request.point];
    if (request.kind === 'observe') this.moments.add(position.values, gradient.values);
    else request.target.set((request.vector === 'position' ? position : gradient).values);
    return 0;
  }

  private turning({ left, right, sum }: Extract<Request, { kind: 'turning' }>): Answer {
    const total = this.momentumSlot(sum);
    const [before, after] = [this.stretch(left), this.stretch(right)];
    return addTurning(this.job, before, after, correctionOf(this.metric), this.inverseMass, total);
  }

  /** Long vectors are filled by kernels; their normals are those of the stream's `fillNormal` up to rounding. */
  private refresh({ at, stream }: Extract<Request, { kind: 'refresh' }>): Answer {
    const { momentum: vector, image } = this.momentumSlot(at.momentum);
    const { logDensity } = this.points[at.point];
    const { block, lowRank } = this.metric;
    const { counter } = stream;
    if (counter === undefined || lowRank || this.job.isImmediate) {
      this.job.run();
      const energy = this.refreshOnHost(at, stream);
      return () => energy;
    }
    const twice = this.job.refresh(vector.address, this.inverseMass.address, counter);
    if (!block) return () => energyOf(this.job.total(twice) / 2, logDensity);
    // The block's own velocity is the host's.
    this.job.run();
    block.shapeMomentum(vector.values);
    block.project(vector.values, image);
    return () =>
      energyOf(
        (this.job.total(twice) + block.product({ momentum: vector, image }, { momentum: vector, image })) / 2,
        logDensity,
      );
  }

  private refreshOnHost(at: PhasePoint, stream: RandomStream): number {
    const { momentum: vector } = this.momentumSlot(at.momentum);
    const momentum = vector.values;
    this.arena.clearPadding(vector);
    stream.fillNormal(momentum);
    const { inverseMass } = this.metric;
    for (let i = 0; i < momentum.length; i++) if (inverseMass[i] > 0) momentum[i] /= Math.sqrt(inverseMass[i]);
    correctionOf(this.metric)?.shapeMomentum(momentum);
    this.project(at.momentum);
    const twice = this.twiceCorrection(at.momentum);
    return energyOf(this.diagonalKineticEnergy(momentum) + twice / 2, this.points[at.point].logDensity);
  }

  private adapt(priorVariances: Float64Array): number {
    const metric = estimateMetric(this.moments, priorVariances, this.lowRank);
    this.moments.reset();
    if (metric) this.setMetric(metric);
    return Number(metric !== undefined);
  }

  setMetric(metric: Metric): void {
    this.currentMetric = metric;
    this.inverseMass.values.set(metric.inverseMass);
  }

  /** p ← p + ε/2 ∇, q ← q + ε M⁻¹ p, written to the target slot and to the lane. */
  private kickAndDrift({ from, to, stepSize }: Extract<Request, { kind: 'leapfrog' }>): void {
    const source = this.pointSlot(from.point);
    const { position } = this.pointSlot(to.point);
    const { momentum } = this.momentumSlot(from.momentum);
    const { momentum: newMomentum, image } = this.momentumSlot(to.momentum);
    this.job.kickAndDrift(
      momentum.address,
      source.gradient.address,
      source.position.address,
      this.inverseMass.address,
      newMomentum.address,
      position.address,
      stepSize,
    );
    const correction = correctionOf(this.metric);
    if (correction) {
      this.job.run();
      this.project(to.momentum);
      correction.addVelocity(image, stepSize, position.values);
    }
    this.writeLane(position);
  }

  /** p ← p + ε/2 ∇ at the new position; the answer is the energy there. */
  private secondKick({ to, stepSize }: Extract<Request, { kind: 'leapfrog' }>, logDensity: number): Answer {
    const { gradient } = this.points[to.point];
    const { momentum } = this.momenta[to.momentum];
    const twice = this.job.kick(momentum.address, gradient.address, this.inverseMass.address, stepSize);
    return () => {
      this.project(to.momentum);
      return energyOf((this.job.total(twice) + this.twiceCorrection(to.momentum)) / 2, logDensity);
    };
  }

  private stretch({ begin, end, sum }: MomentumSpan): Stretch {
    return { begin: this.momenta[begin], end: this.momenta[end], sum: this.momenta[sum] };
  }

  /** pᵀ C p of the metric's correction C, from the momentum's image. */
  private twiceCorrection(slot: number): number {
    const momentum = this.momenta[slot];
    return correctionOf(this.metric)?.product(momentum, momentum) ?? 0;
  }

  private diagonalKineticEnergy(momentum: Float64Array): number {
    const { inverseMass } = this.metric;
    let twice = 0;
    for (let i = 0; i < momentum.length; i++) twice += inverseMass[i] * momentum[i] * momentum[i];
    return twice / 2;
  }

  /** The image of a momentum under the metric's correction. */
  private project(slot: number): void {
    const { momentum, image } = this.momenta[slot];
    correctionOf(this.metric)?.project(momentum.values, image);
  }

  private writeLane({ address, values }: ArenaVector): void {
    const { positions, lanes, memory } = this.density;
    const { lane } = this;
    if (memory === this.arena.memory) {
      this.job.copy(address, 8, positions.byteOffset + 8 * lane, 8 * lanes);
    } else {
      this.job.run();
      for (let i = 0, at = lane; i < values.length; i++, at += lanes) positions[at] = values[i];
    }
  }

  private readLane({ address, values }: ArenaVector): void {
    const { gradients, lanes, memory } = this.density;
    const { lane } = this;
    if (memory === this.arena.memory) {
      this.job.copy(gradients.byteOffset + 8 * lane, 8 * lanes, address, 8);
    } else {
      for (let i = 0, at = lane; i < values.length; i++, at += lanes) values[i] = gradients[at];
    }
  }

  private pointSlot(slot: number): EvaluatedPoint {
    const { dimension } = this.density;
    return (this.points[slot] ??= {
      position: this.arena.allocate(dimension),
      gradient: this.arena.allocate(dimension),
      logDensity: NaN,
    });
  }

  private momentumSlot(slot: number): Momentum {
    return (this.momenta[slot] ??= {
      momentum: this.arena.allocate(this.density.dimension),
      image: new Float64Array(this.imageSize),
    });
  }
}

/** Not a number counts as +∞. */
function energyOf(kineticEnergy: number, logDensity: number): number {
  const energy = kineticEnergy - logDensity;
  return Number.isNaN(energy) ? Infinity : energy;
}
