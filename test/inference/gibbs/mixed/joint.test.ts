// Getting it right (Geweke 2004) with responses through a link: values from the prior, data given them, sweeps leave the prior as it is.
import { describe, expect, it } from 'vitest';
import { drawHierarchy } from '../../../../src/inference/calibration/drawHierarchy.js';
import { type ChainValues, packValues } from '../../../../src/inference/gibbs/chainValues.js';
import { MixedSweep } from '../../../../src/inference/gibbs/mixed/mixedSweep.js';
import { MixedTuning } from '../../../../src/inference/gibbs/mixed/tuning.js';
import { drawNormal } from '../../../../src/inference/random/distributions.js';
import { PhiloxStream, randomKey, stepKey } from '../../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../../src/kernels/cpu/cpuDevice.js';
import { hierarchyModel } from '../../../../src/models/linearHierarchy/hierarchyModel.js';
import type { GeneralisedHierarchy } from '../../../../src/models/linearHierarchy/structure.js';
import type { HierarchyShape } from '../../../models/hierarchyExample.js';
import { copyOf } from '../density.js';
import { type Family, generalisedExample, withResponse } from './example.js';

const [replications, sweeps, lanes] = [100, 3, 6];

/** Logs of scales, their squares, and bounded functions of the coefficients. */
function statistics({ sigma, terms, fixed }: ChainValues): number[] {
  const log = [sigma, ...terms.flatMap(({ levels }) => levels.flatMap(({ sds }) => [...sds]))].map(Math.log);
  const mean = (x: Float64Array, power: number): number => x.reduce((sum, value) => sum + value ** power, 0) / x.length;
  const squash = (x: number): number => x / (1 + Math.abs(x));
  return [
    ...log,
    ...log.map((x) => x * x),
    ...terms.flatMap(({ levels, population }) => [
      ...population,
      ...population.map((x) => x * x),
      ...levels.flatMap(({ coefficients, lower, factors }) => [
        ...(factors ? factors.loadings.map((x) => x * x) : []),
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
function narrow(structure: GeneralisedHierarchy): GeneralisedHierarchy {
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
async function largestChange(generated: GeneralisedHierarchy, believed = generated): Promise<number> {
  const { parameters } = hierarchyModel(generated);
  const rows: number[][] = [];
  for (let r = 0; r < replications; r++) {
    const stream = new PhiloxStream(randomKey(20), 0, r, 99);
    const truth = drawHierarchy(generated, stream);
    const random = { uniform: () => stream.uniform(), normal: () => drawNormal(stream) };
    const { y } = withResponse(generated, truth, truth.sigma, random);
    const sweep = await MixedSweep.create({ ...believed, y }, cpuDevice(), lanes);
    const tunings = Array.from({ length: lanes }, () => MixedTuning.of(believed, parameters));
    const start = (values: ChainValues) => tunings.map((tuning, lane) => ({ lane, values: copyOf(values), tuning }));
    let chains = start(drawHierarchy(generated, stream));
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
    expect(
      chains.filter(({ values }) => values.terms[0].levels[0].sds[0] !== truth.terms[0].levels[0].sds[0]),
    ).not.toEqual([]);
    rows.push(before.map((value, i) => after.reduce((sum, own) => sum + own[i], 0) / lanes - value));
  }
  const errors = rows[0].map((_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / (rows.length - 1);
    return variance === 0 ? 0 : Math.abs(mean) / Math.sqrt(variance / rows.length);
  });
  return Math.max(...errors);
}

const shapes: readonly (readonly [string, Family, HierarchyShape])[] = [
  ['one level', 'poisson', { terms: [{ levels: [{ groups: 7 }] }] }],
  [
    'correlations and covariates',
    'negativeBinomial',
    { terms: [{ slopes: 1, levels: [{ groups: 9, full: true, covariates: 1 }] }] },
  ],
  [
    'three levels',
    'binomial',
    {
      terms: [
        { slopes: 1, levels: [{ groups: 9, full: true, covariates: 1 }, { groups: 3 }], isEmpty: (g) => g === 3 },
      ],
    },
  ],
  [
    'crossed, with a fixed block',
    'bernoulli',
    {
      terms: [{ slopes: 1, levels: [{ groups: 6 }] }, { levels: [{ groups: 4 }] }],
      fixed: { dense: 1, categories: [3] },
    },
  ],
  ['many coefficients', 'bernoulli', { terms: [{ slopes: 8, levels: [{ groups: 5 }] }] }],
  ['factors', 'binomial', { terms: [{ slopes: 2, levels: [{ groups: 8, factors: 1 }] }] }],
];

describe.each(shapes)('%s, %s', (name, family, shape) => {
  it('sweeps leave the joint distribution as it is', { timeout: 240_000 }, async () => {
    const structure = narrow(generalisedExample(family, { ...shape, seed: name }));
    expect(await largestChange(structure)).toBeLessThan(4.2);
  });
});

it('notices sweeps for another prior of the dispersion', { timeout: 240_000 }, async () => {
  const structure = narrow(generalisedExample('negativeBinomial', { terms: [{ levels: [{ groups: 7 }] }] }));
  const { likelihood } = structure;
  const other = {
    ...structure,
    likelihood: { ...likelihood, prior: { family: 'gamma', parameters: [20, 2] } },
  } as GeneralisedHierarchy;
  expect(await largestChange(structure, other)).toBeGreaterThan(6);
});
