// Priors of covariance matrices: equal to their definitions on Σ, normalised, with the marginals their papers state.
import { describe, expect, it } from 'vitest';
import { covarianceLogDensity, type CovariancePrior } from '../../src/models/covariancePriors.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../kernels/support.js';
import { batchedFunction } from './batchedFunction.js';
import {
  covarianceOf,
  factorOf,
  huangWandLogDensity,
  inverseWishartLogDensity,
  lkjKernel,
  logVolumeOfCorrelation,
  logVolumeOfCovariance,
} from './covarianceReference.js';
import { rule } from './quadrature.js';
import { randomNumbers } from './random.js';

const separate = (eta: number): CovariancePrior => ({
  kind: 'separate',
  sd: { family: 'halfNormal', parameters: [1.5] },
  eta,
});
const halfNormal = (s: number): number => (Math.sqrt(2 / Math.PI) / 1.5) * Math.exp(-0.5 * (s / 1.5) ** 2);

/** Density of a half-t with these degrees of freedom, 2 or 3 (closed forms). */
function halfT(df: 2 | 3, scale: number, s: number): number {
  const t = s / scale;
  const density = df === 2 ? (2 + t * t) ** -1.5 : ((2 * Math.sqrt(3)) / (Math.PI * (3 + t * t) ** 2)) * 3;
  return (2 * density) / scale;
}

/** Log densities at points [s…, L row-major…]. */
const priorFunction = (prior: CovariancePrior, k: number) =>
  batchedFunction(({ s, lower }) => covarianceLogDensity(prior, s, lower), { s: [k], lower: [k, k] });

const diagonalFunction = (prior: CovariancePrior, k: number) =>
  batchedFunction(({ s }) => covarianceLogDensity(prior, s, undefined), { s: [k] });

/** Standard deviations and entries of L below the diagonal (canonical partial correlations, so inside the unit ball). */
function randomPoint(k: number, seed: string): { s: Float64Array; below: Float64Array } {
  const random = randomNumbers(seed);
  const s = random.normals(k, 0.7).map(Math.exp);
  const below: number[] = [];
  for (let i = 1; i < k; i++) {
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const partial = Math.tanh(0.7 * random.normal());
      below.push(partial * Math.sqrt(rest));
      rest *= 1 - partial * partial;
    }
  }
  return { s, below: Float64Array.from(below) };
}

describe('at random points', () => {
  const references: {
    name: string;
    prior: (k: number) => CovariancePrior;
    reference: (sigma: number[][]) => number;
  }[] = [
    {
      name: 'inverse Wishart',
      prior: () => ({ kind: 'inverseWishart', df: 5.5, scale: 1.7 }),
      reference: (sigma) =>
        inverseWishartLogDensity(
          sigma,
          5.5,
          sigma.map(() => 1.7),
        ),
    },
    {
      name: 'Huang–Wand',
      prior: (k) => ({ kind: 'huangWand', df: 2, scales: [0.5, 1.5, 3, 0.9].slice(0, k) }),
      reference: (sigma) => huangWandLogDensity(sigma, 2, [0.5, 1.5, 3, 0.9].slice(0, sigma.length)),
    },
    {
      name: 'Huang–Wand of 3.5 degrees of freedom',
      prior: (k) => ({ kind: 'huangWand', df: 3.5, scales: [2, 0.4, 1, 1].slice(0, k) }),
      reference: (sigma) => huangWandLogDensity(sigma, 3.5, [2, 0.4, 1, 1].slice(0, sigma.length)),
    },
  ];
  for (const { name, prior, reference } of references) {
    it.each([1, 2, 3, 4])(`${name} of size %i equals its definition on Σ`, async (k) => {
      const logDensity = await priorFunction(prior(k), k);
      for (const seed of ['a', 'b', 'c']) {
        const { s, below } = randomPoint(k, seed);
        const lower = factorOf(k, below);
        const [value] = logDensity(1, () => [...s, ...lower.flat()]);
        const expected = reference(covarianceOf(s, lower)) + logVolumeOfCovariance(s, below);
        expect(value / expected).toBeCloseTo(1, 7);
      }
    });
  }

  it.each([2, 3, 4])('LKJ of size %i differs from |R|^(η − 1) by a constant only', async (k) => {
    const logDensity = await priorFunction(separate(2.5), k);
    const constants = ['a', 'b', 'c'].map((seed) => {
      const { s, below } = randomPoint(k, seed);
      const [value] = logDensity(1, () => [...s, ...factorOf(k, below).flat()]);
      const sds = s.reduce((sum, x) => sum + Math.log(halfNormal(x)), 0);
      return value - sds - lkjKernel(k, below, 2.5) - logVolumeOfCorrelation(k, below);
    });
    expect(constants[1]).toBeCloseTo(constants[0], 8);
    expect(constants[2]).toBeCloseTo(constants[0], 8);
  });

  it.each([
    { kind: 'huangWand', df: 2, scales: [0.5, 1.5, 3] },
    { kind: 'inverseWishart', df: 4.2, scale: 0.8 },
    separate(1.7),
  ] as CovariancePrior[])('$kind has the gradient of its differences', (prior) => {
    const { program } = gradientProgram(({ s, lower }) => covarianceLogDensity(prior, s, lower), {
      parameters: { s: [3], lower: [3, 3] },
    });
    const { s, below } = randomPoint(3, 'gradient');
    const given = { s, lower: factorOf(3, below).flat() };
    for (const name of ['s', 'lower'] as const) {
      const gradient = evaluate(program, given).get(`gradient of ${name}`)!;
      expect(largestError(gradient, finiteDifferences(program, given, name, 'value', 1e-4))).toBeLessThan(1e-7);
    }
  });
});

