// ADVI: exact where theory says so, equal to NUTS where it should be, and honest where it cannot be: verdicts, stopping rule, refusals.
import { describe, expect, it } from 'vitest';
import { advi } from '../../../src/inference/advi/advi.js';
import { nestedPattern } from '../../../src/inference/advi/pattern.js';
import type { AdviSettings } from '../../../src/inference/advi/settings.js';
import { sample } from '../../../src/inference/sample.js';
import { randomNumbers } from '../../models/random.js';
import { batched, correlatedNormal, eightSchools, type PlainDensity } from '../densities.js';

const rho = 0.8;
const size = 6;
/** Stationary autoregression around (1, 2, …), with sds 1, 2, 3, …: precision 1/(1 − ρ²) at the ends, (1 + ρ²)/(1 − ρ²) inside. */
const gaussian: PlainDensity = (q, gradient) => {
  const { density } = correlatedNormal(size, rho);
  const z = q.map((value, i) => (value - i - 1) / (i + 1));
  const value = density(z, gradient);
  for (let i = 0; i < size; i++) gradient[i] /= i + 1;
  return value;
};
const covarianceAt = (i: number, j: number): number => (i + 1) * (j + 1) * rho ** Math.abs(i - j);
const conditionalSd = (i: number): number =>
  (i + 1) * Math.sqrt((1 - rho * rho) / (i === 0 || i === size - 1 ? 1 : 1 + rho * rho));
const everything = Array.from({ length: size }, (_, i) => i);
/** Bounds relative to sds: of the deterministic variant, and of the stochastic one's tolerance of 0.03. */
const bounds = { deterministic: 2e-3, stochastic: 0.1 };

describe.each(['deterministic', 'stochastic'] as const)('%s, on a Gaussian', (variant) => {
  const fitTo = (settings: AdviSettings) => advi(batched(size, gaussian, 8), { variant, ...settings });
  const bound = bounds[variant];

  it.each([1, 2, 3])('mean-field: exact means, conditional sds; seed %i', async (seed) => {
    const { mean, sds, isConverged, verdict } = await fitTo({
      family: 'mean-field',
      seed,
      ...(variant === 'deterministic' && { tolerance: 1e-8 }),
    });
    expect(isConverged).toBe(true);
    for (let i = 0; i < size; i++) {
      expect(Math.abs(mean[i] - i - 1) / (i + 1)).toBeLessThan(bound);
      expect(Math.abs(sds[i] / conditionalSd(i) - 1)).toBeLessThan(bound);
    }
    expect(verdict.dimension).toBe(size);
  });

  it.each([1, 2, 3])('full-rank: the covariance, and a good verdict; seed %i', async (seed) => {
    const kept: Float64Array[] = [];
    const density = batched(size, gaussian, 8);
    const { mean, sds, verdict, elbo } = await advi(
      density,
      { variant, family: 'full-rank', seed, tolerance: variant === 'deterministic' ? 1e-8 : 0.02 },
      { onDraw: ({ position }) => void kept.push(position.slice()) },
    );
    expect(verdict.status).toBe('good');
    for (let i = 0; i < size; i++) {
      expect(Math.abs(mean[i] - i - 1) / (i + 1)).toBeLessThan(bound);
      expect(Math.abs(sds[i] / (i + 1) - 1)).toBeLessThan(bound);
    }
    expect(kept).toHaveLength(4000);
    const correlation = kept.reduce((sum, q) => sum + (q[1] - 2) * (q[2] - 3), 0) / kept.length / 6;
    expect(Math.abs(correlation - rho)).toBeLessThan(bound + 4 * Math.sqrt((1 + rho * rho) / kept.length));
    // The density integrates to (2π)^(n/2) |Σ|^½; the ELBO of the exact fit is its logarithm.
    const logIntegral = 0.5 * size * Math.log(2 * Math.PI) + 0.5 * (size - 1) * Math.log(1 - rho * rho) + Math.log(720);
    expect(Math.abs(elbo.mean - logIntegral)).toBeLessThan(size * bound * bound + 4 * elbo.standardError + 1e-6);
  });

  it('low-rank: all of a covariance that is diagonal plus low rank', async () => {
    // One factor with loadings 1, and unit variances: precision I − 11'/(1 + n).
    const factor: PlainDensity = (q, gradient) => {
      const total = q.reduce((sum, value) => sum + value, 0);
      let value = 0;
      for (let i = 0; i < size; i++) {
        gradient[i] = -(q[i] - total / (1 + size));
        value += (q[i] * gradient[i]) / 2;
      }
      return value;
    };
    const { sds, verdict } = await advi(batched(size, factor, 8), {
      variant,
      family: 'low-rank',
      rank: 1,
      tolerance: variant === 'deterministic' ? 1e-8 : 0.02,
    });
    for (let i = 0; i < size; i++) expect(Math.abs(sds[i] / Math.SQRT2 - 1)).toBeLessThan(bound);
    expect(verdict.status).toBe('good');
  });
});

