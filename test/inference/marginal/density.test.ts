// The marginal density of the scales: a dense multivariate normal on small data, differences, and automatic differentiation.
import { describe, expect, it } from 'vitest';
import { logGamma } from '../../../src/kernels/math/specialFunctions.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import {
  identityMap,
  marginalOf,
  setMap,
  traceMarginal,
  type Marginal,
} from '../../../src/inference/marginal/marginalDensity.js';
import type { ScaleKind } from '../../../src/inference/marginal/scales.js';
import { groupOfRow } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import { deviatingCount, deviatingOf, outerPlaces } from '../../../src/models/linearHierarchy/links.js';
import { hasFactors, type LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { invert, type Matrix } from '../../models/denseMatrices.js';
import { gradientError } from '../../models/evaluateModel.js';
import {
  type HierarchyShape,
  hierarchyExample,
  partialTerm,
  stackedTerm,
  withPrior,
} from '../../models/hierarchyExample.js';
import { randomNumbers } from '../../models/random.js';
import { normalLog } from '../../models/threeLevelReference.js';

const shapes: Record<string, HierarchyShape> = {
  'two levels, intercepts': { terms: [{ levels: [{ groups: 7 }] }] },
  'two levels, slopes': { terms: [{ slopes: 2, levels: [{ groups: 9 }] }] },
  'two levels, full covariance, covariates': {
    terms: [{ slopes: 1, levels: [{ groups: 9, full: true, covariates: 2 }] }],
  },
  'three levels, slopes': { terms: [{ slopes: 1, levels: [{ groups: 12 }, { groups: 4 }] }] },
  'three levels, full covariances': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 14, full: true },
          { groups: 5, full: true },
        ],
      },
    ],
  },
  'three levels, full and diagonal, covariates at each': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 14, full: true, covariates: 1 },
          { groups: 5, covariates: 1 },
        ],
      },
    ],
  },
  'four levels, covariates in the middle': {
    terms: [{ slopes: 1, levels: [{ groups: 16 }, { groups: 8, full: true, covariates: 1 }, { groups: 3 }] }],
  },
  'units of one row, and columns of zeros': {
    terms: [
      {
        slopes: 2,
        levels: [{ groups: 10, full: true }, { groups: 4 }],
        rowsOf: (group) => (group % 3 === 0 ? 1 : 4),
        isEmpty: (group) => group % 2 === 0,
      },
    ],
  },
  'a level of one group each': { terms: [{ slopes: 1, levels: [{ groups: 6 }, { groups: 6 }] }] },
  'two levels, fixed columns and categories': {
    terms: [{ slopes: 1, levels: [{ groups: 9, full: true }] }],
    fixed: { dense: 2, categories: [3, 5] },
  },
  'three levels, covariates, a multiplied category': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 14, full: true, covariates: 1 },
          { groups: 5, covariates: 1 },
        ],
      },
    ],
    fixed: { dense: 1, categories: [4], multiplier: true },
  },
  'four levels, singular units, a category': {
    terms: [
      {
        slopes: 2,
        levels: [{ groups: 12 }, { groups: 6, full: true }, { groups: 3 }],
        rowsOf: (group) => 1 + (group % 4),
        isEmpty: (group) => group % 2 === 0,
      },
    ],
    fixed: { categories: [6] },
  },
  'a fixed block of more columns than are written out': {
    terms: [{ levels: [{ groups: 40 }], rowsOf: () => 3 }],
    fixed: { categories: [36] },
  },
  'factors at both levels': {
    terms: [
      {
        slopes: 2,
        levels: [
          { groups: 10, factors: 1 },
          { groups: 4, factors: 1 },
        ],
      },
    ],
  },
  'a regularised horseshoe of regressions': {
    terms: [{ slopes: 1, levels: [{ groups: 9, full: true, covariates: 2 }, { groups: 4 }], horseshoe: 'slab' }],
  },
  'horseshoes of regressions and of a fixed block': {
    terms: [{ slopes: 1, levels: [{ groups: 9, covariates: 1 }], horseshoe: 'plain' }],
    fixed: { dense: 3, categories: [3], horseshoe: 'relative slab' },
  },
  'a horseshoe of regressions beside pooled categories': {
    terms: [{ slopes: 1, levels: [{ groups: 9, covariates: 1 }], horseshoe: 'plain' }],
    fixed: { dense: 1, categories: [4, 3], pooled: true },
  },
  'coefficients that do not deviate, and regressions on part of the covariates': { terms: [partialTerm] },
  'the same with correlations, and groups given twice': { terms: [stackedTerm] },
  'more groups than are written out': {
    terms: [{ slopes: 1, levels: [{ groups: 90 }, { groups: 40, full: true, covariates: 1 }], rowsOf: () => 2 }],
  },
};

