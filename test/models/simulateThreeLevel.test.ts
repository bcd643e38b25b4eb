// The simulator of the three-level model: what it draws has the moments that its truth states, seed after seed.
import { describe, expect, it } from 'vitest';
import { portableLog, portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { type SalesSize, salesScenario } from '../../src/models/threeLevel/scenario.js';
import { simulateThreeLevel, type ThreeLevelSimulation } from '../../src/models/threeLevel/simulate.js';

const size: SalesSize = { rows: 4000, products: 12, markets: 15, x: 3, z: 1, w: 1, covariance: 'full' };
const seeds = Array.from({ length: 12 }, (_, seed) => seed);

/** All rows by column, codes in place of labels. */
function simulated(simulation: ThreeLevelSimulation, seed: number) {
  const { truth, blocks } = simulateThreeLevel(simulation, portableRandom(seed));
  const columns = new Map<string, number[]>();
  for (const block of blocks) {
    for (const column of block) {
      const entries = 'codes' in column ? column.codes : column.values;
      const known = columns.get(column.name) ?? [];
      for (const entry of entries) known.push(Number(entry));
      columns.set(column.name, known);
    }
  }
  const values = new Map(truth.map(({ name, value }) => [name, value]));
  const site = (name: string) => truth.filter((entry) => entry.name.startsWith(`${name}[`)).map(({ value }) => value);
  return { truth, values, site, column: (name: string) => columns.get(name)!, columns };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sums of products of deviations from known means, against the covariance: errors in standard errors, one per pair. */
function covarianceErrors(deviations: readonly (readonly number[])[], covariance: (i: number, j: number) => number) {
  const k = deviations[0].length;
  const errors: number[] = [];
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      const estimate = mean(deviations.map((row) => row[i] * row[j]));
      const variance = (covariance(i, i) * covariance(j, j) + covariance(i, j) ** 2) / deviations.length;
      errors.push((estimate - covariance(i, j)) / Math.sqrt(variance));
    }
  }
  return errors;
}

/** Errors that ought to be about standard normal: none beyond five, and a mean square near one. */
function expectStandardErrors(errors: readonly number[]): void {
  for (const error of errors) expect(Math.abs(error)).toBeLessThan(5);
  expect(mean(errors.map((error) => error * error))).toBeGreaterThan(0.5);
  expect(mean(errors.map((error) => error * error))).toBeLessThan(1.6);
}

const covarianceOf =
  ({ sds, loadings }: ThreeLevelSimulation['product']) =>
  (i: number, j: number): number =>
    sds[i] * sds[j] * (i === j ? 1 : loadings === undefined ? 0 : loadings[i][0] * loadings[j][0]);

/** The coefficients of group g out of a flat list. */
const slice = (flat: readonly number[], g: number, k: number) => flat.slice(g * k, (g + 1) * k);

describe.each(['full', 'diagonal'] as const)('draws with %s covariances', (covariance) => {
  const simulation = salesScenario({ ...size, covariance });
  const [p, q, markets, products] = [4, 2, 15, 12];
  const runs = seeds.map((seed) => simulated(simulation, seed));

  it('residuals have standard deviation sigma', () => {
    const errors = runs.flatMap(({ column, site, values }) => {
      const beta = site('beta');
      const [market, product] = [column('market'), column('product')];
      const residuals = column('log_sales').map((y, row) => {
        const own = slice(beta, market[row] * products + product[row], p);
        return (
          y - own[0] - own[1] * column('price')[row] - own[2] * column('deal')[row] - own[3] * column('feature')[row]
        );
      });
      const sigma = values.get('sigma')!;
      const variance = mean(residuals.map((residual) => residual * residual));
      const n = residuals.length;
      return [(mean(residuals) / sigma) * Math.sqrt(n), (variance / sigma ** 2 - 1) / Math.sqrt(2 / n)];
    });
    expectStandardErrors(errors);
  });

  it('coefficients of units spread around their means as sigma_u and corr_u say', () => {
    const errors = runs.flatMap(({ column, site }) => {
      const [beta, gamma] = [site('beta'), site('gamma')];
      const z = new Map<number, number>();
      column('distribution').forEach((value, row) => {
        const unit = column('market')[row] * products + column('product')[row];
        expect(z.get(unit) ?? value).toBe(value);
        z.set(unit, value);
      });
      const deviations = Array.from({ length: markets * products }, (_, unit) => {
        const ofMarket = slice(gamma, Math.floor(unit / products), p * q);
        return slice(beta, unit, p).map((b, k) => b - ofMarket[k * q] - ofMarket[k * q + 1] * z.get(unit)!);
      });
      const of = covarianceOf(simulation.product);
      // Deviations owe nothing to the trait beside them either.
      const zs = [...z.entries()].sort(([a], [b]) => a - b).map(([, value]) => value);
      const length = Math.sqrt(zs.reduce((sum, value) => sum + value * value, 0));
      const aligned = Array.from({ length: p }, (_, k) => {
        const product = deviations.reduce((sum, row, unit) => sum + row[k] * zs[unit], 0);
        return product / (length * Math.sqrt(of(k, k)));
      });
      return [...covarianceErrors(deviations, of), ...aligned];
    });
    expectStandardErrors(errors);
  });

  it('coefficients of markets spread around their means as sigma_v and corr_v say', () => {
    const deviations = runs.flatMap(({ column, site }) => {
      const [gamma, delta] = [site('gamma'), site('delta')];
      const w = new Map<number, number>();
      column('income').forEach((value, row) => {
        const market = column('market')[row];
        expect(w.get(market) ?? value).toBe(value);
        w.set(market, value);
      });
      return Array.from({ length: markets }, (_, market) =>
        slice(gamma, market, p * q).map((g, k) => g - delta[2 * k] - delta[2 * k + 1] * w.get(market)!),
      );
    });
    expectStandardErrors(covarianceErrors(deviations, covarianceOf(simulation.market)));
  });

  it('lists standard deviations and correlations that belong together', () => {
    const { site } = runs[0];
    expect(site('sigma_u')).toEqual(simulation.product.sds);
    expect(site('corr_u')).toHaveLength(covariance === 'full' ? 6 : 0);
    expect(site('corr_v')).toHaveLength(covariance === 'full' ? 28 : 0);
    if (covariance === 'diagonal') return;
    const [sds, of] = [simulation.product.sds, covarianceOf(simulation.product)];
    expect(site('corr_u')[4]).toBeCloseTo(of(3, 1) / (sds[3] * sds[1]), 12);
  });
});

