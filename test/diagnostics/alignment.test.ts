// Alignment of loadings: rotations are undone, what they leave alone stays, and chains that differ still do.
import { describe, expect, it } from 'vitest';
import { alignLoadings, rotate } from '../../src/diagnostics/alignment.js';
import { rhat } from '../../src/diagnostics/index.js';
import { drawFactors } from '../../src/inference/linearHierarchy/factors.js';
import { randomNumbers } from '../models/random.js';

const [size, factors] = [5, 2];
const truth = Float64Array.from([1, 0.1, 0.9, -0.2, 0.8, 0.6, -0.1, 0.7, 0.2, -0.9]);

/** A random orthogonal matrix, `[2][2]`. */
function randomRotation(random: ReturnType<typeof randomNumbers>): Float64Array {
  const angle = 2 * Math.PI * random.uniform();
  const sign = random.uniform() < 0.5 ? 1 : -1;
  return Float64Array.of(Math.cos(angle), -sign * Math.sin(angle), Math.sin(angle), sign * Math.cos(angle));
}

/** Loadings around `centre`, each draw turned at random. */
function drawsAround(centre: Float64Array, noise: number, seed: string, chains = 4, draws = 200): Float64Array[][] {
  const random = randomNumbers(seed);
  return Array.from({ length: chains }, () =>
    Array.from({ length: draws }, () =>
      rotate(
        centre.map((x) => x + noise * random.normal()),
        randomRotation(random),
        factors,
      ),
    ),
  );
}

const products = (own: Float64Array): number[] =>
  Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    return own[i * factors] * own[j * factors] + own[i * factors + 1] * own[j * factors + 1];
  });

describe('aligned loadings', () => {
  it('are the same for every draw where only the rotation differs', () => {
    const { loadings, pivot } = alignLoadings(drawsAround(truth, 0, 'turned'), factors);
    for (const own of loadings.flat()) own.forEach((x, at) => expect(x).toBeCloseTo(pivot[at], 10));
    products(pivot).forEach((x, at) => expect(x).toBeCloseTo(products(truth)[at], 10));
  });

  it('have the products of the draws, and are turned by what is reported', () => {
    const draws = drawsAround(truth, 0.3, 'noisy');
    const { loadings, rotations } = alignLoadings(draws, factors);
    for (const [c, chain] of draws.entries()) {
      for (const [d, own] of chain.entries()) {
        products(own).forEach((x, at) => expect(products(loadings[c][d])[at]).toBeCloseTo(x, 10));
        const [a, b, e, f] = rotations[c][d];
        [a * a + e * e, b * b + f * f, a * b + e * f].forEach((x, i) => expect(x).toBeCloseTo(Number(i < 2), 10));
      }
    }
  });

  it('are as close to the pivot as any rotation makes them', () => {
    const { loadings, pivot } = alignLoadings(drawsAround(truth, 0.5, 'far', 1, 20), factors);
    const off = (own: Float64Array): number => own.reduce((sum, x, at) => sum + (x - pivot[at]) ** 2, 0);
    const random = randomNumbers('others');
    for (const own of loadings[0]) {
      for (let trial = 0; trial < 50; trial++)
        expect(off(rotate(own, randomRotation(random), factors))).toBeGreaterThanOrEqual(off(own));
    }
  });

  it('of chains with other products stay apart', () => {
    const other = truth.map((x, at) => (at < 4 ? 0.3 * x : x));
    const draws = [...drawsAround(truth, 0.1, 'one', 2), ...drawsAround(other, 0.1, 'two', 2)];
    const { loadings } = alignLoadings(draws, factors);
    const first = loadings.map((chain) => Float64Array.from(chain, ([x]) => x));
    expect(rhat(first)).toBeGreaterThan(1.5);
  });

  it('of rank one, in two factors, are turned all the same', () => {
    const line = truth.map((_, at) => (at % 2 === 0 ? 1 + at / 10 : 0));
    const { loadings, pivot } = alignLoadings(drawsAround(line, 0, 'line'), factors);
    for (const own of loadings.flat()) own.forEach((x, at) => expect(x).toBeCloseTo(pivot[at], 6));
  });
});

it('factors of groups are drawn from their distribution given the coefficients, and turn with the loadings', () => {
  const uniques = Float64Array.of(0.5, 0.7, 0.4, 0.9, 0.6);
  const random = randomNumbers('scores');
  const rotation = randomRotation(random);
  const noise = Float64Array.from({ length: 8 }, () => random.normal());
  const deviations = Float64Array.from({ length: 4 * size }, () => random.normal());
  const one = drawFactors({ loadings: truth, uniques }, deviations, noise);
  const other = drawFactors({ loadings: truth, uniques }, deviations, new Float64Array(8));
  // log p(z) + log p(v | z) at a draw and at the mean differ by −½|ε|².
  const logDensity = (z: Float64Array, g: number): number => {
    let sum = 0;
    for (let f = 0; f < factors; f++) sum -= 0.5 * z[g * factors + f] ** 2;
    for (let i = 0; i < size; i++) {
      const fitted = truth[i * 2] * z[g * 2] + truth[i * 2 + 1] * z[g * 2 + 1];
      sum -= 0.5 * ((deviations[g * size + i] - fitted) / uniques[i]) ** 2;
    }
    return sum;
  };
  for (let g = 0; g < 4; g++) {
    const squared = noise[2 * g] ** 2 + noise[2 * g + 1] ** 2;
    expect(logDensity(one, g) - logDensity(other, g)).toBeCloseTo(-0.5 * squared, 10);
  }
  const turned = drawFactors({ loadings: rotate(truth, rotation, factors), uniques }, deviations, new Float64Array(8));
  rotate(other, rotation, factors).forEach((x, at) => expect(turned[at]).toBeCloseTo(x, 10));
});
