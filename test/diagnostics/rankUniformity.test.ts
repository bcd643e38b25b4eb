// Ranks of simulation-based calibration: the test holds its level, and sees intervals too narrow, too wide and shifted.
import { describe, expect, it } from 'vitest';
import { calibrationFigures, RankUniformity } from '../../src/diagnostics/index.js';
import { PhiloxStream, randomKey } from '../../src/inference/random/streams.js';
import { betaQuantile } from '../../src/diagnostics/specialFunctions.js';

const [simulations, values] = [200, 100];
const uniformity = new RankUniformity(simulations, values);

/** Ranks with the distribution beta(a, b) on the unit interval. */
function ranks(seed: number, a = 1, b = 1): number[] {
  const stream = new PhiloxStream(randomKey(seed), 0, 0, 0);
  return Array.from({ length: simulations }, () => Math.floor(values * betaQuantile(stream.uniform(), a, b)));
}

describe('uniform ranks', () => {
  it('have uniform p-values', () => {
    const count = 600;
    const pValues = Array.from({ length: count }, (_, i) => uniformity.pValue(ranks(100 + i)));
    for (const level of [0.05, 0.2, 0.5, 0.8]) {
      const share = pValues.filter((p) => p <= level).length / count;
      expect(Math.abs(share - level)).toBeLessThan(4 * Math.sqrt((level * (1 - level)) / count));
    }
  });

  it('lie in the band with the probability that it states', () => {
    const { lower, upper } = uniformity.band();
    const count = 600;
    const inside = Array.from({ length: count }, (_, i) => uniformity.curve(ranks(2000 + i))).filter((curve) =>
      curve.every((below, i) => below >= lower[i] && below <= upper[i]),
    ).length;
    expect(Math.abs(inside / count - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / count));
  });
});

describe('ranks of a method that is wrong', () => {
  it.each([
    ['intervals too narrow', 0.5, 0.5],
    ['intervals too wide', 2, 2],
    ['a bias', 1.6, 1],
  ])('%s is seen', (_, a, b) => {
    for (const seed of [1, 2, 3, 4, 5]) expect(uniformity.pValue(ranks(seed, a, b))).toBeLessThan(0.01);
  });
});

describe('figures of a calibration', () => {
  const classOf = (a: number) => {
    const own = [ranks(7), ranks(8, a, a)];
    const bySimulation = Array.from({ length: simulations }, (_, i) => own.map((scalar) => scalar[i]));
    return { site: 'theta', level: 'population' as const, names: ['x', 'y'], ranks: bySimulation };
  };

  it('give the coverage of central intervals and the verdict', () => {
    const fair = calibrationFigures([classOf(1)], values);
    expect(fair.checks[0].status).toBe('pass');
    const [{ coverage50, coverage90, coverage90Error }] = fair.classes;
    expect(Math.abs(coverage90 - 0.9)).toBeLessThan(4 * coverage90Error);
    expect(Math.abs(coverage50 - 0.5)).toBeLessThan(0.1);

    const narrow = calibrationFigures([classOf(0.5)], values);
    expect(narrow.checks[0]).toMatchObject({ name: 'ranks', status: 'fail' });
    expect(narrow.scalars[1].coverage90).toBeLessThan(0.85);
    expect(narrow.scalars[0]).toEqual(fair.scalars[0]);
  });
});