describe('predictors', () => {
  it('are standard normal, or 0 and 1 with the share that was asked for', () => {
    const simulation = salesScenario(size);
    const errors = seeds.flatMap((seed) => {
      const { column } = simulated(simulation, seed);
      const n = size.rows;
      const price = column('price');
      const squares = mean(price.map((x) => x * x));
      const shares = (['deal', 'feature'] as const).map((name, i) => {
        expect(new Set(column(name))).toEqual(new Set([0, 1]));
        const share = [0.25, 0.15][i];
        return (mean(column(name)) - share) / Math.sqrt((share * (1 - share)) / n);
      });
      return [mean(price) * Math.sqrt(n), (squares - 1) / Math.sqrt(2 / n), ...shares];
    });
    expectStandardErrors(errors);
  });
});

describe('rows', () => {
  it('number as many as asked, at least two for each unit, unevenly, each occasion once', () => {
    for (const rows of [360, 361, 4000, 70_001]) {
      const { column } = simulated(salesScenario({ ...size, rows }), 3);
      expect(column('week')).toHaveLength(rows);
      const counts = new Int32Array(180);
      const occasions = new Set<string>();
      column('week').forEach((week, row) => {
        const unit = column('market')[row] * 12 + column('product')[row];
        counts[unit]++;
        occasions.add(`${unit} ${week}`);
      });
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
      expect(occasions.size).toBe(rows);
      expect(Math.min(...column('week'))).toBe(1);
      if (rows >= 4000) expect(Math.max(...counts) / Math.min(...counts)).toBeGreaterThan(3);
    }
  });

  it('are refused where a unit would have fewer than two', () => {
    expect(() => simulateThreeLevel(salesScenario({ ...size, rows: 359 }), portableRandom(1))).toThrow(
      '359 rows are fewer than two for 180 units',
    );
  });

  it('and truth follow the seed', () => {
    const simulation = salesScenario(size);
    const [first, again, other] = [1, 1, 2].map((seed) => simulated(simulation, seed));
    expect(again.truth).toEqual(first.truth);
    expect(again.columns).toEqual(first.columns);
    expect(other.site('gamma')).not.toEqual(first.site('gamma'));
    expect(other.column('log_sales')).not.toEqual(first.column('log_sales'));
    expect(other.values.get('sigma')).toBe(first.values.get('sigma'));
  });
});

describe('portable random numbers', () => {
  it('take logarithms to the last digits', () => {
    for (let i = 1; i <= 20_000; i++) {
      for (const x of [i / 20_000, 2 ** (-i / 200), 1 - 2 ** -(i % 53)]) {
        if (x === 0) continue;
        const exact = Math.log(x);
        expect(Math.abs(portableLog(x) - exact)).toBeLessThanOrEqual(4e-16 * Math.abs(exact));
      }
    }
  });

  it('are standard normal to the fourth moment, neighbours unrelated', () => {
    const n = 40_000;
    const errors = seeds.flatMap((seed) => {
      const random = portableRandom(seed);
      const z = Array.from({ length: n }, () => random.normal());
      const moment = (power: number) => mean(z.map((value) => value ** power));
      const neighbours = mean(z.map((value, i) => value * z[(i + 1) % n]));
      return [
        moment(1) * Math.sqrt(n),
        (moment(2) - 1) * Math.sqrt(n / 2),
        moment(3) * Math.sqrt(n / 15),
        (moment(4) - 3) * Math.sqrt(n / 96),
        neighbours * Math.sqrt(n),
      ];
    });
    expectStandardErrors(errors);
  });
});
