// Getting it right (Geweke 2004): values from the prior, data given them, sweeps from those values leave the prior as it is.
import { describe, expect, it } from 'vitest';
import { type ChainValues, packValues } from '../../../src/inference/gibbs/chainValues.js';
import { type MovedBy, ScaleLearner } from '../../../src/inference/gibbs/scaleLearner.js';
import { ScaleMove, toCoordinates } from '../../../src/inference/gibbs/scaleMove.js';
import { type GibbsScheme, schemes } from '../../../src/inference/gibbs/settings.js';
import { GibbsSweep } from '../../../src/inference/gibbs/sweep.js';
import { PhiloxStream, randomKey, stepKey } from '../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { isPartial } from '../../../src/models/linearHierarchy/links.js';
import { hasFactors, type LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { copyOf } from './density.js';
import { exampleOf, shapes, withCovariancePrior, withErrorPrior } from './shapes.js';
import { drawValues, withResponse } from './simulate.js';
import { everyOther, isThorough } from '../../thorough.js';

const [sweeps, lanes] = [3, isThorough ? 8 : 4];
/** Replications, each of which compiles its programs, and the standard errors that one statistic in 30,000 is off (Student's t). */
const all = { replications: 120, limit: 4.3 };
const usual = isThorough ? all : { replications: 40, limit: 4.7 };

/** Logs of scales, and functions of them and of the coefficients, all but bounded: means over few replications are about normal. */
function statistics({ sigma, terms, fixed }: ChainValues): number[] {
  const log = [sigma, ...terms.flatMap(({ levels }) => levels.flatMap(({ sds }) => [...sds]))];
  for (const { shrinkage } of [...terms, ...(fixed ? [fixed] : [])]) {
    if (shrinkage === undefined) continue;
    if ('sds' in shrinkage) {
      log.push(...shrinkage.sds);
      continue;
    }
    log.push(shrinkage.global, ...shrinkage.local);
    if (Number.isFinite(shrinkage.slab)) log.push(shrinkage.slab);
  }
  const mean = (x: Float64Array, power: number): number => x.reduce((sum, value) => sum + value ** power, 0) / x.length;
  const squash = (x: number): number => x / (1 + Math.abs(x));
  return [
    ...log.map((x) => Math.atan(Math.log(x))),
    ...log.map((x) => squash(Math.log(x) ** 2)),
    ...terms.flatMap(({ levels, population }) => [
      ...population.map(squash),
      ...population.map((x) => squash(x * x)),
      ...levels.flatMap(({ coefficients, lower, factors }) => [
        ...(factors
          ? [...factors.uniques, ...factors.loadings.map((x) => x * x)].map((x) => Math.atan(Math.log(x)))
          : []),
        squash(mean(coefficients, 1)),
        squash(mean(coefficients, 2)),
        ...(lower === undefined ? [] : [lower[lower.length - 2]]),
      ]),
    ]),
    ...(fixed === undefined ? [] : fixed.coefficients.map(squash)),
  ];
}

/** Largest change of a statistic in standard errors over replications, each the mean over lanes. */
async function largestChange(
  generated: LinearHierarchy,
  believed: LinearHierarchy,
  scheme: GibbsScheme,
  movedBy?: MovedBy,
  { replications } = usual,
): Promise<number> {
  const rows: number[][] = [];
  const learners = movedBy && generated.terms.map((_, t) => learnerOf(movedBy, generated, t));
  for (let r = 0; r < replications; r++) {
    const stream = new PhiloxStream(randomKey(20), 0, r, 99);
    const truth = drawValues(stream, generated);
    const { y } = withResponse(stream, generated, truth);
    const sweep = await GibbsSweep.create({ ...believed, y }, cpuDevice(), lanes, schemes[scheme]);
    const chains = Array.from({ length: lanes }, (_, lane) => ({ lane, values: copyOf(truth), learners, progress }));
    for (let step = 0; step < sweeps; step++) {
      const keyed = chains.map((chain) => ({ ...chain, key: stepKey(randomKey(r), chain.lane, step) }));
      await sweep.sweep(keyed, sweep.scanned);
    }
    const isMoved = generated.terms.every(({ levels }) => levels.every(({ covariance }) => !hasFactors(covariance)));
    if (learners !== undefined && isMoved)
      expect(chains.every(({ values }) => values.sigma !== truth.sigma)).toBe(true);
    await sweep.dispose();
    const before = statistics(truth);
    const after = chains.map(({ values }) => statistics(values));
    for (const { values } of chains) expect(packValues(values).every(Number.isFinite)).toBe(true);
    rows.push(before.map((value, i) => after.reduce((sum, own) => sum + own[i], 0) / lanes - value));
  }
  const errors = rows[0].map((_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / (rows.length - 1);
    return Math.abs(mean) / Math.sqrt(variance / rows.length);
  });
  return Math.max(...errors);
}

/** Past its burn-in. */
const progress = { sweep: 1, warmup: 1 };

/** By proposals that fit the prior of the scales, or by trajectories in coordinates in which they are taken for round. */
function learnerOf(movedBy: MovedBy, structure: LinearHierarchy, t: number): ScaleLearner {
  const learner = new ScaleLearner(structure, t);
  learner.begin(movedBy);
  const stream = new PhiloxStream(randomKey(30), t, 0, 98);
  for (let n = 0; n < 300; n++)
    learner.proposal.observe(toCoordinates(ScaleMove.scalesOf(drawValues(stream, structure), t)));
  learner.proposal.refit();
  for (const own of learner.information) own.fill(0.5);
  const { tuning } = learner;
  const { dimension: n } = tuning;
  // Standard deviations of 0.4, that of log σ a quarter of them.
  const hessian = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? (at === 0 ? 100 : 6) : 0));
  tuning.renew(hessian, new Float64Array(n), { sweep: 0, warmup: 1 });
  return learner;
}

