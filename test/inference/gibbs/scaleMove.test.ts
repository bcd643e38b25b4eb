// The density of the scales with the coefficients integrated out, by the candidate’s formula; coordinates and proposals of its moves.
import { describe, expect, it } from 'vitest';
import { AdaptiveProposal } from '../../../src/inference/gibbs/adaptiveProposal.js';
import { fromCoordinates, scaleDimension, ScaleMove, toCoordinates } from '../../../src/inference/gibbs/scaleMove.js';
import { partialCorrelations } from '../../../src/inference/gibbs/correlations.js';
import { marginalOf, traceMarginal } from '../../../src/inference/marginal/marginalDensity.js';
import { schemes } from '../../../src/inference/gibbs/settings.js';
import { TermBlock } from '../../../src/inference/gibbs/termBlock.js';
import { names } from '../../../src/inference/gibbs/termProgram.js';
import { cholesky } from '../../../src/inference/linearAlgebra.js';
import { drawNormal } from '../../../src/inference/random/distributions.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { copyOf, effectsOf, logDensityOf, randomValues, withNormalErrors } from './density.js';
import { exampleOf, shapes } from './shapes.js';

const streamOf = (step: number): PhiloxStream => new PhiloxStream(randomKey(8), 0, step, 0);

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
  const block = await TermBlock.create(structure, 0, cpuDevice(), 1, schemes.integrated);
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
    const own = await block.logDensityOfScales(values, [], streamOf(2));
    differences.push(density.logDensities[0] - logJacobian - own);
  }
  for (const difference of differences) expect(difference).toBeCloseTo(differences[0], 8);
});

describe.each(movable)('scales of %s', (name) => {
  const structure = withNormalErrors(exampleOf(name));

  // p(scales | y) = p(scales, coefficients | y) / p(coefficients | scales, y); at the mean of the coefficients the latter is the
  // root of the determinant of their precision, which draws from unit noise show column by column.
  it.each(structure.terms.map((_, t) => t))('term %i: candidate’s formula', async (t) => {
    const logDensity = await logDensityOf(structure);
    const block = await TermBlock.create(structure, t, cpuDevice(), 1, schemes.integrated);
    const others = randomValues(structure, 'others');
    const differences: number[] = [];
    for (const seed of ['a', 'b', 'c', 'd']) {
      const values = copyOf(others);
      const scales = randomValues(structure, seed);
      values.sigma = scales.sigma;
      values.terms[t].levels.forEach(({ sds, lower }, j) => {
        sds.set(scales.terms[t].levels[j].sds);
        lower?.set(scales.terms[t].levels[j].lower!);
      });
      const integrated = await block.logDensityOfScales(values, effectsOf(structure, values), streamOf(2));
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
      const { logJacobian } = fromCoordinates(structure.terms[t], toCoordinates(ScaleMove.scalesOf(values, t)))!;
      differences.push(joint + 0.5 * logDeterminant - (integrated - logJacobian));
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

describe('coordinates and proposals', () => {
  it('lead back to the scales', () => {
    const structure = exampleOf('three levels, a group without information');
    const scales = ScaleMove.scalesOf(randomValues(structure, 'back'), 0);
    const [term] = structure.terms;
    const coordinates = toCoordinates(scales);
    expect(coordinates.length).toBe(scaleDimension(term));
    const back = fromCoordinates(term, coordinates)!.scales;
    expect(back.sigma).toBeCloseTo(scales.sigma, 12);
    for (const [j, { sds, lower }] of back.levels.entries()) {
      sds.forEach((sd, i) => expect(sd).toBeCloseTo(scales.levels[j].sds[i], 12));
      lower?.forEach((value, i) => expect(value).toBeCloseTo(scales.levels[j].lower![i], 12));
    }
    expect(fromCoordinates(term, coordinates.with(1, -0.1))).toBeUndefined();
  });

  it('fit what they have seen, and survive a snapshot', () => {
    const stream = streamOf(2);
    const proposal = new AdaptiveProposal(2);
    for (let n = 0; n < 20_000; n++) {
      const z = new Float64Array(2);
      new PhiloxStream(randomKey(1), 0, n, 5).fillNormal(z);
      proposal.observe(Float64Array.of(1 + z[0], -2 + 0.5 * z[0] + 0.1 * z[1]));
    }
    expect(proposal.isFitted).toBe(false);
    expect(Math.abs(proposal.slowest)).toBeLessThan(0.03);
    proposal.refit();
    const draws = Array.from({ length: 20_000 }, () => proposal.drawIndependent(stream));
    const mean = (of: (x: Float64Array) => number): number => draws.reduce((sum, x) => sum + of(x), 0) / draws.length;
    expect(mean((x) => x[0])).toBeCloseTo(1, 1);
    expect(mean((x) => x[1])).toBeCloseTo(-2, 1);
    // Variance of Student's t with six degrees of freedom: 1.5 times that of the scale.
    expect(mean((x) => (x[0] - 1) * (x[1] + 2))).toBeCloseTo(0.75, 1);
    const slow = new AdaptiveProposal(1);
    let x = 0;
    for (let n = 0; n < 5000; n++) slow.observe(Float64Array.of((x = 0.9 * x + drawNormal(stream))));
    expect(slow.slowest).toBeCloseTo(0.9, 1);
    slow.retire();
    slow.refit();
    expect(slow.isFitted).toBe(false);
    const copy = new AdaptiveProposal(2);
    copy.unpack(proposal.pack());
    expect(copy.drawStep(streamOf(3), Float64Array.of(0, 0))).toEqual(
      proposal.drawStep(streamOf(3), Float64Array.of(0, 0)),
    );
    expect(copy.logDensity(draws[0])).toBe(proposal.logDensity(draws[0]));
  });
});
