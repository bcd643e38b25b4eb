// The density of the scales with the coefficients integrated out: by the candidate’s formula, its gradient by differences, and its coordinates.
import { describe, expect, it } from 'vitest';
import type { ChainValues } from '../../../src/inference/gibbs/chainValues.js';
import { partialCorrelations } from '../../../src/inference/gibbs/correlations.js';
import { IntegratedScales, scaleReflections } from '../../../src/inference/gibbs/integratedScales.js';
import { populationMoments } from '../../../src/inference/gibbs/populationPrior.js';
import { logCovariancePrior, logPrior } from '../../../src/inference/gibbs/priorDensity.js';
import { hasSums, RowSums } from '../../../src/inference/gibbs/rowSums.js';
import { fromCoordinates, ScaleMove, toCoordinates } from '../../../src/inference/gibbs/scaleMove.js';
import { schemes } from '../../../src/inference/gibbs/settings.js';
import { TermBlock } from '../../../src/inference/gibbs/termBlock.js';
import { names, staticData } from '../../../src/inference/gibbs/termProgram.js';
import { setMoments } from '../../../src/inference/gibbs/termSums.js';
import { cholesky } from '../../../src/inference/linearAlgebra.js';
import { marginalOf, traceMarginal } from '../../../src/inference/marginal/marginalDensity.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { hasFactors, type LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { randomNumbers } from '../../models/random.js';
import { copyOf, effectsOf, logDensityOf, randomValues, withNormalErrors } from './density.js';
import { exampleOf, shapes, withCovariancePrior } from './shapes.js';

const streamOf = (step: number): PhiloxStream => new PhiloxStream(randomKey(8), 0, step, 0);

/** The density of term t's scales given all else of some values, and of a surrogate's move the log likelihood; both up to a constant. */
async function densityOfScales(structure: LinearHierarchy, t: number, given: ChainValues) {
  const data = staticData(structure, t);
  const density = await IntegratedScales.create(structure, t, cpuDevice(), 1, data);
  const move = await ScaleMove.create(structure, t, cpuDevice(), 1, data);
  const moments = populationMoments(streamOf(2), structure.terms[t].population.prior, given.terms[t]);
  for (const program of [density.program, move.program]) setMoments(program, 0, moments);
  if (hasSums(structure)) {
    const sums = await RowSums.create(structure, t, cpuDevice(), 1, (lane, shift, total) => {
      density.setSums(lane, shift, total);
      move.setSums(lane, shift, total);
    });
    sums.prepare(0, given, effectsOf(structure, given));
    await sums.run();
    await sums.dispose();
  }
  density.begin(0, given, density.informationAt(given));
  const at = async (scalars: Float64Array) => {
    density.set(0, scalars);
    await density.run();
    const gradient = new Float64Array(scalars.length);
    density.gradient(0, gradient);
    return { value: density.value(0), gradient };
  };
  return {
    density,
    at,
    /** Of the natural values: σ, standard deviations, and correlations' factors below their diagonal. */
    natural: async (values: ChainValues): Promise<number> => {
      const scalars = density.scalarsOf(0, values);
      return (await at(scalars)).value - logDeterminantOfMap(density, values, t, scalars);
    },
    logLikelihood: async (values: ChainValues): Promise<number> => {
      move.setScales(0, ScaleMove.scalesOf(values, t));
      await move.program.run();
      return move.logLikelihood(0, values.sigma);
    },
  };
}

/** log |∂(natural values) / ∂(scalars)| by differences. */
function logDeterminantOfMap(density: IntegratedScales, values: ChainValues, t: number, scalars: Float64Array): number {
  const naturalAt = (x: Float64Array): number[] => {
    const moved = copyOf(values);
    density.accept(0, x, moved);
    const all = moved.terms[t].levels.map(({ sds, lower }) => [
      ...sds,
      ...(lower ?? []).filter((_, at) => at % sds.length < Math.floor(at / sds.length)),
    ]);
    return [moved.sigma, ...all.flat()];
  };
  const n = scalars.length;
  const step = 1e-5;
  const columns = Array.from({ length: n }, (_, i) => {
    const [up, down] = [step, -step].map((by) => naturalAt(scalars.map((x, j) => (j === i ? x + by : x))));
    return up.map((x, j) => (x - down[j]) / (2 * step));
  });
  let logDeterminant = 0;
  // By elimination, the largest of a column first.
  for (let i = 0; i < n; i++) {
    const rest = columns.slice(i).sort((a, b) => Math.abs(b[i]) - Math.abs(a[i]));
    columns.splice(i, n - i, ...rest);
    logDeterminant += Math.log(Math.abs(columns[i][i]));
    for (let r = i + 1; r < n; r++) {
      const share = columns[r][i] / columns[i][i];
      columns[r] = columns[r].map((x, j) => x - share * columns[i][j]);
    }
  }
  return logDeterminant;
}

