// The gradients of the test posteriors, against central differences.
import { expect, it } from 'vitest';
import { PhiloxStream, randomKey } from '../../src/inference/random/streams.js';
import { banana, correlatedNormal, eightSchools, funnel, independentNormal, studentT } from './densities.js';

it.each([
  independentNormal,
  correlatedNormal(2, 0.95),
  correlatedNormal(20, 0.9),
  funnel,
  studentT,
  banana,
  eightSchools(),
])('gradient of $name', ({ dimension, density }) => {
  const q = new Float64Array(dimension);
  const gradient = new Float64Array(dimension);
  for (let point = 0; point < 5; point++) {
    new PhiloxStream(randomKey('gradients'), 0, point, 0).fillNormal(q);
    density(q, gradient);
    const step = 1e-5;
    gradient.slice().forEach((slope, i) => {
      const moved = (by: number) => q.map((value, k) => (k === i ? value + by : value));
      const difference = (density(moved(step), gradient) - density(moved(-step), gradient)) / (2 * step);
      expect(Math.abs(difference - slope)).toBeLessThan(1e-5 * (1 + Math.abs(slope)));
    });
  }
});