it.each(['lbfgs', 'newton'] as const)(
  'linear response gives the exact covariance of a Gaussian, %s',
  async (optimiser) => {
    const { linearResponse } = await advi(batched(size, gaussian, 8), {
      family: 'mean-field',
      optimiser,
      tolerance: 1e-8,
      linearResponse: everything,
    });
    for (const i of everything) {
      for (const j of everything) {
        const scale = (i + 1) * (j + 1);
        expect(Math.abs(linearResponse[i * size + j] - covarianceAt(i, j)) / scale).toBeLessThan(5e-3);
      }
    }
  },
);

it('the structured family is exact on a nested Gaussian, where mean-field understates', async () => {
  // μ ~ N(0, 1), four groups m_g ~ N(μ, 0.5²), three members each ~ N(m_g, 0.3²).
  const parent = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3];
  const density: PlainDensity = (q, gradient) => {
    gradient.fill(0);
    gradient[0] = -q[0];
    let value = -(q[0] ** 2) / 2;
    const tie = (i: number, j: number, sd: number): void => {
      const z = (q[i] - q[j]) / sd;
      value -= (z * z) / 2;
      gradient[i] -= z / sd;
      gradient[j] += z / sd;
    };
    for (let g = 0; g < 4; g++) tie(1 + g, 0, 0.5);
    parent.forEach((g, k) => tie(5 + k, 1 + g, 0.3));
    return value;
  };
  const pattern = nestedPattern(17, [
    [
      { offset: 5, groups: 12, size: 1, parent },
      { offset: 1, groups: 4, size: 1, parent: null },
    ],
  ]);
  const common = { pattern, tolerance: 1e-8 };
  const structured = await advi(batched(17, density, 32), common);
  expect(structured.family).toBe('structured');
  const sd = (i: number): number => Math.sqrt(1 + (i > 0 ? 0.25 : 0) + (i > 4 ? 0.09 : 0));
  structured.sds.forEach((value, i) => expect(Math.abs(value / sd(i) - 1)).toBeLessThan(1e-3));
  expect(structured.verdict.status).toBe('good');
  const meanField = await advi(batched(17, density, 32), { ...common, family: 'mean-field' });
  // 1/Λ_ii of a member is 0.3²: less than a tenth of its variance of 1.34.
  expect(meanField.sds[5]).toBeCloseTo(0.3, 3);
  expect(meanField.verdict.status).toBe('unreliable');
});

/** Logistic regression of 200 rows on three columns, N(0, 2.5²) priors. */
function logisticRegression(): { dimension: number; density: PlainDensity } {
  const random = randomNumbers('logistic');
  const rows = Array.from({ length: 200 }, () => {
    const x = [1, random.normal(), random.normal()];
    const logit = 0.5 * x[0] + x[1] - 0.7 * x[2];
    return { x, y: Number(random.uniform() < 1 / (1 + Math.exp(-logit))) };
  });
  const density: PlainDensity = (q, gradient) => {
    let value = 0;
    for (let k = 0; k < 3; k++) {
      gradient[k] = -q[k] / 6.25;
      value -= (q[k] * q[k]) / 12.5;
    }
    for (const { x, y } of rows) {
      const logit = x[0] * q[0] + x[1] * q[1] + x[2] * q[2];
      value += y * logit - Math.log1p(Math.exp(logit));
      const error = y - 1 / (1 + Math.exp(-logit));
      for (let k = 0; k < 3; k++) gradient[k] += error * x[k];
    }
    return value;
  };
  return { dimension: 3, density };
}

