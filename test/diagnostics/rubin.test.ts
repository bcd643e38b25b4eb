// Rubin's rules against an example worked by hand.
import { expect, it } from 'vitest';
import { poolByRubin } from '../../src/diagnostics/index.js';

it('pools means and variances of several fits', () => {
  const pooled = poolByRubin([1, 2, 3], [1, 1, 2]);
  expect(pooled.mean).toBe(2);
  expect(pooled.withinSd).toBeCloseTo(Math.SQRT2, 12);
  expect(pooled.betweenSd).toBe(1);
  expect(pooled.totalSd).toBeCloseTo(Math.sqrt(2 + 4 / 3), 12);
  // r = (4/3) / 2, df = 2 (1 + 3/2)².
  expect(pooled.df).toBeCloseTo(12.5, 12);
  expect(pooled.fractionMissing).toBeCloseTo((2 / 3 + 2 / 15.5) / (5 / 3), 12);
  expect(poolByRubin([1, 1], [1, 1])).toMatchObject({ betweenSd: 0, df: Infinity, fractionMissing: 0 });
});
