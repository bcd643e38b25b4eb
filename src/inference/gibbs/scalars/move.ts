// Moves everything but the groups' coefficients, which follow, by one Hamiltonian trajectory a chain; and learns its coordinates.
import { drawNormal } from '../../random/distributions.js';
import type { RandomStream } from '../../random/streams.js';
import type { ChainValues } from '../chainValues.js';
import type { Progress, ScalarTuning } from './tuning.js';

/** A density of the scalars, a lane a chain. */
export interface ScalarDensity {
  readonly dimension: number;
  /** The scalars of a lane's chain without constraints, `[dimension]`. */
  scalarsOf(lane: number, values: ChainValues): Float64Array;
  set(lane: number, scalars: Float64Array): void;
  run(): void | Promise<void>;
  /** Log density and its gradient at the last run. */
  value(lane: number): number;
  gradient(lane: number, target: Float64Array): void;
  /** Puts scalars, at which the last run was, into a chain's values. */
  accept(lane: number, scalars: Float64Array, values: ChainValues): void;
}

/** A chain whose scalars are moved. */
export interface ScalarChain {
  readonly lane: number;
  readonly values: ChainValues;
  readonly tuning: ScalarTuning;
  readonly progress: Progress;
  readonly stream: RandomStream;
}

/** Distance of the differences that make a Hessian: in standard deviations where those are known, within bounds. */
const difference = { relative: 0.1, first: 1e-3, least: 1e-5, most: 1e-2 } as const;

/** A chain on its way. */
interface Moving extends ScalarChain {
  readonly start: Float64Array;
  readonly momentum: Float64Array;
  readonly step: number;
  readonly count: number;
  readonly firstEnergy: number;
  scalars: Float64Array;
  /** By the round coordinates. */
  gradient: Float64Array;
}

/** Log density and momentum's energy: what a trajectory keeps. */
const energyOf = (value: number, momentum: Float64Array): number =>
  value - 0.5 * momentum.reduce((sum, p) => sum + p * p, 0);

/** The density must know of every chain what else it depends on. */
export async function moveScalars(program: ScalarDensity, chains: readonly ScalarChain[]): Promise<void> {
  const raw = new Float64Array(program.dimension);
  const gradientOf = ({ lane, tuning }: ScalarChain): Float64Array => {
    program.gradient(lane, raw);
    return tuning.toRound(raw);
  };
  const starts = chains.map(({ lane, values, tuning, progress }) => {
    const start = program.scalarsOf(lane, values);
    tuning.observe(start, progress);
    program.set(lane, start);
    return start;
  });
  await program.run();
  const moving = chains.map((chain, i): Moving => {
    const { tuning, stream, progress, lane } = chain;
    const momentum = Float64Array.from({ length: program.dimension }, () => drawNormal(stream));
    const { step, count } = tuning.trajectory(progress, stream.uniform());
    const firstEnergy = energyOf(program.value(lane), momentum);
    const start = starts[i];
    return { ...chain, start, momentum, step, count, firstEnergy, scalars: start, gradient: gradientOf(chain) };
  });
  const most = moving.reduce((largest, { count }) => Math.max(largest, count), 0);
  for (let n = 0; n < most; n++) {
    const stepping = moving.filter(({ count }) => n < count);
    for (const own of stepping) {
      const { momentum, gradient, step, tuning } = own;
      for (let i = 0; i < momentum.length; i++) momentum[i] += 0.5 * step * gradient[i];
      const move = tuning.toScalars(momentum);
      own.scalars = own.scalars.map((x, i) => x + step * move[i]);
      program.set(own.lane, own.scalars);
    }
    await program.run();
    for (const own of stepping) {
      own.gradient = gradientOf(own);
      const { momentum, gradient, step } = own;
      for (let i = 0; i < momentum.length; i++) momentum[i] += 0.5 * step * gradient[i];
    }
  }
  for (const { lane, values, tuning, progress, stream, firstEnergy, momentum, scalars } of moving) {
    const gain = energyOf(program.value(lane), momentum) - firstEnergy;
    const rate = Number.isNaN(gain) ? 0 : Math.exp(Math.min(0, gain));
    const isAllowed = tuning.isAllowed(scalars);
    if (stream.bernoulli(rate) && isAllowed) program.accept(lane, scalars, values);
    // A trajectory that ends where it may not says nothing of its steps.
    if (isAllowed) tuning.learnStep(rate, progress);
  }
}

/** Steps of a climb, and how far one goes at most in round coordinates. */
const climbing = { steps: 6, farthest: 20 } as const;

/** In the burn-in, from far away: each chain climbs by Newton's steps in its coordinates, halved where they do not lead up. */
export async function climbScalars(program: ScalarDensity, chains: readonly ScalarChain[]): Promise<void> {
  const raw = new Float64Array(program.dimension);
  const at = (lane: number, tuning: ScalarTuning) => {
    program.gradient(lane, raw);
    return { value: program.value(lane), gradient: tuning.toRound(raw) };
  };
  const places = chains.map(({ lane, values }) => {
    const scalars = program.scalarsOf(lane, values);
    program.set(lane, scalars);
    return scalars;
  });
  await program.run();
  const climbers = chains.map(({ lane, tuning }, i) => ({ scalars: places[i], share: 1, ...at(lane, tuning) }));
  for (let n = 0; n < climbing.steps; n++) {
    const tried = climbers.map(({ scalars, gradient, share }, i) => {
      const length = Math.hypot(...gradient);
      const factor = share * Math.min(1, climbing.farthest / length);
      const move = chains[i].tuning.toScalars(gradient);
      const next = scalars.map((x, j) => x + factor * move[j]);
      program.set(chains[i].lane, next);
      return next;
    });
    await program.run();
    for (const [i, { lane, tuning }] of chains.entries()) {
      const found = at(lane, tuning);
      const own = climbers[i];
      if (found.value > own.value && tuning.isAllowed(tried[i]))
        climbers[i] = { scalars: tried[i], share: Math.min(1, 2 * own.share), ...found };
      else own.share /= 4;
    }
  }
  for (const [i, { lane, values }] of chains.entries()) program.accept(lane, climbers[i].scalars, values);
}

/** Learns coordinates from the curvature where the chains are, by differences of gradients. */
export async function learnCoordinates(program: ScalarDensity, chains: readonly ScalarChain[]): Promise<void> {
  const { dimension: n } = program;
  const places = chains.map(({ lane, values, tuning }) => {
    const distances = tuning.widths.map((width) =>
      width === 0
        ? difference.first
        : Math.min(difference.most, Math.max(difference.least, difference.relative * width)),
    );
    return { at: program.scalarsOf(lane, values), distances, hessian: new Float64Array(n * n) };
  });
  const gradients = async (): Promise<Float64Array[]> => {
    await program.run();
    return chains.map(({ lane }) => {
      const gradient = new Float64Array(n);
      program.gradient(lane, gradient);
      return gradient;
    });
  };
  for (const [c, { at }] of places.entries()) program.set(chains[c].lane, at);
  const centre = await gradients();
  for (let i = 0; i < n; i++) {
    for (const [c, { at, distances }] of places.entries()) {
      program.set(
        chains[c].lane,
        at.map((x, j) => (j === i ? x + distances[i] : x)),
      );
    }
    const beside = await gradients();
    for (const [c, { distances, hessian }] of places.entries())
      for (let j = 0; j < n; j++) hessian[i * n + j] = (centre[c][j] - beside[c][j]) / distances[i];
  }
  for (const [c, { tuning, progress }] of chains.entries()) tuning.renew(places[c].hessian, places[c].at, progress);
}
