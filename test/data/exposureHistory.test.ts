// Exposure features against a table worked by hand.
import { describe, expect, it } from 'vitest';
import {
  exposureCells,
  exposureEdges,
  exposureHistory,
  quantileClasses,
  quantileEdges,
  shareTreated,
} from '../../src/data/exposureHistory.js';

// Customer 0: treated in weeks 1 and 3, a control in 2, then weeks 4 and 13. Customer 1: a control, then treated twice in week 5, then week 8.
const log = {
  customer: [0, 1, 0, 0, 1, 1, 0, 0, 1],
  customers: 2,
  week: [3, 2, 1, 2, 5, 5, 13, 4, 8],
  treated: [1, 0, 1, 0, 1, 1, 0, 1, 0],
};

describe('exposure history', () => {
  it('counts treatments of earlier weeks only, controls never', () => {
    const { recency, stock } = exposureHistory(log);
    expect([...recency]).toEqual([2, NaN, NaN, 1, NaN, NaN, 9, 1, 3]);
    const week4 = 0.75 + 0.75 ** 3;
    const expected = [0.75 ** 2, 0, 0, 0.75, 0, 0, (week4 + 1) * 0.75 ** 9, week4, 2 * 0.75 ** 3];
    for (const [row, value] of expected.entries()) expect(stock[row]).toBeCloseTo(value, 14);
  });

  it('takes another decay, and refuses one that is none', () => {
    expect(exposureHistory(log, 0.5).stock[7]).toBeCloseTo(0.5 + 0.5 ** 3, 14);
    expect(() => exposureHistory(log, 1)).toThrow('decay must be between 0 and 1, not 1');
  });

  it('puts rows into cells of recency and of the stock within it, with one for the never treated', () => {
    const history = exposureHistory(log);
    const edges = exposureEdges(history, [2, 8], 2);
    // Stocks of rows 0, 3 and 7 up to two weeks, of row 8 up to eight, of row 6 beyond.
    expect(edges).toEqual({ recency: [2, 8], stock: [[0.75], [], []] });
    const cells = exposureCells(history, edges);
    expect(cells.levels).toHaveLength(5);
    expect(Array.from(cells.codes, (code) => cells.levels[code])).toEqual([
      '0-2 weeks, stock 1',
      'never treated',
      'never treated',
      '0-2 weeks, stock 1',
      'never treated',
      'never treated',
      'over 8 weeks, stock 1',
      '0-2 weeks, stock 2',
      '2-8 weeks, stock 1',
    ]);
  });

  it('makes 25 cells about equally full within each recency of a long log, and one for the never treated', () => {
    let state = 1;
    const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    const rows = 40_000;
    const long = {
      customer: Int32Array.from({ length: rows }, (_, row) => Math.floor(row / 40)),
      customers: 1000,
      week: Float64Array.from({ length: rows }, (_, row) => 3 * (row % 40) - (uniform() < 0.5 ? 1 : 0)),
      treated: Uint8Array.from({ length: rows }, () => (uniform() < 0.4 ? 1 : 0)),
    };
    const history = exposureHistory(long);
    const { codes, levels } = exposureCells(history, exposureEdges(history));
    expect(levels).toHaveLength(26);
    const counts = levels.map((_, level) => codes.filter((code) => code === level).length);
    for (let bin = 1; bin < 5; bin++) {
      const own = counts.slice(5 * bin, 5 * bin + 5);
      expect(Math.max(...own)).toBeLessThan(1.5 * Math.min(...own));
    }
    expect(counts[25]).toBe(history.recency.filter(Number.isNaN).length);
  });
});

describe('quantile classes', () => {
  it('have about equal sizes, equal values together', () => {
    const values = Float64Array.from({ length: 700 }, (_, i) => (i * 37) % 700);
    const { codes, levels } = quantileClasses(values, quantileEdges(values, 7));
    expect(levels).toHaveLength(7);
    for (let c = 0; c < 7; c++) expect(codes.filter((code) => code === c)).toHaveLength(100);
    const many = Float64Array.of(0, 0, 0, 0, 0, 0, 1, 2, 3, 4);
    const edges = quantileEdges(many, 5);
    expect(edges[0]).toBe(0);
    expect([...quantileClasses(many, edges).codes]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 2, 2]);
  });

  it('are one class where all values are equal', () => {
    expect(quantileEdges(new Float64Array(9).fill(4), 5)).toEqual([]);
  });
});

it('shares treated are those of the campaign in the week', () => {
  const share = shareTreated([0, 0, 1, 0, 1, 0], 2, [7, 7, 7, 9, 7, 7], [1, 0, 1, 1, 0, 1]);
  expect([...share]).toEqual([2 / 3, 2 / 3, 1 / 2, 1, 1 / 2, 2 / 3]);
});