describe('means beside those of NUTS', () => {
  it.each([1, 2, 3])(
    'logistic regression, within 0.05 posterior sds; linear-response sds within 5 percent; seed %i',
    async (seed) => {
      const { dimension, density } = logisticRegression();
      const { mean, sd } = await nutsMoments(dimension, density);
      const fitted = await advi(batched(dimension, density, 32), {
        seed,
        family: 'mean-field',
        linearResponse: [0, 1, 2],
      });
      for (let i = 0; i < dimension; i++) {
        expect(Math.abs(fitted.mean[i] - mean[i]) / sd[i]).toBeLessThan(0.05);
        expect(Math.abs(Math.sqrt(fitted.linearResponse[i * 4]) / sd[i] - 1)).toBeLessThan(0.05);
      }
      const full = await advi(batched(dimension, density, 32), { seed, family: 'full-rank' });
      expect(full.verdict.status).toMatch(/good|usable/);
    },
  );

  it.each([1, 2, 3])('eight schools, non-centred, within 0.15 posterior sds; seed %i', async (seed) => {
    const { dimension, density } = eightSchools();
    const { mean, sd } = await nutsMoments(dimension, density);
    const fitted = await advi(batched(dimension, density, 32), { seed, family: 'full-rank' });
    expect(fitted.isConverged).toBe(true);
    for (let i = 0; i < dimension; i++) expect(Math.abs(fitted.mean[i] - mean[i]) / sd[i]).toBeLessThan(0.15);
  });
});

async function nutsMoments(
  dimension: number,
  density: PlainDensity,
): Promise<{ mean: Float64Array; sd: Float64Array }> {
  const mean = new Float64Array(dimension);
  const squares = new Float64Array(dimension);
  let count = 0;
  await sample(
    batched(dimension, density, 4),
    { seed: 11, warmup: 500, draws: 5000 },
    {
      onDraw: ({ phase, position }) => {
        if (phase === 'warmup') return;
        count++;
        position.forEach((value, i) => {
          const deviation = value - mean[i];
          mean[i] += deviation / count;
          squares[i] += deviation * (value - mean[i]);
        });
      },
    },
  );
  return { mean, sd: squares.map((value) => Math.sqrt(value / count)) };
}

