// Phase space of one chain in host memory: the vectors behind the slots and the arithmetic on them.
import type { BatchedLogDensity } from '../logDensity.js';
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
import { smallestTurningProduct } from './turning.js';
import { type ArenaVector, VectorArena } from './vectorArena.js';

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
  private readonly bytes: number;
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
  ) {
    const { dimension } = density;
    this.imageSize = Math.max(denseIndices.length, lowRank?.rank ?? 0, correctionOf(currentMetric)?.size ?? 0);
    this.moments = new RunningMoments(dimension, denseIndices, lowRank && new DrawPairs(dimension, lowRank.keptDraws));
    this.inverseMass = arena.allocate(density.dimension);
    this.inverseMass.values.set(currentMetric.inverseMass);
    this.bytes = VectorArena.bytesOf(density.dimension);
  }

  get metric(): Metric {
    return this.currentMetric;
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

  /** Answers a request that needs no gradient. */
  answer(request: Exclude<Request, BatchedRequest>): number {
    switch (request.kind) {
      case 'turning':
        return this.turning(request);
      case 'refresh':
        return this.refresh(request);
      case 'write':
        this.pointSlot(request.point).position.values.set(request.position);
        return 0;
      case 'read': {
        const { position, gradient } = this.points[request.point];
        request.target.set((request.vector === 'position' ? position : gradient).values);
        return 0;
      }
      case 'report':
        throw new Error('phase space in host memory reports no sites: read the position');
      case 'observe': {
        const { position, gradient } = this.points[request.point];
        this.moments.add(position.values, gradient.values);
        return 0;
      }
      case 'adapt':
        return this.adapt(request.priorVariances);
      default:
        throw new Error(request satisfies never);
    }
  }

  /** First half of a batched request: puts the position to evaluate into this chain's lane. */
  begin(request: BatchedRequest): void {
    if (request.kind === 'evaluate') this.writeLane(this.pointSlot(request.point).position);
    else this.kickAndDrift(request);
  }

  /** Second half, after the evaluation: takes log density and gradient from the lane. */
  finish(request: BatchedRequest): number {
    const target = this.pointSlot(request.kind === 'evaluate' ? request.point : request.to.point);
    target.logDensity = this.density.logDensities[this.lane];
    this.isLaneFinite = Number.isFinite(target.logDensity);
    this.readLane(target.gradient);
    return request.kind === 'leapfrog' ? this.energy(request.to, this.secondKick(request)) : target.logDensity;
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

  private turning({ left, right, sum }: Extract<Request, { kind: 'turning' }>): number {
    const total = this.momentumSlot(sum);
    const [before, after] = [this.stretch(left), this.stretch(right)];
    return smallestTurningProduct(before, after, correctionOf(this.metric), this.inverseMass, total, this.arena);
  }

  private refresh({ at, stream }: Extract<Request, { kind: 'refresh' }>): number {
    const vector = this.momentumSlot(at.momentum).momentum;
    const momentum = vector.values;
    this.arena.clearPadding(vector);
    stream.fillNormal(momentum);
    const { inverseMass } = this.metric;
    for (let i = 0; i < momentum.length; i++) if (inverseMass[i] > 0) momentum[i] /= Math.sqrt(inverseMass[i]);
    correctionOf(this.metric)?.shapeMomentum(momentum);
    this.project(at.momentum);
    return this.energy(at, this.diagonalKineticEnergy(momentum));
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
    const target = this.pointSlot(to.point);
    const { momentum } = this.momentumSlot(from.momentum);
    const { momentum: newMomentum, image } = this.momentumSlot(to.momentum);
    this.arena.kernels.kickAndDrift(
      momentum.address,
      source.gradient.address,
      source.position.address,
      this.inverseMass.address,
      newMomentum.address,
      target.position.address,
      this.bytes,
      stepSize,
    );
    const correction = correctionOf(this.metric);
    if (correction) {
      this.project(to.momentum);
      correction.addVelocity(image, stepSize, target.position.values);
    }
    this.writeLane(target.position);
  }

  /** p ← p + ε/2 ∇ at the new position; returns the diagonal part of the kinetic energy. */
  private secondKick({ to, stepSize }: Extract<Request, { kind: 'leapfrog' }>): number {
    const { gradient } = this.points[to.point];
    const { momentum } = this.momenta[to.momentum];
    const { address } = this.inverseMass;
    const twice = this.arena.kernels.kick(momentum.address, gradient.address, address, this.bytes, stepSize);
    this.project(to.momentum);
    return twice / 2;
  }

  private stretch({ begin, end, sum }: MomentumSpan): Stretch {
    return { begin: this.momenta[begin], end: this.momenta[end], sum: this.momenta[sum] };
  }

  /** Total energy of a phase point whose diagonal kinetic energy is known; not a number counts as +∞. */
  private energy(at: PhasePoint, diagonalKineticEnergy: number): number {
    const momentum = this.momenta[at.momentum];
    const twice = correctionOf(this.metric)?.product(momentum, momentum) ?? 0;
    const energy = diagonalKineticEnergy + twice / 2 - this.points[at.point].logDensity;
    return Number.isNaN(energy) ? Infinity : energy;
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
      const target = positions.byteOffset + 8 * lane;
      this.arena.kernels.copy(address, 8, target, 8 * lanes, values.length);
    } else {
      for (let i = 0, at = lane; i < values.length; i++, at += lanes) positions[at] = values[i];
    }
  }

  private readLane({ address, values }: ArenaVector): void {
    const { gradients, lanes, memory } = this.density;
    const { lane } = this;
    if (memory === this.arena.memory) {
      const source = gradients.byteOffset + 8 * lane;
      this.arena.kernels.copy(source, 8 * lanes, address, 8, values.length);
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
