// Moves everything but the groups' coefficients, which follow, by one Hamiltonian trajectory a chain; and learns its coordinates.
import { drawNormal } from '../../random/distributions.js';
import type { RandomStream } from '../../random/streams.js';
import type { ChainValues } from '../chainValues.js';
import type { ScalarProgram } from './scalarProgram.js';
import type { MixedTuning, Progress } from './tuning.js';

/** A chain whose scalars are moved. */
export interface ScalarChain {
  readonly lane: number;
  readonly values: ChainValues;
  readonly tuning: MixedTuning;
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

/** Every chain's program must have begun at its values. */
export async function moveScalars(program: ScalarProgram, chains: readonly ScalarChain[]): Promise<void> {
  const raw = new Float64Array(program.dimension);
  const gradientOf = ({ lane, tuning }: ScalarChain): Float64Array => {
    program.gradient(lane, raw);
    return tuning.toRound(raw);
  };
  const starts = chains.map(({ lane, values }) => {
    const start = program.scalarsOf(values);
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
    if (stream.bernoulli(rate)) program.accept(lane, scalars, values);
    tuning.learnScalarStep(rate, progress);
  }
}

/** Learns coordinates from the curvature where the chains are, by differences of gradients. Every chain's program must have begun. */
export async function learnCoordinates(program: ScalarProgram, chains: readonly ScalarChain[]): Promise<void> {
  const { dimension: n } = program;
  const places = chains.map(({ values, tuning }) => {
    const distances = tuning.widths.map((width) =>
      width === 0
        ? difference.first
        : Math.min(difference.most, Math.max(difference.least, difference.relative * width)),
    );
    return { at: program.scalarsOf(values), distances, hessian: new Float64Array(n * n) };
  });
  const gradient = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (const sign of [1, -1]) {
      for (const [c, { at, distances }] of places.entries()) {
        program.set(
          chains[c].lane,
          at.map((x, j) => (j === i ? x + sign * distances[i] : x)),
        );
      }
      await program.run();
      for (const [c, { distances, hessian }] of places.entries()) {
        program.gradient(chains[c].lane, gradient);
        for (let j = 0; j < n; j++) hessian[i * n + j] -= (sign * gradient[j]) / (2 * distances[i]);
      }
    }
  }
  for (const [c, { tuning, progress }] of chains.entries()) tuning.renew(places[c].hessian, progress);
}