/** Where the coordinates of a block's signed scales turn. */
const unitsOf = (size: number): number[] => Array.from({ length: size }, (_, i) => 0.6 + 0.3 * i);
const bendsOf = (size: number): number[] => Array.from({ length: size }, (_, i) => 0.4 + 0.1 * i);

/** The scales that a position of the marginal density stands for, and its log prior with Jacobians. */
function scalesAt({ term, blocks, kinds, priors }: Marginal, position: ArrayLike<number>) {
  const block = (name: string | undefined): number[] => {
    const found = blocks.find((own) => own.name === name);
    return found === undefined ? [] : Array.from({ length: found.size }, (_, i) => position[found.offset + i]);
  };
  const sigma = Math.exp(block('sigma')[0]);
  let logPrior = Math.LN2 + normalLog(sigma, 0, 2) + Math.log(sigma);
  const covariances = term.levels.map((level, l): Matrix => {
    const { covariance } = level;
    const size = deviatingCount(level);
    const raw = block(covariance.sds);
    const [unit, bend] = [unitsOf(raw.length), bendsOf(raw.length)];
    // s² + bend s⁴ = (unit · sinh x)².
    const s = raw.map((x, i) =>
      kinds[l] === 'log'
        ? Math.exp(x)
        : Math.sign(x) * Math.sqrt((Math.sqrt(1 + 4 * bend[i] * (unit[i] * Math.sinh(x)) ** 2) - 1) / (2 * bend[i])),
    );
    const slope = s.map(
      (own, i) => (unit[i] * Math.cosh(raw[i]) * Math.sqrt(1 + bend[i] * own * own)) / (1 + 2 * bend[i] * own * own),
    );
    for (const [i, sd] of s.entries()) {
      const isFlat =
        !hasFactors(covariance) && covariance.prior.kind === 'separate' && covariance.prior.sd.family === 'flat';
      logPrior += isFlat ? -Math.LN2 : normalLog(sd, 0, 1.5);
      logPrior += kinds[l] === 'log' ? Math.LN2 + raw[i] : Math.log(slope[i]);
    }
    if (hasFactors(covariance)) {
      const { factors: m, loadings: name } = covariance;
      const loadings = block(name);
      for (const [at, x] of loadings.entries())
        logPrior += normalLog(x, 0, covariance.prior.loadingSds[Math.floor(at / m)]);
      const row = (i: number): number[] => loadings.slice(i * m, (i + 1) * m);
      return s.map((own, i) =>
        s.map((_, j) => row(i).reduce((sum, x, f) => sum + x * row(j)[f], i === j ? own * own : 0)),
      );
    }
    // Uniform correlations; 2 × 2 or 3 × 3 factors from partial correlations.
    const free = block(covariance.cholesky);
    const lower = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (__, j) => Number(i === j)));
    let next = 0;
    for (let i = 1; i < size && free.length > 0; i++) {
      let rest = 1;
      for (let j = 0; j < i; j++) {
        const partial = Math.tanh(free[next++]);
        lower[i][j] = partial * Math.sqrt(rest);
        // LKJ(1): partial correlations of the j-th tree have exponent (k − 2 − j) / 2 of 1 − ρ²; times dρ/dx.
        const exponent = (size - 2 - j) / 2;
        logPrior += (exponent + 1) * Math.log(1 - partial * partial) - logBeta(exponent + 1);
        rest *= 1 - partial * partial;
      }
      lower[i][i] = Math.sqrt(rest);
    }
    return lower.map((a, i) => lower.map((b, j) => s[i] * s[j] * a.reduce((sum, x, m) => sum + x * b[m], 0)));
  });
  const priorSds = priors.flatMap(({ sds, horseshoe, pooling }) => {
    if (pooling !== undefined) {
      const spreads = block(pooling.sds).map(Math.exp);
      for (const [k, { family, parameters }] of pooling.priors.entries()) {
        const log =
          family === 'halfNormal'
            ? halfNormalLog(spreads[k], parameters[0])
            : halfTLog(spreads[k], parameters[0], parameters[1]);
        logPrior += log + Math.log(spreads[k]);
      }
      return sds.map((sd, i) => (pooling.places.includes(i) ? spreads[pooling.sets[pooling.places.indexOf(i)]] : sd));
    }
    if (horseshoe === undefined) return [...sds];
    const { places, isRelative, globalScale, slab } = horseshoe;
    const lambda = block(horseshoe.local).map(Math.exp);
    const [tau] = block(horseshoe.global).map(Math.exp);
    const [c] = slab === undefined ? [Infinity] : block(slab.name).map(Math.exp);
    for (const x of lambda) logPrior += halfCauchyLog(x, 1) + Math.log(x);
    logPrior += halfCauchyLog(tau, isRelative ? sigma * globalScale : globalScale) + Math.log(tau);
    if (slab !== undefined) {
      const [a, b] = [slab.df / 2, (slab.df * slab.scale ** 2) / 2];
      logPrior += a * Math.log(b) - logGamma(a) - a * Math.log(c ** 2) - b / c ** 2 + Math.LN2;
    }
    return sds.map((sd, i) => {
      const j = places.indexOf(i);
      return j < 0 ? sd : 1 / Math.sqrt(1 / (lambda[j] * tau) ** 2 + 1 / c ** 2);
    });
  });
  return { sigma, covariances, priorSds, logPrior };
}

