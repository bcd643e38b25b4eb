// Scales proposed by a surrogate: coordinates, its density, and many groups with few rows each, where Gibbs sweeps alone hardly move the scales.
import { describe, expect, it } from 'vitest';
import { essBulk, mcseMean, mcseSd, rhat } from '../../../src/diagnostics/index.js';
import type { Draw } from '../../../src/inference/chain.js';
import { fit } from '../../../src/inference/fit.js';
import { logCovariancePrior, logPrior } from '../../../src/inference/gibbs/priorDensity.js';
import { GibbsRun } from '../../../src/inference/gibbs/run.js';
import { fromCoordinates, type Scales, ScaleMove, toCoordinates } from '../../../src/inference/gibbs/scaleMove.js';
import type { GibbsSettings } from '../../../src/inference/gibbs/settings.js';
import type { GibbsSnapshot } from '../../../src/inference/gibbs/snapshot.js';
import {
  coordinatesAt,
  coordinatesOf,
  displacementsOf,
  logJacobianOfDisplacements,
  type Reference,
  scalesAt,
} from '../../../src/inference/gibbs/surrogate/coordinates.js';
import { compileSurrogate, surrogateNames } from '../../../src/inference/gibbs/surrogate/program.js';
import { ScaleSurrogate, suitsSurrogate } from '../../../src/inference/gibbs/surrogate/scaleSurrogate.js';
import { slide } from '../../../src/inference/gibbs/surrogate/slide.js';
import {
  evaluateAt,
  setSurrogates,
  trajectoryLength,
  walk,
  type Walker,
} from '../../../src/inference/gibbs/surrogate/walk.js';
import { cholesky } from '../../../src/inference/linearAlgebra.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { sizeOf } from '../../../src/kernels/program/tensorProgram.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { groupOfRow } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import { hasFactors, type LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../../src/models/model.js';
import { type HierarchyShape, hierarchyExample } from '../../models/hierarchyExample.js';
import { randomNumbers } from '../../models/random.js';
import { randomValues } from './density.js';
import { exampleOf, withCovariancePrior } from './shapes.js';
import { firstOf } from '../../thorough.js';

const covariancePriors: Readonly<Record<string, (size: number) => CovariancePrior>> = {
  huangWand: (size) => ({ kind: 'huangWand', df: 3, scales: Array.from({ length: size }, (_, i) => 0.6 + 0.2 * i) }),
  inverseWishart: (size) => ({ kind: 'inverseWishart', df: size + 4, scale: 2 }),
  separate: () => ({ kind: 'separate', sd: { family: 'halfStudentT', parameters: [3, 1.5] }, eta: 2 }),
};

describe.each(Object.keys(covariancePriors))('%s', (kind) => {
  const structure = withCovariancePrior(
    exampleOf('two levels, slopes and covariates, full below'),
    covariancePriors[kind],
  );
  const [term] = structure.terms;
  const scalesOf = (seed: string): Scales => ScaleMove.scalesOf(randomValues(structure, seed), 0);
  const origin = scalesOf('reference');
  const reference: Reference = {
    sigma: origin.sigma,
    factors: origin.levels.map(({ sds, lower }) =>
      lower === undefined ? sds : lower.map((x, at) => x * sds[Math.floor(at / sds.length)]),
    ),
  };
  const expectSame = (a: Scales, b: Scales): void => {
    const [x, y] = [a, b].map(toCoordinates);
    x.forEach((own, i) => expect(own).toBeCloseTo(y[i], 10));
  };

  it('has coordinates and displacements that lead back', () => {
    const scales = scalesOf('others');
    const x = coordinatesOf(term, reference, scales);
    expectSame(scalesAt(term, reference, x), scales);
    expectSame(scalesAt(term, reference, coordinatesAt(term, displacementsOf(term, x))), scales);
    expect(coordinatesOf(term, reference, origin).every((own) => Math.abs(own) < 1e-12)).toBe(true);
  });

  it('has the Jacobian of displacements, and no coordinates where a variance would not be positive', () => {
    const jacobians = ['a', 'b'].map((seed) => {
      const x = coordinatesOf(term, reference, scalesOf(seed));
      return logJacobianOfDisplacements(term, x) - logJacobian(x, (at) => displacementsOf(term, at));
    });
    expect(jacobians[0]).toBeCloseTo(jacobians[1], 6);
    const displacements = displacementsOf(term, coordinatesOf(term, reference, origin));
    for (let i = 1; i < displacements.length; i++)
      expect(coordinatesAt(term, displacements.with(i, -1.5)).some(Number.isNaN)).toBe(true);
  });

  it('has the same density by slices alone as by walks', async () => {
    const lanes = 4;
    const program = await compileSurrogate(structure, 0, cpuDevice(), lanes);
    const random = randomNumbers(`slices ${kind}`);
    const surrogate = new ScaleSurrogate(term, structure.rows);
    surrogate.begin(origin, { sweep: 1, warmup: 100 });
    const n = surrogate.dimension;
    for (let i = 0; i < n; i++) {
      surrogate.slopes[i] = 0.5 * random.normal();
      surrogate.curvature[i * (n + 1)] = 30;
      for (let j = 0; j < i; j++) surrogate.curvature[i * n + j] = surrogate.curvature[j * n + i] = random.normal() / n;
      surrogate.round[i * (n + 1)] = 0.15;
    }
    surrogate.logStep = Math.log(0.6);
    const walkersOf = (first: number): Walker[] =>
      Array.from({ length: lanes }, (_, lane) => ({
        lane,
        surrogate,
        stream: new PhiloxStream(randomKey(`slices ${kind}`), first + lane, 0, 0),
        x: new Float64Array(n),
      }));
    const draws = { slices: [] as Float64Array[][], walks: [] as Float64Array[][] };
    const sliding = walkersOf(0);
    setSurrogates(program, sliding);
    let places = await evaluateAt(
      program,
      sliding,
      sliding.map(({ x }) => x),
    );
    const walking = walkersOf(lanes);
    for (let draw = 0; draw < 3000; draw++) {
      for (let i = 0; i < 6; i++) places = await slide(program, sliding, places);
      draws.slices.push(places.map(({ x }) => x));
      await walk(program, walking, { trajectories: 1, length: trajectoryLength });
      draws.walks.push(walking.map(({ x }) => x));
    }
    await program.dispose();
    const chainsOf = (all: readonly (readonly Float64Array[])[], i: number): Float64Array[] =>
      Array.from({ length: lanes }, (_, lane) => Float64Array.from(all.slice(200), (own) => own[lane][i]));
    for (let i = 0; i < n; i++) {
      const [a, b] = [chainsOf(draws.slices, i), chainsOf(draws.walks, i)];
      const mean = (own: readonly Float64Array[]): number =>
        own.reduce((sum, chain) => sum + chain.reduce((total, x) => total + x, 0) / chain.length, 0) / own.length;
      expect(rhat(a)).toBeLessThan(1.05);
      expect(Math.abs(mean(a) - mean(b)) / Math.hypot(mcseMean(a), mcseMean(b)), `${i}`).toBeLessThan(4);
    }
  });

  it('has the density of the priors and the quadratic', async () => {
    const program = await compileSurrogate(structure, 0, cpuDevice(), 1);
    const n = coordinatesOf(term, reference, origin).length;
    const random = randomNumbers('quadratic');
    const slopes = random.normals(n);
    const curvature = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) curvature[i * n + j] = curvature[j * n + i] = random.normal();
    program.setScalar(surrogateNames.sigma, 0, reference.sigma);
    reference.factors.forEach((factor, j) => program.set(surrogateNames.factor(j), 0, factor));
    program.set(surrogateNames.slopes, 0, slopes);
    program.set(surrogateNames.curvature, 0, curvature);
    const differences: number[] = [];
    for (const seed of ['a', 'b', 'c', 'd']) {
      const scales = scalesOf(seed);
      const x = coordinatesOf(term, reference, scales);
      program.set(surrogateNames.coordinates, 0, x);
      await program.run();
      const q = displacementsOf(term, x);
      let quadratic = 0;
      for (let i = 0; i < n; i++) {
        quadratic += slopes[i] * q[i];
        for (let j = 0; j < n; j++) quadratic -= 0.5 * curvature[i * n + j] * q[i] * q[j];
      }
      expect(program.readScalar('quadratic', 0)).toBeCloseTo(quadratic, 8);
      let priors = logPrior(structure.errors.prior, scales.sigma);
      for (const [j, { sds, lower }] of scales.levels.entries()) {
        const { covariance } = term.levels[j];
        if (!hasFactors(covariance)) priors += logCovariancePrior(covariance.prior, sds, lower);
      }
      const other = toCoordinates(scales);
      priors +=
        fromCoordinates(term, other)!.logJacobian +
        logJacobian(x, (at) => toCoordinates(scalesAt(term, reference, at)));
      differences.push(program.readScalar('value', 0) - quadratic - priors);
    }
    for (const difference of differences) expect(difference).toBeCloseTo(differences[0], 5);
    await program.dispose();
  });
});

