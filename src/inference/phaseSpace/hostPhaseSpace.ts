// Phase space of one chain in ordinary memory: the vectors behind the slots and the arithmetic on them.
import { multiply, solveTransposed } from '../linearAlgebra.js';
import type { BatchedLogDensity } from '../logDensity.js';
import type { Metric } from './metric.js';
import type { BatchedRequest, MomentumSpan, PhasePoint, PhaseSpace, Request } from './requests.js';
import type { Momentum, Stretch } from './turning.js';
import { smallestTurningProduct } from './turning.js';

interface EvaluatedPoint {
  readonly position: Float64Array;
  readonly gradient: Float64Array;
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

  constructor(
    private readonly density: BatchedLogDensity,
    private readonly lane: number,
    public metric: Metric,
    private readonly maxBlockSize: number = metric.block?.indices.length ?? 0,
  ) {
    this.blockMomentum = new Float64Array(maxBlockSize);
  }

  logDensityAt(point: number): number {
    return this.points[point].logDensity;
  }

  /** Position of a slot: the vector itself, `[dimension]`. */
  positionAt(point: number): Float64Array {
    return this.pointSlot(point).position;
  }

  /** Gradient of a slot: the vector itself, `[dimension]`. */
  gradientAt(point: number): Float64Array {
    return this.pointSlot(point).gradient;
  }

  /** Answers a request that needs no gradient. */
  answer(request: Exclude<Request, BatchedRequest>): number {
    if (request.kind === 'turning') {
      const total = this.momentumSlot(request.sum).momentum;
      return smallestTurningProduct(this.stretch(request.left), this.stretch(request.right), this.metric, total);
    }
    const { momentum } = this.momentumSlot(request.at.momentum);
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
    if (request.kind === 'leapfrog') return this.energy(request.to, this.secondKick(request));
    const { gradients, lanes } = this.density;
    const { gradient } = target;
    for (let i = 0, at = this.lane; i < gradient.length; i++, at += lanes) gradient[i] = gradients[at];
    return target.logDensity;
  }

  /** Puts a slot's position back into the lane (a chain that has finished leaves something finite there). */
  restLane(point: number): void {
    this.writeLane(this.points[point].position);
  }

  /** p ← p + ε/2 ∇, q ← q + ε M⁻¹ p, written to the target slot and to the lane. */
  private kickAndDrift({ from, to, stepSize }: Extract<Request, { kind: 'leapfrog' }>): void {
    const { position, gradient } = this.pointSlot(from.point);
    const { momentum } = this.momentumSlot(from.momentum);
    const { position: newPosition } = this.pointSlot(to.point);
    const { momentum: newMomentum, blockVelocity } = this.momentumSlot(to.momentum);
    const { positions, lanes } = this.density;
    const { inverseMass, block } = this.metric;
    const half = stepSize / 2;
    for (let i = 0, at = this.lane; i < position.length; i++, at += lanes) {
      const kicked = momentum[i] + half * gradient[i];
      const moved = position[i] + stepSize * inverseMass[i] * kicked;
      newMomentum[i] = kicked;
      newPosition[i] = moved;
      positions[at] = moved;
    }
    if (!block) return;
    this.updateBlockVelocity(to.momentum);
    block.indices.forEach((index, row) => {
      newPosition[index] += stepSize * blockVelocity[row];
      positions[index * lanes + this.lane] = newPosition[index];
    });
  }

  /** p ← p + ε/2 ∇ at the new position; returns the diagonal part of the kinetic energy. */
  private secondKick({ to, stepSize }: Extract<Request, { kind: 'leapfrog' }>): number {
    const { gradient } = this.points[to.point];
    const { momentum } = this.momenta[to.momentum];
    const { gradients, lanes } = this.density;
    const { inverseMass } = this.metric;
    const half = stepSize / 2;
    let twice = 0;
    for (let i = 0, at = this.lane; i < gradient.length; i++, at += lanes) {
      const slope = gradients[at];
      const kicked = momentum[i] + half * slope;
      gradient[i] = slope;
      momentum[i] = kicked;
      twice += inverseMass[i] * kicked * kicked;
    }
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
    this.metric.block?.indices.forEach((index, row) => (twice += momentum[index] * blockVelocity[row]));
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
    block.indices.forEach((index, row) => (this.blockMomentum[row] = momentum[index]));
    multiply(block.inverseMass, this.blockMomentum, blockVelocity);
  }

  private writeLane(position: Float64Array): void {
    const { positions, lanes } = this.density;
    for (let i = 0, at = this.lane; i < position.length; i++, at += lanes) positions[at] = position[i];
  }

  private pointSlot(slot: number): EvaluatedPoint {
    const { dimension } = this.density;
    return (this.points[slot] ??= {
      position: new Float64Array(dimension),
      gradient: new Float64Array(dimension),
      logDensity: NaN,
    });
  }

  private momentumSlot(slot: number): Momentum {
    return (this.momenta[slot] ??= {
      momentum: new Float64Array(this.density.dimension),
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