const ways: readonly { readonly scheme: GibbsScheme; readonly movedBy?: MovedBy }[] = [
  { scheme: 'plain' },
  { scheme: 'collapsedInterweaved' },
  { scheme: 'integrated', movedBy: 'trajectories' },
  { scheme: 'integrated', movedBy: 'proposals' },
];

describe.each([...Object.keys(shapes).entries()])('%i: %s', (at, name) => {
  // Half of the ways with one shape, the other half with the next.
  const own = everyOther(at % 2 === 0 ? ways : ways.toReversed());
  it.each(own)(
    'sweeps leave the joint distribution as it is: $scheme, $movedBy',
    { timeout: 120_000 },
    async ({ scheme, movedBy }) => {
      const structure = exampleOf(name);
      // Coefficients that do not deviate are not drawn level by level.
      if (scheme === 'plain' && structure.terms.some(isPartial)) return;
      expect(await largestChange(structure, structure, scheme, movedBy)).toBeLessThan(usual.limit);
    },
  );
});

describe.each(['huangWand', 'inverseWishart'] as const)('%s covariances', (kind) => {
  const priorOf = (size: number): CovariancePrior =>
    kind === 'huangWand'
      ? { kind, df: 3, scales: Array.from({ length: size }, (_, i) => 0.6 + 0.2 * i) }
      : { kind, df: size + 4, scale: 2 };
  it.each([
    ['two levels, slopes and covariates, full below', 'trajectories'],
    ['crossed', 'proposals'],
    ['crossed', 'trajectories'],
  ] as const)('%s, %s', { timeout: 60_000 }, async (name, movedBy) => {
    const structure = withCovariancePrior(exampleOf(name), priorOf);
    expect(await largestChange(structure, structure, 'integrated', movedBy)).toBeLessThan(usual.limit);
  });
});

it('notices a sweep for another prior of the errors', { timeout: 60_000 }, async () => {
  const structure = exampleOf('one level');
  const other = withErrorPrior(structure, { family: 'halfNormal', parameters: [0.4] });
  expect(await largestChange(structure, other, 'collapsedInterweaved', undefined, all)).toBeGreaterThan(6);
});
