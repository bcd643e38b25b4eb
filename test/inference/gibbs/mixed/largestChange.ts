// Getting it right (Geweke 2004): values from the prior, data given them, then sweeps, which must leave the prior as it is.
import { expect } from 'vitest';
import { drawHierarchy } from '../../../../src/inference/calibration/drawHierarchy.js';
import { type ChainValues, packValues } from '../../../../src/inference/gibbs/chainValues.js';
import { hasFewRows, mostRows } from '../../../../src/inference/gibbs/polyaGamma/fewRows.js';
import { samplerOf } from '../../../../src/inference/gibbs/sampler.js';
import { drawNormal } from '../../../../src/inference/random/distributions.js';
import { PhiloxStream, randomKey, type RandomStream, stepKey } from '../../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../../src/kernels/cpu/cpuDevice.js';
import { declaredModel } from '../../../../src/models/linearHierarchy/declaredModel.js';
import type { GeneralisedHierarchy } from '../../../../src/models/linearHierarchy/structure.js';
import { isThorough } from '../../../thorough.js';
import { copyOf } from '../density.js';
import { withResponse } from './example.js';

const [sweeps, lanes] = [3, isThorough ? 6 : 4];
/** Replications, each of which compiles its programs, and the standard errors that one statistic in 30,000 is off (Student's t). */
export const all = { replications: 100, limit: 4.35 };
export const usual = isThorough ? all : { replications: 34, limit: 4.8 };

/** Functions of scales and coefficients, all but bounded: means over few replications are about normal. */
function statistics({ sigma, terms, fixed }: ChainValues): number[] {
  const log = [sigma, ...terms.flatMap(({ levels }) => levels.flatMap(({ sds }) => [...sds]))].map(Math.log);
  const mean = (x: Float64Array, power: number): number => x.reduce((sum, value) => sum + value ** power, 0) / x.length;
  const squash = (x: number): number => x / (1 + Math.abs(x));
  return [
    ...log.map(Math.atan),
    ...log.map((x) => squash(x * x)),
    ...terms.flatMap(({ levels, population }) => [
      ...population.map(squash),
      ...population.map((x) => squash(x * x)),
      ...levels.flatMap(({ coefficients, lower, factors }) => [
        ...(factors ? factors.loadings.map((x) => squash(x * x)) : []),
        squash(mean(coefficients, 1)),
        squash(mean(coefficients, 2)),
        squash(coefficients[0]),
        ...(lower === undefined ? [] : [lower[lower.length - 2]]),
      ]),
    ]),
    ...(fixed === undefined ? [] : fixed.coefficients.map(squash)),
  ];
}

/** Priors narrow enough that counts stay of a size with which one can reckon. */
export function narrow(structure: GeneralisedHierarchy): GeneralisedHierarchy {
  return {
    ...structure,
    terms: structure.terms.map((term) => ({
      ...term,
      levels: term.levels.map((level) => ({
        ...level,
        covariance:
          'loadings' in level.covariance
            ? {
                ...level.covariance,
                prior: { ...level.covariance.prior, sd: { family: 'gamma', parameters: [6, 12] } },
              }
            : {
                ...level.covariance,
                prior: { kind: 'separate' as const, sd: { family: 'gamma', parameters: [6, 12] }, eta: 2 },
              },
      })),
      population: {
        ...term.population,
        prior: {
          kind: 'normal' as const,
          means: term.population.prior.kind === 'normal' ? term.population.prior.means : [],
          sds: term.population.prior.kind === 'normal' ? term.population.prior.sds.map(() => 0.7) : [],
        },
      },
    })),
  };
}

/** Largest change of a statistic in standard errors over replications, each the mean over lanes. */
export async function largestChange(
  generated: GeneralisedHierarchy,
  believed = generated,
  { replications } = usual,
): Promise<number> {
  const rows: number[][] = [];
  let moved = 0;
  for (let r = 0; r < replications; r++) {
    const stream = new PhiloxStream(randomKey(20), 0, r, 99);
    const truth = withPrecisions(generated, drawHierarchy(generated, stream), stream);
    const random = { uniform: () => stream.uniform(), normal: () => drawNormal(stream) };
    const { y } = withResponse(generated, truth, truth.sigma, random);
    const sampler = samplerOf(declaredModel({ ...believed, y }), 'integrated');
    const sweep = await sampler.compile(cpuDevice(), lanes);
    const learnt = Array.from({ length: lanes }, () => sampler.newLearners());
    const start = (values: ChainValues) => learnt.map((learners, lane) => ({ lane, values: copyOf(values), learners }));
    let chains = start(withPrecisions(generated, drawHierarchy(generated, stream), stream));
    for (let step = 0; step <= sweeps; step++) {
      // Steps and coordinates are learnt in a sweep from another draw of the prior: they may not depend on the values that are swept.
      const progress = { sweep: step, warmup: 0 };
      const keyed = chains.map((chain) => ({ ...chain, progress, key: stepKey(randomKey(r), chain.lane, step) }));
      await sweep.sweep(keyed, sweep.scanned);
      if (step === 0) chains = start(truth);
    }
    await sweep.dispose();
    const before = statistics(truth);
    const after = chains.map(({ values }) => statistics(values));
    for (const { values } of chains) expect(packValues(values).every(Number.isFinite)).toBe(true);
    moved += chains.filter(({ values }) => values.terms[0].levels[0].sds[0] !== truth.terms[0].levels[0].sds[0]).length;
    rows.push(before.map((value, i) => after.reduce((sum, own) => sum + own[i], 0) / lanes - value));
  }
  expect(moved / (replications * lanes)).toBeGreaterThan(0.5);
  const errors = rows[0].map((_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / (rows.length - 1);
    return variance === 0 ? 0 : Math.abs(mean) / Math.sqrt(variance / rows.length);
  });
  return Math.max(...errors);
}

/** With Pólya-Gamma precisions drawn where sweeps hold them: sums of exponentials (Polson, Scott and Windle 2013, equation 1). */
function withPrecisions(structure: GeneralisedHierarchy, values: ChainValues, stream: RandomStream): ChainValues {
  if (!hasFewRows(structure)) return values;
  const [{ columns, rowStart, rowOrder, levels }] = structure.terms;
  const { coefficients } = values.terms[0].levels[0];
  const [{ groups, size }] = levels;
  const rows = mostRows(structure);
  const omega = new Float64Array(groups * rows);
  for (let at = 0; at < omega.length; at++) {
    const g = Math.floor(at / rows);
    const place = rowStart[g] + (at % rows);
    let eta = 0;
    if (place < rowStart[g + 1]) {
      const row = rowOrder?.[place] ?? place;
      for (let k = 0; k < size; k++) eta += columns[k][row] * coefficients[g * size + k];
    }
    omega[at] = drawPrecision(eta, stream);
  }
  return { ...values, omega };
}

function drawPrecision(eta: number, stream: RandomStream): number {
  const terms = 400;
  let sum = 0;
  for (let k = 0; k < terms; k++) sum -= Math.log(stream.uniform()) / ((k + 0.5) ** 2 + (eta / (2 * Math.PI)) ** 2);
  // The rest of the sum is about its mean.
  return (sum + 1 / terms) / (2 * Math.PI ** 2);
}