/** Scales of factors are not moved; coefficients that do not deviate have no density. */
const movable = Object.entries(shapes).flatMap(([name, { terms }]) =>
  terms.every(({ levels }) =>
    levels.every(({ factors, deviating }) => factors === undefined && deviating === undefined),
  )
    ? [name]
    : [],
);
const partial = 'coefficients that do not deviate, and regressions on part of the covariates';

it('is the marginal density where coefficients do not deviate', async () => {
  const structure = exampleOf(partial);
  const scales = await densityOfScales(structure, 0, randomValues(structure, 'a'));
  const marginal = marginalOf(
    structure,
    structure.terms[0].levels.map(() => 'log'),
  );
  const density = await traceMarginal(marginal).compile(cpuDevice(), 1);
  const differences: number[] = [];
  for (const seed of ['a', 'b', 'c']) {
    const values = randomValues(structure, seed);
    const { levels } = values.terms[0];
    const theta = [
      Math.log(values.sigma),
      ...levels.flatMap(({ sds, lower }) => [
        ...sds.map(Math.log),
        ...(lower === undefined ? [] : partialCorrelations(lower, sds.length)),
      ]),
    ];
    theta.forEach((x, i) => density.positions.fill(x, i * density.lanes, (i + 1) * density.lanes));
    await density.evaluate();
    const logJacobian = levels.reduce((sum, { sds }) => sum + sds.reduce((own, s) => own + Math.log(s), 0), 0);
    const ofCorrelations = fromCoordinates(
      structure.terms[0],
      toCoordinates(ScaleMove.scalesOf(values, 0)),
    )!.logJacobian;
    differences.push(density.logDensities[0] - logJacobian - ofCorrelations - (await scales.natural(values)));
  }
  for (const difference of differences) expect(difference).toBeCloseTo(differences[0], 6);
});

describe.each(movable)('scales of %s', (name) => {
  const structure = withNormalErrors(exampleOf(name));

  // p(scales | y) = p(scales, coefficients | y) / p(coefficients | scales, y); at the mean of the coefficients the latter is the
  // root of the determinant of their precision, which draws from unit noise show column by column.
  it.each(structure.terms.map((_, t) => t))('term %i: candidate’s formula', async (t) => {
    const logDensity = await logDensityOf(structure);
    const block = await TermBlock.create(structure, t, cpuDevice(), 1, schemes.integrated);
    const others = randomValues(structure, 'others');
    const ofScales = await densityOfScales(structure, t, others);
    const differences: number[] = [];
    for (const seed of ['a', 'b', 'c', 'd']) {
      const values = copyOf(others);
      const scales = randomValues(structure, seed);
      values.sigma = scales.sigma;
      values.terms[t].levels.forEach(({ sds, lower }, j) => {
        sds.set(scales.terms[t].levels[j].sds);
        lower?.set(scales.terms[t].levels[j].lower!);
      });
      const integrated = await ofScales.natural(values);
      const { levels, population } = values.terms[t];
      const blocks = [
        { name: 'noise population', target: population, output: 'population' },
        ...levels.map(({ coefficients }, j) => ({
          name: names.noise(j),
          target: coefficients,
          output: names.coefficients(j),
        })),
      ];
      const size = blocks.reduce((sum, { target }) => sum + target.length, 0);
      const drawn = async (unit: number): Promise<Float64Array> => {
        block.prepare(0, values, effectsOf(structure, values), streamOf(0), streamOf(1));
        let next = 0;
        for (const { name: noise, target } of blocks) {
          block.program.set(
            noise,
            0,
            target.map(() => Number(next++ === unit)),
          );
        }
        await block.run();
        const all: number[] = [];
        for (const { target, output } of blocks) {
          block.program.read(output, 0, target);
          all.push(...target);
        }
        return Float64Array.from(all);
      };
      const columns: Float64Array[] = [];
      for (let unit = 0; unit < size; unit++) columns.push(await drawn(unit));
      const mean = await drawn(-1);
      const covariance = new Float64Array(size * size);
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          for (const column of columns) covariance[i * size + j] += (column[i] - mean[i]) * (column[j] - mean[j]);
      const factor = cholesky(covariance, size)!;
      let logDeterminant = 0;
      for (let i = 0; i < size; i++) logDeterminant += 2 * Math.log(factor[i * size + i]);
      // Positions: what is sampled of the coefficients, and the logs of scales, have Jacobians that natural values lack.
      const joint = (await logDensity(values)) - logJacobianOfPosition(structure, values, t);
      differences.push(joint + 0.5 * logDeterminant - integrated);
    }
    for (const difference of differences) expect(difference).toBeCloseTo(differences[0], 6);
  });
});

