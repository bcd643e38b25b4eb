// The numbers behind the page: formatting, axes, selections, shrinkage, distances.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearScale } from '../../src/report/charts/axis.js';
import { forestChart, spacedGroups } from '../../src/report/charts/forestChart.js';
import { distributionGap } from '../../src/report/charts/predictiveChart.js';
import { rankChart } from '../../src/report/charts/rankChart.js';
import { shrinkageOf } from '../../src/report/charts/shrinkageChart.js';
import { renderChart } from '../../src/report/charts/svgChart.js';
import { traceEnvelope } from '../../src/report/charts/traceChart.js';
import {
  formatBytes,
  formatFixed,
  formatRhat,
  formatSeconds,
  formatShort,
  formatSignificant,
  supportedDecimals,
} from '../../src/report/format.js';
import { forestOf } from './exampleInput.js';

describe('formatting', () => {
  it('prints numbers as a reader expects them', () => {
    expect(formatFixed(-2.3296, 2)).toBe('−2.33');
    expect(formatFixed(-0.001, 2)).toBe('0.00');
    expect(formatFixed(1234567.8, 1)).toBe('1,234,567.8');
    expect(formatFixed(12_345_678, 0)).toBe('1.23 × 10⁷');
    expect(formatFixed(-1.2345e-9, 11)).toBe('−1.23 × 10⁻⁹');
    expect(formatFixed(null, 2)).toBe('–');
    expect(formatFixed(NaN, 2)).toBe('–');
    expect(formatSignificant(0.00123456)).toBe('0.00123');
    expect(formatSignificant(99.96, 3)).toBe('100');
    expect(formatShort(0.0619)).toBe('0.0619');
    expect(formatShort(1200)).toBe('1,200');
    expect(formatRhat(1.0004)).toBe('1.000');
    expect(formatSeconds(0.123)).toBe('0.12 s');
    expect(formatSeconds(324.9)).toBe('5 min 25 s');
    expect(formatSeconds(7512)).toBe('2 h 05 min');
    expect(formatBytes(612_000_000)).toBe('612 MB');
    expect(formatBytes(0)).toBe('0 bytes');
  });

  it('never prints a last digit smaller than the Monte-Carlo error, unless the sd asks for one or it is the unit', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
        fc.double({ min: 2, max: 200, noNaN: true }),
        (error, ratio) => {
          const sd = error * ratio;
          const unit = 10 ** -supportedDecimals(error, sd);
          expect(unit === 1 || unit >= error * (1 - 1e-12) || unit > sd / 10).toBe(true);
          expect(unit).toBeLessThanOrEqual(Math.max(1, sd * (1 + 1e-12)));
        },
      ),
    );
  });
});

describe('linearScale', () => {
  it('puts round, evenly spaced ticks inside the range and labels them apart', () => {
    const range = fc.tuple(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(range, fc.integer({ min: 3, max: 8 }), ([min, width], count) => {
        const { ticks, label } = linearScale(min, min + width, count);
        expect(ticks.length).toBeGreaterThanOrEqual(1);
        expect(ticks.length).toBeLessThanOrEqual(count + 1);
        for (const tick of ticks) expect(tick >= min - 1e-6 * width && tick <= min + width * (1 + 1e-6)).toBe(true);
        expect(new Set(ticks.map(label)).size).toBe(ticks.length);
      }),
    );
  });

  it('widens an empty range', () => {
    const { min, max } = linearScale(2, 2, 4);
    expect(min).toBeLessThan(2);
    expect(max).toBeGreaterThan(2);
  });
});

describe('traceEnvelope', () => {
  it('keeps every draw of a short chain and the extremes of a long one, in order', () => {
    const short = Float64Array.from({ length: 10 }, (_, index) => Math.sin(index));
    expect(traceEnvelope(short).map(([, value]) => value)).toEqual([...short]);
    const long = Float64Array.from({ length: 10_007 }, (_, index) => Math.sin(index * index));
    long[5555] = 40;
    long[7] = -30;
    const points = traceEnvelope(long);
    expect(points).toHaveLength(240);
    expect(points).toContainEqual([5556, 40]);
    expect(points).toContainEqual([8, -30]);
    for (let index = 1; index < points.length; index++) expect(points[index][0]).toBeGreaterThan(points[index - 1][0]);
  });
});

