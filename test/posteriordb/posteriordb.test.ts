// User-defined models against the reference draws of posteriordb: means and standard deviations within 4 combined MCSE.
import { describe, expect, it } from 'vitest';
import { essBulk, rhat } from '../../src/diagnostics/index.js';
import { fit, type FitOptions } from '../../src/inference/fit.js';
import type { MethodName } from '../../src/inference/methods/method.js';
import type { Model } from '../../src/models/model.js';
import { densityOf } from '../models/evaluateModel.js';
import { randomNumbers } from '../models/random.js';
import {
  type Diamonds,
  diamonds,
  diamondsByFactors,
  diamondsDeclared,
  type EightSchools,
  eightSchoolsCentred,
  eightSchoolsNoncentred,
  type Kidiq,
  kidiqInteraction,
} from '../../scripts/posteriordb/models.js';
import { compare } from '../../scripts/posteriordb/comparison.js';
import { type Element, elementOf } from '../../scripts/posteriordb/declared.js';
import { collection, lacksPosteriordb } from './shared.js';
import { firstOf, isThorough } from '../thorough.js';

interface Fit {
  readonly method: MethodName;
  readonly seeds: readonly number[];
  readonly options?: FitOptions;
  /** Where the method needs the model declared in another way. */
  readonly model?: () => Model;
}

interface Posterior {
  readonly name: string;
  readonly reference: string;
  readonly model: () => Model;
  readonly elements?: Readonly<Record<string, Element>>;
  readonly fits: readonly Fit[];
}

const read = <T>(name: string): T => collection.readData(name) as T;
const referenceOf = (name: string) => collection.readReferenceDraws(name)!;
const dense = { metric: { kind: 'dense' } } as const;
/** For ChEES: fewer chains than usual with more draws each, which R̂ of single chains wants. */
const ensemble = { chains: 16, warmup: 1000, draws: 500 };
const declaredDiamonds = () => diamondsDeclared(read<Diamonds>('diamonds'));

const posteriors: Posterior[] = [
  {
    // Not by gibbs or marginal: each school's error has a known standard deviation of its own, where a declared hierarchy has one σ
    // with a prior.
    name: 'eight schools',
    reference: 'eight_schools-eight_schools_noncentered',
    model: () => eightSchoolsNoncentred(read<EightSchools>('eight_schools')),
    fits: [
      { method: 'nuts', seeds: [1, 2, 3, 4] },
      { method: 'hmc', seeds: firstOf([1, 2]) },
      { method: 'chees', seeds: firstOf([1, 2]), options: ensemble },
    ],
  },
  {
    // Not by gibbs or marginal: the priors of the coefficients are flat, those of a declared fixed block normal.
    name: 'kidiq with interaction',
    reference: 'kidiq-kidscore_interaction',
    model: () => kidiqInteraction(read<Kidiq>('kidiq')),
    // Raw predictors: coefficients correlate beyond 0.98, and a diagonal metric takes 16 times the gradients per draw.
    fits: [
      { method: 'nuts', seeds: [1, 2, 3, 4], options: dense },
      { method: 'hmc', seeds: firstOf([1, 2]), options: dense },
      // Scales by which the predictors differ a hundredfold: its short warm-up needs chains that start near the posterior.
      {
        method: 'chees',
        seeds: firstOf([1, 2]),
        options: { ...dense, ...ensemble, initial: { centre: [0, 0, 0, 0, Math.log(20)], radius: 0.1 } },
      },
    ],
  },
  {
    name: 'diamonds',
    reference: 'diamonds-diamonds',
    model: () => diamonds(read<Diamonds>('diamonds')),
    elements: { Intercept: ['intercept', 0] },
    fits: [
      // Correlated predictors want the dense metric; until it is learnt trees run into any limit, so a low one saves three
      // quarters of the warm-up. Draws take 15 leapfrogs, far from the limit of 63: checked below.
      { method: 'nuts', seeds: firstOf([1, 2]), options: { ...dense, maxTreeDepth: 6 } },
      { method: 'hmc', seeds: isThorough ? [1] : [], options: { ...dense, hmc: { maxLeapfrogSteps: 63 } } },
      // A start near the posterior, as for kidiq.
      {
        method: 'chees',
        seeds: firstOf([1, 2]),
        model: () => diamondsByFactors(read<Diamonds>('diamonds')),
        options: { ...dense, ...ensemble, initial: { centre: [...Array<number>(24).fill(0), 8, 0], radius: 0.1 } },
      },
      { method: 'gibbs', seeds: firstOf([1, 2]), model: declaredDiamonds },
      { method: 'marginal', seeds: firstOf([1, 2]), model: declaredDiamonds },
    ],
  },
];

const cases = posteriors.flatMap(({ fits, ...posterior }) =>
  fits.flatMap(({ seeds, ...own }) => seeds.map((seed) => ({ ...posterior, ...own, seed }))),
);

describe.skipIf(lacksPosteriordb)('posteriordb', { timeout: 180_000 }, () => {
  it.each(cases)('$name by $method, seed $seed', async ({ reference, model, method, elements, seed, options }) => {
    const posterior = await fit(model(), { ...options, method, seed });
    expect(posterior.efforts.reduce((sum, { hamiltonian }) => sum + (hamiltonian?.maxTreeDepthHits ?? 0), 0)).toBe(0);
    for (const [name, draws] of referenceOf(reference)) {
      const own = posterior.element(...elementOf(posterior.model, name, elements));
      expect(rhat(own), name).toBeLessThan(1.01);
      expect(essBulk(own), name).toBeGreaterThan(400);
      const { mean, sd } = compare(own, draws);
      expect(Math.abs(mean), `mean of ${name}, in MCSE`).toBeLessThan(4);
      expect(Math.abs(sd), `sd of ${name}, in MCSE`).toBeLessThan(4);
    }
  });

  it('the comparison catches a wrong prior', async () => {
    // Scale 10 in place of 5 for tau and mu: a density close by that the comparison must tell apart.
    const right = eightSchoolsNoncentred(read<EightSchools>('eight_schools'));
    const wrong: Model = {
      ...right,
      logPrior: (p, d) => right.logPrior({ ...p, mu: p.mu.mul(0.5), tau: p.tau.mul(0.5) }, d),
    };
    const posterior = await fit(wrong, { method: 'nuts', seed: 1 });
    const reference = referenceOf('eight_schools-eight_schools_noncentered');
    expect(Math.abs(compare(posterior.element('mu'), reference.get('mu')!).sd)).toBeGreaterThan(4);
  });

  it('eight schools is one density, centred or not', async () => {
    const data = read<EightSchools>('eight_schools');
    const [centred, noncentred] = [
      await densityOf(eightSchoolsCentred(data)),
      await densityOf(eightSchoolsNoncentred(data)),
    ];
    const random = randomNumbers('eight schools');
    for (let repeat = 0; repeat < 5; repeat++) {
      const [mu, logTau, z] = [5 * random.normal(), random.normal(), random.normals(data.J)];
      const theta = z.map((value) => mu + Math.exp(logTau) * value);
      const a = await noncentred.at([mu, logTau, ...z]);
      const b = await centred.at([mu, logTau, ...theta]);
      expect(a.value - b.value).toBeCloseTo(data.J * logTau, 10);
    }
  });
});
