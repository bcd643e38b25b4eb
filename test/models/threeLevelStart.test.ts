// The pilot look at the data: per-unit factors that reproduce least squares, and starts near the truth for thin data.
import { describe, expect, it } from 'vitest';
import { unitFactors } from '../../src/models/linearHierarchy/crossproducts.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { matrixOf, multiply, transpose } from './denseMatrices.js';
import { randomNumbers } from './random.js';
import { threeLevelExample } from './threeLevelExample.js';

describe('unit factors', () => {
  const random = randomNumbers('factors');
  const rowStart = Int32Array.from([0, 7, 8, 10, 16]);
  const rows = 16;
  // The third unit has fewer rows than coefficients, the last one a predictor that does not vary.
  const x = [
    new Float64Array(rows).fill(1),
    random.normals(rows).map((v, row) => (row >= 10 ? 2 : 50 + v)),
    random.normals(rows),
  ];
  const y = random.normals(rows).map((v) => 100 + v);
  const factors = unitFactors(y, x, rowStart);

  it("have R'R = X'X, R upper triangular", () => {
    for (let u = 0; u < 4; u++) {
      const R = matrixOf(3, 3, (i, j) => factors.upper[(u * 3 + i) * 3 + j]);
      const own = Array.from({ length: rowStart[u + 1] - rowStart[u] }, (_, i) => rowStart[u] + i);
      const product = multiply(transpose(R), R);
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 3; j++) {
          const expected = own.reduce((sum, row) => sum + x[i][row] * x[j][row], 0);
          expect(Math.abs(product[i][j] - expected)).toBeLessThan(1e-11 * Math.max(1, Math.abs(expected)));
          if (i > j) expect(R[i][j]).toBe(0);
        }
      }
    }
  });

  it('give the sum of squares of any coefficients', () => {
    const b = [90, 0.3, -1];
    let direct = 0;
    for (let row = 0; row < rows; row++)
      direct += (y[row] - x.reduce((sum, column, k) => sum + b[k] * column[row], 0)) ** 2;
    let short = factors.residualSumOfSquares;
    for (let u = 0; u < 4; u++) {
      for (let i = 0; i < 3; i++) {
        const fitted = b.reduce((sum, value, k) => sum + factors.upper[(u * 3 + i) * 3 + k] * value, 0);
        short += (factors.projected[u * 3 + i] - fitted) ** 2;
      }
    }
    expect(short / direct).toBeCloseTo(1, 12);
    // The last unit's third column depends on its first.
    expect(factors.residualDegrees).toBe(4 + 0 + 0 + 4);
  });
});

describe('starts', () => {
  const startOf = (shape: Parameters<typeof threeLevelExample>[0], block: string): number[] =>
    Array.from(threeLevelModel(threeLevelExample(shape).data).start![block].centre);

  it('find the residual when most units have a single row', () => {
    const rowsOf = (unit: number): number => (unit % 10 === 0 ? 30 : 1);
    const [logSigma] = startOf({ markets: null, products: 100, x: 2, rowsOf, seed: 'ragged' }, 'sigma');
    // 270 degrees of freedom: 4 % is one standard error.
    expect(Math.abs(logSigma - Math.log(3))).toBeLessThan(4 * 0.043);
  });

  it('fall back on the mean of the response when no unit can be estimated', () => {
    const [constant, ...slopes] = startOf({ markets: null, products: 40, x: 2, rowsOf: () => 1 }, 'gamma');
    expect(Math.abs(constant - 20)).toBeLessThan(2);
    expect(slopes).toEqual([0, 0]);
  });

  /** Markets that differ by ten times their first covariate, and by nothing else. */
  const explainedMarkets = (markets: number, w: number) => {
    const { data } = threeLevelExample({ markets, products: 6, w, rowsOf: () => 8, seed: 'explained' });
    const { rowStart, market } = data.units;
    const y = data.y.slice();
    for (let unit = 0; unit < data.units.count; unit++) {
      for (let row = rowStart[unit]; row < rowStart[unit + 1]; row++)
        y[row] += 10 * data.markets!.w[0].values[market![unit]];
    }
    return threeLevelModel({ ...data, y }).start!;
  };

  it('regress markets on their covariates, whose effects are no spread', () => {
    for (const markets of [12, 40]) {
      const start = explainedMarkets(markets, 1);
      // A market's mean of 48 rows with an error of 3.
      const error = 3 / Math.sqrt(48);
      expect(Math.exp(start.sigma_v.centre[0])).toBeLessThan(2 * error);
      expect(Math.abs(start.delta.centre[0] - 20)).toBeLessThan((4 * error) / Math.sqrt(markets));
      expect(Math.abs(start.delta.centre[1] - 10)).toBeLessThan((4 * error) / Math.sqrt(markets));
    }
  });

  it('leave covariates out where markets are too few for them', () => {
    const start = explainedMarkets(4, 3);
    expect(Array.from(start.delta.centre).slice(1)).toEqual([0, 0, 0]);
    expect(Math.exp(start.sigma_v.centre[0])).toBeGreaterThan(5);
  });

  it('lie between market means and unit estimates', () => {
    const shape = { markets: 6, products: 8, rowsOf: () => 12, spread: 4, seed: 'starts' };
    const { data } = threeLevelExample(shape);
    const model = threeLevelModel(data, { parametrisation: 'centred' });
    const { rowStart } = data.units;
    const means = Array.from({ length: data.units.count }, (_, u) => {
      const own = data.y.slice(rowStart[u], rowStart[u + 1]);
      return own.reduce((a, b) => a + b, 0) / own.length;
    });
    const beta = model.start!.beta.centre;
    const gamma = model.start!.gamma.centre;
    for (const [u, mean] of means.entries()) {
      const market = gamma[data.units.market![u]];
      expect(beta[u]).toBeGreaterThanOrEqual(Math.min(mean, market) - 1e-9);
      expect(beta[u]).toBeLessThanOrEqual(Math.max(mean, market) + 1e-9);
    }
  });
});
