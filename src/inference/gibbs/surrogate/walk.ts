// Walks over the density by which scales are proposed: Hamiltonian trajectories of all chains and slices along ellipses in turns, both by that density alone.
import { drawNormal } from '../../random/distributions.js';
import type { RandomStream } from '../../random/streams.js';
import type { BoundProgram } from '../program.js';
import { surrogateNames as names } from './program.js';
import type { ScaleSurrogate } from './scaleSurrogate.js';
import { slide } from './slide.js';

/** How far a trajectory goes in round coordinates by which a state is soon forgotten. */
export const trajectoryLength = 2.2;
const [mostSteps, shortest] = [16, -4];

export interface WalkPlan {
  readonly trajectories: number;
  /** How far a trajectory goes in round coordinates. */
  readonly length: number;
  /** Half of the trajectories, at random, have shorter steps, down to a fiftieth: near singular covariances the usual ones are refused. */
  readonly isVaried?: boolean;
}

/** A chain on its walk. */
export interface Walker {
  readonly lane: number;
  readonly surrogate: ScaleSurrogate;
  readonly stream: RandomStream;
  /** Coordinates. */
  x: Float64Array;
  /** What the quadratic is multiplied with, 1 without. */
  readonly temper?: number;
}

export interface Place {
  readonly x: Float64Array;
  readonly value: number;
  /** Part of the value. */
  readonly quadratic: number;
  /** By the round coordinates. */
  readonly gradient: Float64Array;
}

/** Hands the program what the walkers' surrogates have learnt. */
export function setSurrogates(program: BoundProgram, walkers: readonly Walker[]): void {
  for (const { lane, surrogate, temper = 1 } of walkers) {
    const { reference, slopes, curvature } = surrogate;
    program.setScalar(names.sigma, lane, reference.sigma);
    for (const [j, factor] of reference.factors.entries()) program.set(names.factor(j), lane, factor);
    program.set(
      names.slopes,
      lane,
      slopes.map((x) => temper * x),
    );
    program.set(
      names.curvature,
      lane,
      curvature.map((x) => temper * x),
    );
  }
}

/** Value and gradient at places of all walkers. */
export async function evaluateAt(
  program: BoundProgram,
  walkers: readonly Walker[],
  places: readonly Float64Array[],
): Promise<Place[]> {
  for (const [i, { lane }] of walkers.entries()) program.set(names.coordinates, lane, places[i]);
  const running = program.run();
  if (running !== undefined) await running;
  return walkers.map(({ lane, surrogate }, i) => {
    const raw = new Float64Array(surrogate.dimension);
    program.read(`gradient ${names.coordinates}`, lane, raw);
    return {
      x: places[i],
      value: program.readScalar('value', lane),
      quadratic: program.readScalar('quadratic', lane),
      gradient: toRound(surrogate, raw),
    };
  });
}

/** So many trajectories of each walker, one after the other, a slice after each. @param onEach is told of each trajectory's end and rate of acceptance @returns where they were, and are */
export async function walk(
  program: BoundProgram,
  walkers: readonly Walker[],
  { trajectories, length, isVaried = false }: WalkPlan,
  onEach?: (walker: Walker, rate: number) => void,
): Promise<{ readonly from: readonly Place[]; readonly to: readonly Place[] }> {
  const from = await evaluateAt(
    program,
    walkers,
    walkers.map(({ x }) => x),
  );
  let places = from;
  for (let n = 0; n < trajectories; n++) {
    const moving = walkers.map(({ surrogate, stream }, i) => {
      const momentum = Float64Array.from({ length: surrogate.dimension }, () => drawNormal(stream));
      const usual = Math.exp(surrogate.logStep);
      const jitter = stream.uniform();
      const step = usual * (isVaried && stream.bernoulli(0.5) ? Math.exp(shortest * jitter) : 0.8 + 0.4 * jitter);
      const count = Math.min(mostSteps, Math.max(1, Math.round(length / step)));
      return { momentum, step, count, first: places[i].value - kinetic(momentum) };
    });
    const most = moving.reduce((largest, { count }) => Math.max(largest, count), 0);
    let found = places;
    for (let s = 0; s < most; s++) {
      const targets = moving.map(({ momentum, step, count }, i) => {
        if (s >= count) return found[i].x;
        push(momentum, step, found[i].gradient);
        const move = toCoordinates(walkers[i].surrogate, momentum);
        return found[i].x.map((x, j) => x + step * move[j]);
      });
      found = await evaluateAt(program, walkers, targets);
      for (const [i, { momentum, step, count }] of moving.entries())
        if (s < count) push(momentum, step, found[i].gradient);
    }
    const kept = walkers.map((walker, i) => {
      const { momentum, first } = moving[i];
      const gain = found[i].value - kinetic(momentum) - first;
      const rate = Number.isNaN(gain) ? 0 : Math.exp(Math.min(0, gain));
      const place = walker.stream.bernoulli(rate) ? found[i] : places[i];
      onEach?.({ ...walker, x: place.x }, rate);
      return place;
    });
    places = await slide(program, walkers, kept);
  }
  for (const [i, walker] of walkers.entries()) walker.x = places[i].x;
  return { from, to: places };
}

const kinetic = (momentum: Float64Array): number => momentum.reduce((sum, p) => sum + 0.5 * p * p, 0);

function push(momentum: Float64Array, step: number, gradient: Float64Array): void {
  for (let i = 0; i < momentum.length; i++) momentum[i] += 0.5 * step * gradient[i];
}

/** F p */
function toCoordinates({ dimension: n, round }: ScaleSurrogate, momentum: Float64Array): Float64Array {
  return momentum.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += round[i * n + j] * momentum[j];
    return sum;
  });
}

/** F'g */
function toRound({ dimension: n, round }: ScaleSurrogate, gradient: Float64Array): Float64Array {
  const result = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) result[j] += round[i * n + j] * gradient[i];
  return result;
}