describe('verdicts and stopping', () => {
  /** Neal's funnel, centred: v ~ N(0, 3²), nine x ~ N(0, exp(v)). */
  const funnel: PlainDensity = (q, gradient) => {
    const v = q[0];
    let value = -(v * v) / 18;
    gradient[0] = -v / 9;
    for (let i = 1; i < 10; i++) {
      const scaled = q[i] * q[i] * Math.exp(-v);
      value -= scaled / 2 + v / 2;
      gradient[0] += scaled / 2 - 0.5;
      gradient[i] = -q[i] * Math.exp(-v);
    }
    return value;
  };

  it.each([1, 2])('the funnel is found out; seed %i', async (seed) => {
    const { verdict } = await advi(batched(10, funnel, 32), { seed, family: 'full-rank' });
    expect(verdict.status).toBe('unreliable');
    expect(verdict.paretoK).toBeGreaterThan(0.7);
  });

  it('beyond 100 dimensions only a marginal density is assessed', async () => {
    const many = correlatedNormal(150, 0.3);
    const plain = await advi(batched(150, many.density, 32), { family: 'mean-field', draws: 200 });
    expect(plain.verdict.status).toBe('notAssessed');
    // The first two elements of the autoregression.
    const marginal = { density: batched(2, correlatedNormal(2, 0.3).density, 32), indices: [0, 1] };
    const assessed = await advi(batched(150, many.density, 32), { family: 'mean-field', draws: 200, marginal });
    expect(assessed.verdict).toMatchObject({ status: 'good', dimension: 2 });
    expect(assessed.verdict.words).toMatch(/marginal posterior of the scales/);
    const wrong = { density: batched(2, correlatedNormal(2, 0.95).density, 32), indices: [0, 1] };
    const refuted = await advi(batched(150, many.density, 32), { family: 'mean-field', draws: 200, marginal: wrong });
    expect(refuted.verdict.paretoK).toBeGreaterThan(assessed.verdict.paretoK! + 0.1);
  });

  /** Flat in the second element. */
  const improper: PlainDensity = (q, gradient) => {
    gradient[0] = -q[0];
    gradient[1] = 0;
    return -(q[0] * q[0]) / 2;
  };

  it.each(['deterministic', 'stochastic'] as const)(
    '%s says that an improper posterior did not converge',
    async (variant) => {
      const { isConverged, why } = await advi(batched(2, improper, 32), { variant, draws: 50, maxIterations: 3000 });
      expect(isConverged).toBe(false);
      expect(why).toMatch(/widens without end|still moving/);
    },
  );

  it('says when iterations ran out', async () => {
    const { density } = eightSchools();
    const few = await advi(batched(10, density, 32), { maxIterations: 3, draws: 50 });
    expect(few).toMatchObject({ isConverged: false, why: 'the iterations ran out', iterations: 3 });
    const moving = await advi(batched(10, density, 32), { variant: 'stochastic', maxIterations: 200, draws: 50 });
    expect(moving.isConverged).toBe(false);
    expect(moving.why).toMatch(/200 iterations were not enough/);
  });

  it.each([1, 2, 3])('the stochastic rule fires by itself, after halving the step; seed %i', async (seed) => {
    const { density } = eightSchools();
    const trace: number[] = [];
    const { isConverged, why, iterations, elboTrace } = await advi(
      batched(10, density, 32),
      { variant: 'stochastic', family: 'mean-field', seed, draws: 50 },
      { onProgress: ({ elbo }) => void trace.push(elbo) },
    );
    expect(why).toMatch(/halving the step size changed the averaged iterates by 0\.0/);
    expect(isConverged).toBe(true);
    expect(iterations).toBeLessThan(10_000);
    expect(trace).toEqual(elboTrace.map(({ elbo }) => elbo));
    expect(trace.at(-1)!).toBeGreaterThan(trace[0]);
  });
});

describe('draws', () => {
  it.each(['deterministic', 'stochastic'] as const)('%s: the same for any number of lanes', async (variant) => {
    const { density } = eightSchools();
    const drawsWith = async (lanes: number) => {
      const kept: [number, number, ...number[]][] = [];
      await advi(
        batched(10, density, lanes),
        { variant, chains: 2, draws: 30, maxIterations: 100 },
        {
          wantsDraw: (_, __, index) => index % 10 === 0,
          onDraw: ({ chain, index, position, info }) =>
            void (position.length > 0 && kept.push([chain, index, info.logDensity, ...position])),
        },
      );
      return kept;
    };
    const few = await drawsWith(3);
    expect(few).toHaveLength(6);
    expect(await drawsWith(64)).toEqual(few);
  });

  it('stops when told to', async () => {
    const { density } = eightSchools();
    const stop = new AbortController();
    const options = { signal: stop.signal };
    const running = advi(
      batched(10, density, 32),
      {},
      { onProgress: ({ iteration }) => void (iteration === 5 && stop.abort()) },
      options,
    );
    await expect(running).rejects.toThrow(/abort/);
  });
});

it('refuses what it cannot do, in one line', async () => {
  const density = batched(size, gaussian, 8);
  await expect(advi(density, { family: 'structured' })).rejects.toThrow(/needs a model that declares its structure/);
  await expect(advi(density, { family: 'full-rank', gradientDraws: 8 })).rejects.toThrow(/over fixed draws needs 18/);
  await expect(advi(density, { gradientDraws: 7 })).rejects.toThrow(/7 is odd/);
  await expect(advi(density, { tolerance: 0 })).rejects.toThrow(/tolerance: 0 is not positive/);
  await expect(advi(density, { inverseMass: [1, 2] })).rejects.toThrow(/inverseMass: 2 values for 6/);
  const nowhere: PlainDensity = () => -Infinity;
  await expect(advi(batched(2, nowhere), {})).rejects.toThrow(/not finite at the start; give another start/);
});