/** A grid over correlation 2 × 2: ρ = tanh x, with L₂₂ = sech x kept exact. */
function correlationGrid(steps: number, reach = 18): { rho: number; diagonal: number; weight: number }[] {
  const h = (2 * reach) / (steps - 1);
  return Array.from({ length: steps }, (_, i) => {
    const x = -reach + i * h;
    const diagonal = 1 / Math.cosh(x);
    return { rho: Math.tanh(x), diagonal, weight: h * diagonal * diagonal };
  });
}

const positiveGrid = (steps: number, reach = 3.6): { s: number; weight: number }[] => {
  const { points, weights } = rule('positive', steps, reach);
  return [...points].map((s, i) => ({ s, weight: weights[i] }));
};

type Cell = { point: number[]; weight: number };

async function integralOver(prior: CovariancePrior, cells: readonly Cell[]): Promise<number> {
  const values = (await priorFunction(prior, 2))(cells.length, (i) => cells[i].point);
  return values.reduce((sum, value, i) => sum + Math.exp(value) * cells[i].weight, 0);
}

const cell = (s1: number, s2: number, r: { rho: number; diagonal: number }, weight: number): Cell => ({
  point: [s1, s2, 1, 0, r.rho, r.diagonal],
  weight,
});

const priors2: [string, CovariancePrior][] = [
  ['Huang–Wand(2)', { kind: 'huangWand', df: 2, scales: [0.6, 1.8] }],
  ['Huang–Wand(3)', { kind: 'huangWand', df: 3, scales: [1, 2] }],
  ['inverse Wishart', { kind: 'inverseWishart', df: 3.5, scale: 1.3 }],
  ['half-normal with LKJ(0.6)', separate(0.6)],
  ['half-normal with LKJ(3)', separate(3)],
];

describe('2 × 2', () => {
  it.each(priors2)('%s integrates to 1', async (_, prior) => {
    const s = positiveGrid(61);
    const cells = s.flatMap((a) =>
      s.flatMap((b) => correlationGrid(91).map((r) => cell(a.s, b.s, r, a.weight * b.weight * r.weight))),
    );
    expect(await integralOver(prior, cells)).toBeCloseTo(1, 5);
  });

  it.each([2, 3] as const)('Huang–Wand(%i): each standard deviation is half-t', async (df) => {
    const prior: CovariancePrior = { kind: 'huangWand', df, scales: [0.6, 1.8] };
    for (const s1 of [0.05, 0.5, 2, 9]) {
      const cells = positiveGrid(161).flatMap((b) =>
        correlationGrid(361).map((r) => cell(s1, b.s, r, b.weight * r.weight)),
      );
      expect((await integralOver(prior, cells)) / halfT(df, 0.6, s1)).toBeCloseTo(1, 6);
      const swapped = cells.map(({ point: [a, b, ...rest], weight }) => ({ point: [b, a, ...rest], weight }));
      expect((await integralOver(prior, swapped)) / halfT(df, 1.8, s1)).toBeCloseTo(1, 6);
    }
  });

  it('Huang–Wand(2): the correlation is uniform', async () => {
    const prior: CovariancePrior = { kind: 'huangWand', df: 2, scales: [0.6, 1.8] };
    const s = positiveGrid(201);
    for (const rho of [-0.95, -0.3, 0, 0.8]) {
      const r = { rho, diagonal: Math.sqrt(1 - rho * rho) };
      const cells = s.flatMap((a) => s.map((b) => cell(a.s, b.s, r, a.weight * b.weight)));
      expect(await integralOver(prior, cells)).toBeCloseTo(0.5, 6);
    }
  });

  it('a diagonal inverse Wishart has the marginals of the full one', async () => {
    const prior: CovariancePrior = { kind: 'inverseWishart', df: 4.5, scale: 1.3 };
    const marginal = await diagonalFunction(prior, 2);
    for (const s1 of [0.3, 0.7, 2]) {
      const cells = positiveGrid(161).flatMap((b) =>
        correlationGrid(361).map((r) => cell(s1, b.s, r, b.weight * r.weight)),
      );
      // Independent for the diagonal form: the joint at (s, s) is the square.
      const [joint] = marginal(1, () => [s1, s1]);
      expect((await integralOver(prior, cells)) / Math.exp(joint / 2)).toBeCloseTo(1, 6);
    }
  });
});

