// Figures of held-out rows against a small example worked by hand.
import { expect, it } from 'vitest';
import { heldOutFigures } from '../../src/diagnostics/index.js';

it('errors, coverage and log predictive density', () => {
  const figures = heldOutFigures({
    observed: [1, 2, 3, 6],
    mean: [1, 3, 3, 4],
    logDensity: [-1, -2, -1, -4],
    replicated: { atMost: [0.5, 0.02, 0.9, 1], below: [0.5, 0.02, 0.9, 0.98] },
  });
  expect(figures).toMatchObject({ rows: 4, mae: 0.75, logPredictiveDensity: -8, coverage95: 0.5 });
  expect(figures.rmse).toBeCloseTo(Math.sqrt(5 / 4), 12);
  expect(figures.r2).toBeCloseTo(1 - 5 / 14, 12);
  expect(figures.logPredictiveDensitySe).toBeCloseTo(Math.sqrt(4 * 2), 12);
  expect(heldOutFigures({ observed: [1, 2], mean: [1, 2], logDensity: [0, 0] }).coverage95).toBeNull();
});