const halfNormalLog = (x: number, sd: number): number =>
  0.5 * Math.log(2 / Math.PI) - Math.log(sd) - 0.5 * (x / sd) ** 2;
const halfTLog = (x: number, df: number, scale: number): number =>
  Math.LN2 +
  logGamma((df + 1) / 2) -
  logGamma(df / 2) -
  0.5 * Math.log(df * Math.PI) -
  Math.log(scale) -
  ((df + 1) / 2) * Math.log1p((x / scale) ** 2 / df);
const halfCauchyLog = (x: number, scale: number): number =>
  Math.log(2 / Math.PI / scale) - Math.log1p((x / scale) ** 2);

/** log ∫ (1 − ρ²)^(a−1) dρ over (−1, 1), for a in halves up to 2. */
const logBeta = (a: number): number => Math.log({ 1: 2, 1.5: Math.PI / 2, 2: 4 / 3 }[a]!);

/** log N(y; mean, covariance) with every coefficient integrated out, by the dense covariance of all rows. */
function denseLogDensity(
  { rows, y, terms, fixed }: LinearHierarchy,
  sigma: number,
  covariances: readonly Matrix[],
  priorSds: readonly number[],
): number {
  const [term] = terms;
  let groups = groupOfRow(term);
  let design = Array.from({ length: rows }, (_, n) => term.columns.map((column) => column[n]));
  const v = design.map((_, n) => design.map((__, m) => (n === m ? sigma * sigma : 0)));
  for (const [l, level] of term.levels.entries()) {
    const { covariates, covariateCount: q, parent } = level;
    const deviating = deviatingOf(level);
    for (let n = 0; n < rows; n++) {
      const left = covariances[l].map((row) => row.reduce((sum, c, i) => sum + c * design[n][deviating[i]], 0));
      for (let m = 0; m < rows; m++)
        if (groups[n] === groups[m]) v[n][m] += left.reduce((sum, x, i) => sum + x * design[m][deviating[i]], 0);
    }
    const own = groups;
    design = design.map((row, n) =>
      outerPlaces(level).map(({ coefficient, covariate }) => row[coefficient] * covariates[own[n] * q + covariate]),
    );
    groups = groups.map((group) => parent?.[group] ?? 0);
  }
  const { prior } = term.population;
  if (prior.kind !== 'normal') throw new Error('not here');
  for (let n = 0; n < rows; n++) {
    for (let m = 0; m < rows; m++)
      v[n][m] += design[n].reduce((sum, x, i) => sum + priorSds[i] ** 2 * x * design[m][i], 0);
  }
  if (fixed !== undefined) {
    const sds = priorSds.slice(prior.sds.length);
    const columns = Array.from({ length: rows }, (_, n) => [
      ...fixed.dense.map((column) => column[n]),
      ...fixed.categories.flatMap(({ levels, levelOfRow, multiplier }) =>
        Array.from({ length: levels - 1 }, (__, level) => {
          const own = levelOfRow[n] === levels - 1 ? -1 : Number(levelOfRow[n] === level);
          return own * (multiplier?.[n] ?? 1);
        }),
      ),
    ]);
    for (let n = 0; n < rows; n++) {
      for (let m = 0; m < rows; m++)
        v[n][m] += sds.reduce((sum, sd, i) => sum + sd * sd * columns[n][i] * columns[m][i], 0);
    }
  }
  const deviation = design.map((row, n) => y[n] - row.reduce((sum, x, i) => sum + x * prior.means[i], 0));
  const { inverse, logDet } = invert(v);
  const squares = inverse.reduce(
    (sum, row, n) => sum + deviation[n] * row.reduce((dot, x, m) => dot + x * deviation[m], 0),
    0,
  );
  return -0.5 * (rows * Math.log(2 * Math.PI) + logDet + squares);
}