/** log |∂(natural values) / ∂(position)| as far as it depends on the scales of term t. */
function logJacobianOfPosition(
  structure: ReturnType<typeof exampleOf>,
  values: ReturnType<typeof randomValues>,
  t: number,
): number {
  const { logJacobian } = fromCoordinates(structure.terms[t], toCoordinates(ScaleMove.scalesOf(values, t)))!;
  return structure.terms[t].levels.reduce((sum, { groups, centring, size }, j) => {
    const { sds, lower } = values.terms[t].levels[j];
    return sds.reduce((own, sd, i) => {
      const scale = sd * (lower?.[i * size + i] ?? 1);
      return own + Math.log(sd) + groups * (1 - centring[i]) * Math.log(scale);
    }, sum);
  }, logJacobian);
}

const covariancePriors: Readonly<Record<string, (size: number) => CovariancePrior>> = {
  huangWand: (size) => ({ kind: 'huangWand', df: 3, scales: Array.from({ length: size }, (_, i) => 0.6 + 0.2 * i) }),
  inverseWishart: (size) => ({ kind: 'inverseWishart', df: size + 4, scale: 2 }),
  'half-t and LKJ': () => ({ kind: 'separate', sd: { family: 'halfStudentT', parameters: [3, 1.5] }, eta: 2 }),
  'log-normal and LKJ': () => ({ kind: 'separate', sd: { family: 'logNormal', parameters: [0.1, 0.8] }, eta: 2 }),
};

describe.each(Object.keys(covariancePriors))('by trajectories, %s', (name) => {
  const structure = withCovariancePrior(
    exampleOf('two levels, slopes and covariates, full below'),
    covariancePriors[name],
  );
  const [term] = structure.terms;
  const values = randomValues(structure, name);

  it('has the gradient of differences', async () => {
    const { density, at } = await densityOfScales(structure, 0, values);
    const random = randomNumbers(name);
    const scalars = density.scalarsOf(0, values).map((x) => x + 0.3 * random.normal());
    const { gradient } = await at(scalars);
    for (const [i, slope] of gradient.entries()) {
      const [up, down] = [1e-5, -1e-5].map((by) => scalars.map((x, j) => (j === i ? x + by : x)));
      expect(slope).toBeCloseTo(((await at(up)).value - (await at(down)).value) / 2e-5, 4);
    }
  });

  it('differs as likelihood and priors of natural values do', async () => {
    const { natural, logLikelihood } = await densityOfScales(structure, 0, values);
    const differences: number[] = [];
    for (const seed of ['a', 'b', 'c']) {
      const other = randomValues(structure, seed);
      let exact = (await logLikelihood(other)) + logPrior(structure.errors.prior, other.sigma);
      for (const [j, { sds, lower }] of other.terms[0].levels.entries()) {
        const { covariance } = term.levels[j];
        if (!hasFactors(covariance)) exact += logCovariancePrior(covariance.prior, sds, lower);
      }
      differences.push((await natural(other)) - exact);
    }
    for (const difference of differences) expect(difference).toBeCloseTo(differences[0], 6);
  });

  it('leads back to the scales, and stays as it is when a spread turns its sign with its correlations', async () => {
    const { density, at } = await densityOfScales(structure, 0, values);
    const scalars = density.scalarsOf(0, values);
    const before = toCoordinates(ScaleMove.scalesOf(values, 0));
    const reflections = scaleReflections(term);
    expect(reflections.length > 0).toBe(name === 'huangWand' || name === 'half-t and LKJ');
    for (const { place, along } of [{ place: -1, along: [] }, ...reflections]) {
      const turned = scalars.map((x, i) => (i === place || (along as number[]).includes(i) ? -x : x));
      expect((await at(turned)).value).toBeCloseTo((await at(scalars)).value, 9);
      const back = copyOf(values);
      density.accept(0, turned, back);
      toCoordinates(ScaleMove.scalesOf(back, 0)).forEach((x, i) => expect(x).toBeCloseTo(before[i], 10));
    }
  });
});

it('counts horseshoes that are relative to σ', async () => {
  const structure = withNormalErrors(exampleOf('regularised horseshoes'));
  const values = randomValues(structure, 'relative');
  const { density, at } = await densityOfScales(structure, 0, values);
  const scalars = density.scalarsOf(0, values);
  const { global } = values.fixed!.shrinkage as { global: number };
  const scale = structure.fixed!.prior.horseshoe!.globalScale;
  /** By log σ, with the horseshoe's τ times this. */
  const slope = async (factor: number): Promise<number> => {
    const other = copyOf(values);
    (other.fixed!.shrinkage as { global: number }).global = global * factor;
    density.begin(0, other, density.informationAt(values));
    return (await at(scalars)).gradient[0];
  };
  /** d/dlog σ of log p(τ | σ), half-Cauchy. */
  const exact = (factor: number): number => {
    const square = ((global * factor) / (scale * values.sigma)) ** 2;
    return (2 * square) / (1 + square) - 1;
  };
  expect((await slope(1)) - (await slope(0.2))).toBeCloseTo(exact(1) - exact(0.2), 8);
});
