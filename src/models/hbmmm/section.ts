// The HBMMM's section of CONFIG.yaml (MISSION §1): consumers in markets, exposures by channel, controls of markets, traits of consumers.
import { z } from 'zod';
import type { SectionRules } from '../../data/configSchema.js';
import { families, isCountFamily } from '../../data/countResponse.js';
import { names, priors, text } from '../../data/schemaParts.js';
import { checkFactors, covarianceOfLevel, covarianceWord } from '../covarianceSection.js';
import { checkShrinkage, shrinkageSchema, slabKeys } from '../shrinkage.js';
import { hbmmmSites } from './priors.js';

const covariances = z.strictObject({
  /** Σ_η: of the effects of consumers. */
  consumer: covarianceOfLevel.default('diagonal'),
  /** T_β: of the mean effects of markets. */
  market: covarianceOfLevel.default('diagonal'),
  /** Σ_γ: of the effects of controls. */
  controls: covarianceOfLevel.default('diagonal'),
});

const schema = z
  .strictObject({
    name: z.literal('hbmmm'),
    response: text,
    family: z.enum(families).default('gaussian'),
    /** Degrees of freedom of Student-t. */
    df: z.number().positive().optional(),
    trials: text.optional(),
    exposure: text.optional(),
    consumer: text,
    market: text,
    time: text.optional(),
    /** X: exposures, whose effects are the consumer's own. */
    channels: names.min(1),
    /** Z: effects of the market. */
    controls: names.default([]),
    /** W: what explains the effects of the channels on a consumer. */
    traits: names.default([]),
    /** true: columns that are not 0/1 are divided by their standard deviation; a list: these; false: none. */
    standardise: z.union([z.boolean(), names]).default(true),
    covariance: z
      .union([covarianceWord.transform((kind) => ({ consumer: kind, market: kind, controls: kind })), covariances])
      .default({ consumer: 'diagonal', market: 'diagonal', controls: 'diagonal' }),
    parametrisation: z.enum(['auto', 'centred', 'noncentred']).default('auto'),
    /** Of the population's effects, and what traits add to them. */
    ...shrinkageSchema,
    priors,
  })
  .superRefine((model, context) => {
    const report = (message: string, path: string) => context.addIssue({ code: 'custom', message, path: [path] });
    const { family } = model;
    if (model.df !== undefined && family !== 'studentT') report(' is of family studentT; leave it out', 'df');
    if (family === 'binomial' && model.trials === undefined)
      report(' is missing: name the column with the trials of each row', 'trials');
    if (model.trials !== undefined && family !== 'binomial') report(' is of family binomial; leave it out', 'trials');
    if (model.exposure !== undefined && family !== 'poisson' && family !== 'negativeBinomial')
      report(' is of families poisson and negativeBinomial; leave it out', 'exposure');
    if (isCountFamily(family) && 'sigma' in model.priors) report(` has sigma, which family ${family} lacks`, 'priors');
    const before: [string, string][] = [[model.response, 'response']];
    for (const key of ['channels', 'controls', 'traits'] as const) {
      for (const name of model[key]) {
        const other = before.find(([known]) => known === name);
        if (other !== undefined) report(` names '${name}', which model.${other[1]} names too; keep one of them`, key);
      }
      before.push(...model[key].map((name): [string, string] => [name, key]));
    }
    const counts = { consumer: model.channels.length, market: model.channels.length, controls: model.controls.length };
    for (const key of ['consumer', 'market', 'controls'] as const) {
      const path = ['covariance', key, 'factors'];
      checkFactors(model.covariance[key], counts[key], (message) =>
        context.addIssue({ code: 'custom', message, path }),
      );
    }
    const shrinkable = counts.consumer * (model.traits.length + 1) + counts.controls;
    checkShrinkage(model, shrinkable, 'population coefficients beside mu_alpha', report);
    if (Array.isArray(model.standardise)) {
      const stray = model.standardise.find((name) => !before.slice(1).some(([known]) => known === name));
      if (stray !== undefined)
        report(` names '${stray}', which is not among channels, controls, traits`, 'standardise');
    }
  });

export type HbmmmSection = z.output<typeof schema>;

export const hbmmmRules: SectionRules<HbmmmSection> = {
  schema,
  subsections: { covariance: Object.keys(covariances.shape), slab: slabKeys },
  priorSites: hbmmmSites,
};
