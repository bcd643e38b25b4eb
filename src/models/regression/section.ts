// The regression's section of CONFIG.yaml: one response on many columns and categories, with or without shrinkage.
import { z } from 'zod';
import type { SectionRules } from '../../data/configSchema.js';
import { names, priors, text } from '../../data/schemaParts.js';
import { checkShrinkage, shrinkageSchema, slabKeys } from '../shrinkage.js';

const schema = z
  .strictObject({
    name: z.literal('regression'),
    response: text,
    family: z.enum(['gaussian', 'studentT']).default('gaussian'),
    /** Degrees of freedom of Student's t. */
    df: z.number().gt(1).default(4),
    x: names.default([]),
    /** Columns of labels, each a set of effects that sum to zero. */
    categories: names.default([]),
    standardise: z.union([z.boolean(), names]).default(true),
    ...shrinkageSchema,
    priors,
  })
  .superRefine((model, context) => {
    const report = (message: string, key: string) => context.addIssue({ code: 'custom', message, path: [key] });
    if (model.x.length + model.categories.length === 0)
      report(' is empty; name at least one column, or a category', 'x');
    if (model.x.includes(model.response))
      report(` holds the response '${model.response}'; a predictor must differ`, 'x');
    const both = model.categories.find((name) => model.x.includes(name) || name === model.response);
    if (both !== undefined) report(` names '${both}', which has another role already`, 'categories');
    if (Array.isArray(model.standardise)) {
      const stray = model.standardise.find((name) => !model.x.includes(name));
      if (stray !== undefined) report(` names '${stray}', which is not among x`, 'standardise');
    }
    checkShrinkage(model, model.x.length, 'columns of x', report);
  });

export type RegressionSection = z.output<typeof schema>;

export const regressionRules: SectionRules<RegressionSection> = {
  schema,
  subsections: { slab: slabKeys },
  priorSites: ['sigma', 'coefficient', 'intercept'],
};
