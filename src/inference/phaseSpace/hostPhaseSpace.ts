// Phase space of one chain in host memory: the vectors behind the slots and the arithmetic on them.
import { multiply, solveTransposed } from '../linearAlgebra.js';
import type { BatchedLogDensity } from '../logDensity.js';
import type { Metric } from './metric.js';
import type { BatchedRequest, MomentumSpan, PhasePoint, PhaseSpace, Request } from './singleRequests.js';
import type { Momentum, Stretch } from './turning.js';
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
export class HostPhaseSpace implements PhaseSpace {
  private readonly points: EvaluatedPoint[] = [];
  private readonly momenta: Momentum[] = [];
  private readonly blockMomentum: Float64Array;
  private readonly inverseMass: ArenaVector;
  private readonly bytes: number;

  /** @param arena memory for the vectors; chains may share one */
  constructor(
    private readonly density: BatchedLogDensity,
    private readonly lane: number,
    private currentMetric: Metric,
    private readonly maxBlockSize: number = currentMetric.block?.indices.length ?? 0,
    private readonly arena: VectorArena = new VectorArena(),
  ) {
    this.blockMomentum = new Float64Array(maxBlockSize);
    this.inverseMass = arena.allocate(density.dimension);
    this.inverseMass.values.set(currentMetric.inverseMass);
    this.bytes = VectorArena.bytesOf(density.dimension);
  }

  get metric(): Metric {
    return this.currentMetric;
  }

  set metric(metric: Metric) {
    if (metric === this.currentMetric) return;
    this.currentMetric = metric;
    this.inverseMass.values.set(metric.inverseMass);
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

  /** Answers a request that needs no gradient. */
  answer(request: Exclude<Request, BatchedRequest>): number {
    if (request.kind === 'turning') {
      const total = this.momentumSlot(request.sum).momentum;
      const [left, right] = [this.stretch(request.left), this.stretch(request.right)];
      return smallestTurningProduct(left, right, this.metric.block, this.inverseMass, total, this.arena);
    }
    const vector = this.momentumSlot(request.at.momentum).momentum;
    const momentum = vector.values;
    this.arena.clearPadding(vector);
    request.stream.fillNormal(momentum);
    scaleByMass(momentum, this.metric, this.blockMomentum);
    this.updateBlockVelocity(request.at.momentum);
    return this.energy(request.at, this.diagonalKineticEnergy(momentum));
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
    this.readLane(target.gradient);
    return request.kind === 'leapfrog' ? this.energy(request.to, this.secondKick(request)) : target.logDensity;
  }

  /** Puts a slot's position back into the lane (a chain that has finished leaves something finite there). */
  restLane(point: number): void {
    this.writeLane(this.points[point].position);
  }

  /** p ← p + ε/2 ∇, q ← q + ε M⁻¹ p, written to the target slot and to the lane. */
  private kickAndDrift({ from, to, stepSize }: Extract<Request, { kind: 'leapfrog' }>): void {
    const source = this.pointSlot(from.point);
    const target = this.pointSlot(to.point);
    const { momentum } = this.momentumSlot(from.momentum);
    const { momentum: newMomentum, blockVelocity } = this.momentumSlot(to.momentum);
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
    const { block } = this.metric;
    if (block) {
      this.updateBlockVelocity(to.momentum);
      const position = target.position.values;
      block.indices.forEach((index, row) => (position[index] += stepSize * blockVelocity[row]));
    }
    this.writeLane(target.position);
  }

  /** p ← p + ε/2 ∇ at the new position; returns the diagonal part of the kinetic energy. */
  private secondKick({ to, stepSize }: Extract<Request, { kind: 'leapfrog' }>): number {
    const { gradient } = this.points[to.point];
    const { momentum } = this.momenta[to.momentum];
    const { address } = this.inverseMass;
    const twice = this.arena.kernels.kick(momentum.address, gradient.address, address, this.bytes, stepSize);
    this.updateBlockVelocity(to.momentum);
    return twice / 2;
  }

  private stretch({ begin, end, sum }: MomentumSpan): Stretch {
    return { begin: this.momenta[begin], end: this.momenta[end], sum: this.momenta[sum] };
  }

  /** Total energy of a phase point whose diagonal kinetic energy is known; not a number counts as +∞. */
  private energy(at: PhasePoint, diagonalKineticEnergy: number): number {
    const { momentum, blockVelocity } = this.momenta[at.momentum];
    let twice = 0;
    this.metric.block?.indices.forEach((index, row) => (twice += momentum.values[index] * blockVelocity[row]));
    const energy = diagonalKineticEnergy + twice / 2 - this.points[at.point].logDensity;
    return Number.isNaN(energy) ? Infinity : energy;
  }

  private diagonalKineticEnergy(momentum: Float64Array): number {
    const { inverseMass } = this.metric;
    let twice = 0;
    for (let i = 0; i < momentum.length; i++) twice += inverseMass[i] * momentum[i] * momentum[i];
    return twice / 2;
  }

  private updateBlockVelocity(slot: number): void {
    const { block } = this.metric;
    if (!block) return;
    const { momentum, blockVelocity } = this.momenta[slot];
    block.indices.forEach((index, row) => (this.blockMomentum[row] = momentum.values[index]));
    multiply(block.inverseMass, this.blockMomentum, blockVelocity);
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
      blockVelocity: new Float64Array(this.maxBlockSize),
    });
  }
}

/** Turns standard normals z into p ~ N(0, M): p = z/√m⁻¹, and p = L⁻ᵀ z over the dense block (M⁻¹ = L Lᵀ). */
function scaleByMass(momentum: Float64Array, { inverseMass, block }: Metric, scratch: Float64Array): void {
  for (let i = 0; i < momentum.length; i++) if (inverseMass[i] > 0) momentum[i] /= Math.sqrt(inverseMass[i]);
  if (!block) return;
  block.indices.forEach((index, row) => (scratch[row] = momentum[index]));
  solveTransposed(block.factor, scratch);
  block.indices.forEach((index, row) => (momentum[index] = scratch[row]));
}
