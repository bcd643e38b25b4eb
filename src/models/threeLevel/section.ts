// The three-level model's section of CONFIG.yaml (MISSION §1): y on x by occasion, z by unit, w by market.
import { z } from 'zod';
import type { SectionRules } from '../../data/configSchema.js';
import { names, priors, text } from '../../data/schemaParts.js';

const covariance = z.enum(['diagonal', 'full']);
const covariances = z.strictObject({
  product: covariance.default('diagonal'),
  market: covariance.default('diagonal'),
});

const schema = z
  .strictObject({
    name: z.literal('three-level'),
    response: text,
    family: z.enum(['gaussian']).default('gaussian'),
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
      .union([covariance.transform((kind) => ({ product: kind, market: kind })), covariances])
      .default({ product: 'diagonal', market: 'diagonal' }),
    parametrisation: z.enum(['auto', 'centred', 'noncentred']).default('auto'),
    priors,
  })
  .superRefine((model, context) => {
    const report = (message: string, path: string) => context.addIssue({ code: 'custom', message, path: [path] });
    if (model.unit === undefined && model.product === undefined) {
      report(" is missing: name the unit's column, or product and market whose combinations are the units", 'unit');
    }
    if (model.w.length > 0 && model.market === undefined)
      report(' is given without market; name the market column', 'w');
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
  subsections: { covariance: Object.keys(covariances.shape) },
  priorSites: ['sigma', 'gamma', 'delta', 'sigma_u', 'corr_u', 'sigma_v', 'corr_v'],
};