describe('spacedGroups', () => {
  it('sorts by mean, keeps both ends and spaces the ranks evenly', () => {
    const groups = Array.from({ length: 601 }, (_, index) => ({
      label: `${index}`,
      mean: (index * 7) % 601,
      q5: 0,
      q95: 1,
      unpooled: null,
    }));
    const shown = spacedGroups(groups, 61).map(({ mean }) => mean);
    expect(shown).toEqual(Array.from({ length: 61 }, (_, index) => index * 10));
    expect(spacedGroups(groups.slice(0, 5), 60)).toHaveLength(5);
  });
});

describe('forestChart', () => {
  it('marks an estimate far off the scale by an arrow and keeps the scale on the intervals', () => {
    const group = { label: 'a', mean: 0, q5: -1, q95: 1, unpooled: { estimate: 50, standardError: 20 } };
    const near = { ...group, label: 'b', mean: 0.5, unpooled: { estimate: 0.8, standardError: 0.3 } };
    const forest = { title: 'Effect', coefficient: 'x', groups: [group, near], populationMean: 0.2 };
    const chart = forestChart(forest, forest.groups);
    expect(chart.x.max).toBeLessThan(2.1);
    const arrows = chart.marks.filter((mark) => mark.fill === '#D55E00');
    expect(arrows).toHaveLength(1);
    expect(renderChart(chart).html).toContain('>a</text>');
  });
});

describe('shrinkageOf', () => {
  it('finds the share that is kept and sets far-off estimates aside', () => {
    const groups = Array.from({ length: 100 }, (_, index) => {
      const estimate = index === 50 ? 1e4 : index / 10;
      return {
        label: `${index}`,
        mean: 3 + 0.6 * (index / 10),
        q5: 0,
        q95: 1,
        unpooled: { estimate, standardError: 1 },
      };
    });
    const shrinkage = shrinkageOf({ title: '', coefficient: '', groups, populationMean: null });
    expect(shrinkage.slope).toBeCloseTo(0.6, 10);
    expect(shrinkage.beyond).toBe(1);
    expect(shrinkage.points).toHaveLength(99);
  });

  it('is undefined where no group has an estimate of its own', () => {
    const forest = forestOf('', '', 5, 'g', 's');
    const groups = forest.groups.map((group) => ({ ...group, unpooled: null }));
    expect(shrinkageOf({ ...forest, groups }).slope).toBeNaN();
  });
});

describe('distributionGap', () => {
  it('equals the largest distance of the cumulative distributions', () => {
    const grid = Array.from({ length: 2001 }, (_, index) => -10 + index / 100);
    const density = (centre: number): number[] =>
      grid.map((x) => Math.exp(-0.5 * (x - centre) ** 2) / Math.sqrt(2 * Math.PI));
    const check = { response: 'y', grid, observed: density(1), replicated: [density(0), density(0)], statistics: [] };
    // Two unit normals one apart differ most midway: 2 Φ(1/2) − 1.
    expect(distributionGap(check)).toBeCloseTo(0.3829249, 4);
  });
});

describe('rankChart', () => {
  it('says how many counts leave the band: all of them for chains that never overlap, few for one distribution', () => {
    const apart = [0, 1].map((chain) => Float64Array.from({ length: 200 }, (_, index) => chain * 1000 + index));
    expect(rankChart({ name: 'x', chains: apart })!.label).toContain('40 of 40 counts lie outside');
    const alike = [0, 1].map((chain) => Float64Array.from({ length: 200 }, (_, index) => 2 * index + chain));
    expect(rankChart({ name: 'x', chains: alike })!.label).toContain('0 of 40 counts lie outside');
  });
});
