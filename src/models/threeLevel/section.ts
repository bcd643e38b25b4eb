// The three-level model's section of CONFIG.yaml (MISSION §1): the response on x by occasion, z by unit, w by market.
import { z } from 'zod';
import { families, isCountFamily } from '../../data/countResponse.js';
import type { SectionRules } from '../../data/configSchema.js';
import { names, priors, text } from '../../data/schemaParts.js';
import { checkFactors, covarianceOfLevel, covarianceWord } from '../covarianceSection.js';
import { checkShrinkage, shrinkageSchema, slabKeys } from '../shrinkage.js';
import { sitesWithPriors } from './priors.js';

const covariances = z.strictObject({
  product: covarianceOfLevel.default('diagonal'),
  market: covarianceOfLevel.default('diagonal'),
});

const schema = z
  .strictObject({
    name: z.literal('three-level'),
    response: text,
    family: z.enum(families).default('gaussian'),
    /** Degrees of freedom of Student-t. */
    df: z.number().positive().optional(),
    trials: text.optional(),
    exposure: text.optional(),
    unit: text.optional(),
    product: text.optional(),
    market: text.optional(),
    time: text.optional(),
    x: names.default([]),
    z: names.default([]),
    w: names.default([]),
    /** true: continuous predictors; a list: these columns only; false: none. */
    standardise: z.union([z.boolean(), names]).default(true),
    covariance: z
      .union([covarianceWord.transform((kind) => ({ product: kind, market: kind })), covariances])
      .default({ product: 'diagonal', market: 'diagonal' }),
    parametrisation: z.enum(['auto', 'centred', 'noncentred']).default('auto'),
    /** Of the population's coefficients, but for the Intercept's own. */
    ...shrinkageSchema,
    priors,
  })
  .superRefine((model, context) => {
    const report = (message: string, path: string) => context.addIssue({ code: 'custom', message, path: [path] });
    if (model.unit === undefined && model.product === undefined) {
      report(" is missing: name the unit's column, or product and market whose combinations are the units", 'unit');
    }
    if (model.df !== undefined && model.family !== 'studentT') report(' is of family studentT; leave it out', 'df');
    if (model.family === 'binomial' && model.trials === undefined)
      report(' is missing: name the column with the trials of each row', 'trials');
    if (model.trials !== undefined && model.family !== 'binomial')
      report(' is of family binomial; leave it out', 'trials');
    if (model.exposure !== undefined && (!isCountFamily(model.family) || model.family.startsWith('b')))
      report(' is of families poisson and negativeBinomial; leave it out', 'exposure');
    if (model.w.length > 0 && model.market === undefined)
      report(' is given without market; name the market column', 'w');
    const [p, q] = [model.x.length + 1, model.z.length + 1];
    for (const [key, size] of [
      ['product', p],
      ['market', p * q],
    ] as const) {
      const path = ['covariance', key, 'factors'];
      checkFactors(model.covariance[key], size, (message) => context.addIssue({ code: 'custom', message, path }));
    }
    const population = p * q * (model.market === undefined ? 1 : model.w.length + 1) - 1;
    checkShrinkage(model, population, "population coefficients beside the Intercept's", report);
    const predictors = [...model.x, ...model.z, ...model.w];
    for (const key of ['x', 'z', 'w'] as const) {
      if (model[key].includes(model.response))
        report(` holds the response '${model.response}'; a predictor must differ`, key);
    }
    for (const [key, lower] of [
      ['z', 'x'],
      ['w', 'x'],
      ['w', 'z'],
    ] as const) {
      const twice = model[key].find((name) => model[lower].includes(name));
      if (twice !== undefined)
        report(` names '${twice}', which model.${lower} names too; a predictor has one level`, key);
    }
    if (Array.isArray(model.standardise)) {
      const stray = model.standardise.find((name) => !predictors.includes(name));
      if (stray !== undefined) report(` names '${stray}', which is not among x, z, w`, 'standardise');
    }
  });

export type ThreeLevelSection = z.output<typeof schema>;

export const threeLevelRules: SectionRules<ThreeLevelSection> = {
  schema,
  subsections: { covariance: Object.keys(covariances.shape), slab: slabKeys },
  priorSites: sitesWithPriors,
};