describe('without correlations', () => {
  it('Huang–Wand is independent half-t', async () => {
    const logDensity = await diagonalFunction({ kind: 'huangWand', df: 3, scales: [0.6, 1.8] }, 2);
    expect(logDensity(1, () => [0.4, 2.2])[0]).toBeCloseTo(Math.log(halfT(3, 0.6, 0.4) * halfT(3, 1.8, 2.2)), 12);
  });

  it('separate is the product of its standard deviations', async () => {
    const logDensity = await diagonalFunction(separate(2), 2);
    expect(logDensity(1, () => [0.4, 2.2])[0]).toBeCloseTo(Math.log(halfNormal(0.4) * halfNormal(2.2)), 12);
  });

  it('one coefficient: full and diagonal are the same density', async () => {
    for (const [, prior] of [...priors2, ['half-normal with LKJ(1)', separate(1)] as const]) {
      const one: CovariancePrior = prior.kind === 'huangWand' ? { ...prior, scales: [0.6] } : prior;
      const full = (await priorFunction(one, 1))(1, () => [0.8, 1])[0];
      expect(full).toBeCloseTo((await diagonalFunction(one, 1))(1, () => [0.8])[0], 11);
    }
  });
});

it('LKJ of size 3 integrates to 1', async () => {
  const sds = Math.log(halfNormal(1)) * 3;
  const grid = correlationGrid(101, 14);
  for (const eta of [0.7, 1, 4]) {
    const logDensity = await priorFunction(separate(eta), 3);
    const cells = grid.flatMap((a) =>
      grid.flatMap((b) => grid.map((c): readonly [typeof a, typeof a, typeof a] => [a, b, c])),
    );
    // L₃ = (b, c √(1 − b²), …): dL = √(1 − b²) db dc.
    const values = logDensity(cells.length, (i) => {
      const [a, b, c] = cells[i];
      return [1, 1, 1, 1, 0, 0, a.rho, a.diagonal, 0, b.rho, c.rho * b.diagonal, c.diagonal * b.diagonal];
    });
    const total = values.reduce((sum, value, i) => {
      const [a, b, c] = cells[i];
      return sum + Math.exp(value - sds) * a.weight * b.weight * c.weight * b.diagonal;
    }, 0);
    expect(total, `eta ${eta}`).toBeCloseTo(1, 6);
  }
});

it.each([4, 5])('LKJ of size %i integrates to 1', async (k) => {
  // Monte Carlo over partial correlations, uniform in (−1, 1): L_ij = r √rest, dL = √rest dr.
  const sds = Math.log(halfNormal(1)) * k;
  const logDensity = await priorFunction(separate(1.5), k);
  const random = randomNumbers(`LKJ ${k}`);
  const draws = Array.from({ length: 40_000 }, () => {
    const below: number[] = [];
    let logVolume = ((k * (k - 1)) / 2) * Math.LN2;
    for (let i = 1; i < k; i++) {
      let rest = 1;
      for (let j = 0; j < i; j++) {
        const partial = 2 * random.uniform() - 1;
        below.push(partial * Math.sqrt(rest));
        logVolume += 0.5 * Math.log(rest);
        rest *= 1 - partial * partial;
      }
    }
    return { point: [...Array<number>(k).fill(1), ...factorOf(k, below).flat()], logVolume };
  });
  const values = logDensity(draws.length, (i) => draws[i].point).map((v, i) => Math.exp(v - sds + draws[i].logVolume));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  const error = Math.sqrt(variance / values.length);
  expect(error).toBeLessThan(0.02);
  expect(Math.abs(mean - 1) / error).toBeLessThan(4);
});