async function densityOf(marginal: Marginal, differentiation?: 'written' | 'automatic') {
  const density = await traceMarginal(marginal, differentiation).compile(cpuDevice(), 1);
  const { dimension, lanes, positions, logDensities, gradients } = density;
  const map = identityMap(dimension);
  for (const { offset, size } of marginal.blocks) {
    map.units.set(unitsOf(size), offset);
    map.bends.set(bendsOf(size), offset);
  }
  setMap(density, map);
  return {
    dimension,
    at: async (position: ArrayLike<number>) => {
      for (let i = 0; i < dimension; i++) positions.fill(position[i], i * lanes, (i + 1) * lanes);
      await density.evaluate();
      const gradient = Float64Array.from({ length: dimension }, (_, i) => gradients[i * lanes]);
      return { value: logDensities[0], gradient };
    },
  };
}

const randomPosition = ({ dimension }: Marginal, seed: string): Float64Array =>
  randomNumbers(seed).normals(dimension, 0.8);

const everyKind = (structure: LinearHierarchy): ScaleKind[][] =>
  (['signed', 'log'] as const).map((kind) => structure.terms[0].levels.map(() => kind));

describe.each(Object.keys(shapes))('%s', (name) => {
  const structure = hierarchyExample({ ...shapes[name], seed: name });

  it.each(everyKind(structure).map((kinds): [string, ScaleKind[]] => [kinds[0], kinds]))(
    '%s scales: is the density of the rows with the coefficients integrated out',
    async (_, kinds) => {
      const marginal = marginalOf(structure, kinds);
      const density = await densityOf(marginal);
      for (const seed of ['a', 'b', 'c']) {
        const position = randomPosition(marginal, name + seed);
        const { sigma, covariances, priorSds, logPrior } = scalesAt(marginal, position);
        const expected = logPrior + denseLogDensity(structure, sigma, covariances, priorSds);
        const { value } = await density.at(position);
        expect(Math.abs(value / expected - 1)).toBeLessThan(1e-12);
      }
    },
  );

  it.each(everyKind(structure).map((kinds): [string, ScaleKind[]] => [kinds[0], kinds]))(
    '%s scales: its gradient is that of differences and of automatic differentiation',
    async (_, kinds) => {
      const marginal = marginalOf(structure, kinds);
      const [density, automatic] = [await densityOf(marginal), await densityOf(marginal, 'automatic')];
      for (const seed of ['a', 'b']) {
        const position = randomPosition(marginal, name + seed);
        expect(await gradientError(density, position, 5e-4)).toBeLessThan(1e-8);
        const { gradient } = await density.at(position);
        const expected = (await automatic.at(position)).gradient;
        const size = Math.max(...expected.map(Math.abs));
        gradient.forEach((g, i) => expect(Math.abs(g - expected[i]) / size).toBeLessThan(1e-10));
      }
    },
  );
});

const withFlatPriors = (structure: LinearHierarchy): LinearHierarchy => ({
  ...structure,
  terms: structure.terms.map((term) => ({
    ...term,
    levels: term.levels.map((level) => ({
      ...level,
      covariance: withPrior(level.covariance, { kind: 'separate', sd: { family: 'flat', parameters: [] }, eta: 1 }),
    })),
  })),
});

describe('extreme scales', () => {
  // Flat priors, whose values do not drown that of the data.
  const structure = withFlatPriors(
    hierarchyExample({ ...shapes['units of one row, and columns of zeros'], seed: 'extremes' }),
  );
  const marginal = marginalOf(structure, ['log', 'log']);

  it.each([-14, -40, Math.log(1e4)])('log scales of %f', async (log) => {
    const density = await densityOf(marginal);
    const position = randomPosition(marginal, 'extremes');
    for (const { name, offset, size } of marginal.blocks)
      if (name.startsWith('sds')) position.fill(log, offset, offset + size);
    const { sigma, covariances, priorSds, logPrior } = scalesAt(marginal, position);
    const expected = logPrior + denseLogDensity(structure, sigma, covariances, priorSds);
    const { value } = await density.at(position);
    // The reference inverts a matrix with condition number τ² and loses digits by itself.
    expect(Math.abs(value / expected - 1)).toBeLessThan(log > 0 ? 1e-9 : 1e-12);
    expect(await gradientError(density, position, 5e-4)).toBeLessThan(1e-8);
  });

  it('signed scales pass through 0', async () => {
    const signed = marginalOf(structure, ['signed', 'signed']);
    const density = await densityOf(signed);
    const position = randomPosition(signed, 'zero');
    const { offset } = signed.blocks.find(({ name }) => name === 'sds_0_0')!;
    position[offset] = 0;
    const at = await density.at(position);
    expect([at.value, ...at.gradient].every(Number.isFinite)).toBe(true);
    const [above, below] = [1e-9, -1e-9].map((x) => Float64Array.from(position, (old, i) => (i === offset ? x : old)));
    expect((await density.at(above)).value).toBeCloseTo(at.value, 6);
    expect((await density.at(below)).value).toBeCloseTo(at.value, 6);
  });
});