/** log |∂f/∂x| by differences. */
function logJacobian(x: Float64Array, f: (x: Float64Array) => Float64Array): number {
  const n = x.length;
  const step = 1e-5;
  const columns = Array.from(x, (own, i) => {
    const [above, below] = [f(x.with(i, own + step)), f(x.with(i, own - step))];
    return above.map((value, j) => (value - below[j]) / (2 * step));
  });
  const gram = Float64Array.from({ length: n * n }, (_, at) =>
    columns[Math.floor(at / n)].reduce((sum, value, j) => sum + value * columns[at % n][j], 0),
  );
  const factor = cholesky(gram, n)!;
  return columns.reduce((sum, _, i) => sum + Math.log(factor[i * n + i]), 0);
}

/** Effects of groups that are small beside the errors, correlated. */
function weakEffects(shape: HierarchyShape): LinearHierarchy {
  const structure = hierarchyExample(shape);
  const random = randomNumbers(`weak ${shape.seed}`);
  const [term] = structure.terms;
  const k = term.columns.length;
  const coefficients = Array.from({ length: term.levels[0].groups }, () => random.normal()).flatMap((z) =>
    Array.from({ length: k }, (_, i) => 0.5 - 0.4 * i + 0.25 * (0.6 * z + 0.8 * random.normal())),
  );
  const y = Float64Array.from(groupOfRow(term), (group, row) =>
    term.columns.reduce((sum, x, i) => sum + x[row] * coefficients[group * k + i], random.normal()),
  );
  return { ...structure, y };
}

