// A hierarchical model with its log density written out by hand, and the leapfrog step in plain f64 with the mass matrix written out.
import { normal } from '../../src/models/distributions/index.js';
import type { Model } from '../../src/models/model.js';
import { defineModel } from '../../src/models/model.js';
import { real } from '../../src/models/parameters.js';
import { randomNumbers } from '../models/random.js';

const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

export interface PlainModel {
  readonly model: Model;
  readonly dimension: number;
  /** The same log density, gradient written to `gradient`. */
  readonly density: (position: Float64Array, gradient: Float64Array) => number;
}

/** y_j ~ N(mu + exp(logTau) eta_j, sd_j), eta_j ~ N(0, 1), mu ~ N(0, 5), logTau ~ N(0, 1). */
export function groupMeans(groups: number): PlainModel {
  const random = randomNumbers(`group means ${groups}`);
  const y = Float64Array.from({ length: groups }, () => Math.fround(2 + 1.5 * random.normal()));
  const sd = Float64Array.from({ length: groups }, (_, j) => Math.fround(0.6 + (j % 5) / 4));
  const model = defineModel({
    name: 'group means',
    data: { y, sd },
    parameters: { mu: real(), logTau: real(), eta: real(groups) },
    logPrior: ({ mu, logTau, eta }) =>
      normal.logDensity(mu, 0, 5).add(normal.logDensity(logTau)).add(normal.logDensity(eta).sum()),
    logLikelihood: ({ mu, logTau, eta }, d) => normal.logDensity(d.y, eta.mul(logTau.exp()).add(mu), d.sd),
  });
  const density = (q: Float64Array, gradient: Float64Array): number => {
    const [mu, logTau] = q;
    const tau = Math.exp(logTau);
    let total = -(mu * mu) / 50 - Math.log(5) - halfLogTwoPi - (logTau * logTau) / 2 - halfLogTwoPi;
    gradient[0] = -mu / 25;
    gradient[1] = -logTau;
    for (let j = 0; j < groups; j++) {
      const eta = q[2 + j];
      const error = (y[j] - mu - tau * eta) / sd[j];
      total -= (eta * eta + error * error) / 2 + Math.log(sd[j]) + 2 * halfLogTwoPi;
      gradient[0] += error / sd[j];
      gradient[1] += (error / sd[j]) * tau * eta;
      gradient[2 + j] = (error / sd[j]) * tau - eta;
    }
    return total;
  };
  return { model, dimension: 2 + groups, density };
}

/** The inverse mass matrix M⁻¹, `[dimension][dimension]`. */
export type InverseMass = readonly Float64Array[];

export interface PlainPoint {
  readonly position: Float64Array;
  readonly momentum: Float64Array;
  readonly gradient: Float64Array;
  readonly energy: number;
}

export function multiply(inverseMass: InverseMass, momentum: Float64Array): Float64Array {
  return Float64Array.from(inverseMass, (row) => row.reduce((sum, a, k) => sum + a * momentum[k], 0));
}

export const inner = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** The phase point of a position and a momentum. */
export function pointAt(
  { density }: PlainModel,
  inverseMass: InverseMass,
  position: Float64Array,
  momentum: Float64Array,
): PlainPoint {
  const gradient = new Float64Array(position.length);
  const value = density(position, gradient);
  return { position, momentum, gradient, energy: inner(momentum, multiply(inverseMass, momentum)) / 2 - value };
}

/** One step: half kick, drift, half kick (Leimkuhler & Reich 2004, §4.1). */
export function plainLeapfrog(
  model: PlainModel,
  inverseMass: InverseMass,
  { position, momentum, gradient }: PlainPoint,
  stepSize: number,
): PlainPoint {
  const half = momentum.map((p, i) => p + (stepSize / 2) * gradient[i]);
  const velocity = multiply(inverseMass, half);
  const moved = position.map((q, i) => q + stepSize * velocity[i]);
  const there = new Float64Array(position.length);
  model.density(moved, there);
  const kicked = half.map((p, i) => p + (stepSize / 2) * there[i]);
  return pointAt(model, inverseMass, moved, kicked);
}