type Fitted = Awaited<ReturnType<typeof fit>>;

const momentsOf = (chains: readonly Float64Array[]): { readonly mean: number; readonly sd: number } => {
  const all = chains.flatMap((chain) => [...chain]);
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
  return { mean, sd: Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length) };
};

/** Every scalar of sites by whose names it is compared. */
function scalarsOf(model: Model, fitted: Fitted, isCompared: (site: string) => boolean) {
  return model.sites
    .filter(({ name }) => isCompared(name))
    .flatMap(({ name, shape }) => Array.from({ length: sizeOf(shape) }, (_, i) => fitted.element(name, i)))
    .filter((chains) => momentsOf(chains).sd > 1e-12);
}

const isPopulation = (site: string): boolean => !site.startsWith('coefficients');
const weak = {
  'one level, correlated': {
    terms: [{ slopes: 2, levels: [{ groups: 2000, full: true }], rowsOf: (g: number) => 4 + (g % 5) }],
  },
  'fixed columns, independent': {
    terms: [{ slopes: 1, levels: [{ groups: 2200 }], rowsOf: (g: number) => 3 + (g % 4) }],
    fixed: { dense: 1, categories: [4] },
  },
} as const;

describe.each(Object.keys(weak) as (keyof typeof weak)[])('%s', (name) => {
  it.each(firstOf([1, 2, 3]))(
    'agrees with marginal NUTS, and mixes: data set %i',
    { timeout: 240_000 },
    async (seed) => {
      const structure = weakEffects({ ...weak[name], seed: `${name} ${seed}` });
      expect(suitsSurrogate(structure, 0)).toBe(true);
      const model = declaredModel(structure);
      const gibbs = await fit(model, { method: 'gibbs', warmup: 300, draws: 700, seed });
      const marginal = await fit(model, { method: 'marginal', draws: 700, seed });
      const [a, b] = [gibbs, marginal].map((fitted) => scalarsOf(model, fitted, isPopulation));
      // Of 2,800 draws.
      expect(Math.min(...a.map(essBulk))).toBeGreaterThan(700);
      for (const [i, x] of a.entries()) {
        expect(rhat(x)).toBeLessThan(1.02);
        const [own, other] = [momentsOf(x), momentsOf(b[i])];
        expect(Math.abs(own.mean - other.mean) / Math.hypot(mcseMean(x), mcseMean(b[i]))).toBeLessThan(4.5);
        expect(Math.abs(own.sd - other.sd) / Math.hypot(mcseSd(x), mcseSd(b[i]))).toBeLessThan(4.5);
      }
    },
  );
});

it('is not for few groups, nor for factors', () => {
  for (const name of ['two levels, slopes and covariates, full below', 'factors at both levels'])
    expect(suitsSurrogate(exampleOf(name), 0)).toBe(false);
});

it('gives the draws of an unbroken run when resumed, and of the whole run to a part', { timeout: 60_000 }, async () => {
  const model = declaredModel(weakEffects({ ...weak['one level, correlated'], seed: 'resumed' }));
  const settings: GibbsSettings = { chains: 2, warmup: 100, draws: 10, seed: 3 };
  const drawsOf = async (own: GibbsSettings, resume?: GibbsSnapshot, stopAt?: number) => {
    const draws: number[][][] = [[], []];
    const abort = new AbortController();
    let handed = 0;
    const onDraw = ({ chain, phase, position }: Draw): void => {
      if (phase === 'sampling') draws[chain].push([...position]);
      if (++handed === stopAt) abort.abort();
    };
    const { snapshot } = await new GibbsRun(model, own, { onDraw }, { resume, signal: abort.signal }).run();
    return { draws, snapshot };
  };
  const whole = await drawsOf(settings);
  expect(whole.draws.map(({ length }) => length)).toEqual([10, 10]);
  const unmoved = await drawsOf({ ...settings, scheme: 'collapsedInterweaved' });
  for (const [chain, draws] of whole.draws.entries()) expect(draws).not.toEqual(unmoved.draws[chain]);
  // After 20 sweeps of both chains, between two renewals.
  const { snapshot } = await drawsOf(settings, undefined, 40);
  const resumed = await drawsOf(settings, JSON.parse(JSON.stringify(snapshot)) as GibbsSnapshot);
  expect(resumed.draws).toEqual(whole.draws);
  const part = await drawsOf({ ...settings, part: { first: 1, count: 1 } });
  expect(part.draws[1]).toEqual(whole.draws[1]);
});
