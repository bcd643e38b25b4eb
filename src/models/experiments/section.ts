// The section of CONFIG.yaml for many experiments: who was treated when, in which campaign, and what effects may depend on.
import { z } from 'zod';
import type { SectionRules } from '../../data/configSchema.js';
import { count, names, priors, text } from '../../data/schemaParts.js';
import { poolable, spreadName } from './poolable.js';
import { checkShrinkage, shrinkageSchema, slabKeys } from '../shrinkage.js';

const schema = z
  .strictObject({
    name: z.literal('experiments'),
    response: text,
    family: z.enum(['gaussian']).default('gaussian'),
    /** 1: treated, 0: control. */
    treatment: text,
    customer: text.optional(),
    campaign: text.optional(),
    /** Whole numbers that count weeks, or dates. */
    week: text.optional(),
    /** Covariates with a coefficient for every customer; without customer effects one for all. */
    x: names.default([]),
    /** Columns of numbers that baseline and effect depend on. */
    moderators: names.default([]),
    /** Columns of labels that baseline and effect depend on. */
    segments: names.default([]),
    /** A column of past usage, cut into classes of equal size that baseline and effect depend on. */
    activity: text.optional(),
    activityClasses: count.min(2).default(7),
    /** Recency of the last treatment crossed with the stock of past ones, made of customer, week and treatment. */
    exposure: z.boolean().default(false),
    /** Share of customers treated in the intervention, made of campaign, week and treatment. */
    share: z.boolean().default(false),
    customerEffects: z.boolean().optional(),
    /** Columns that say one thing of each campaign; its effects are then drawn around a regression on them. */
    campaignAttributes: names.default([]),
    /** Sets whose effects are drawn from a common spread. */
    pooling: z.array(z.enum(poolable)).default([]),
    /** Of levels and moderators. */
    ...shrinkageSchema,
    priors,
  })
  .superRefine((model, context) => {
    const report = (message: string, key: string) => context.addIssue({ code: 'custom', message, path: [key] });
    if (model.exposure && (model.customer === undefined || model.week === undefined))
      report(' needs model.customer and model.week: whose past treatments, and when', 'exposure');
    if (model.share && model.campaign === undefined && model.week === undefined)
      report(' needs model.campaign, model.week or both: what an intervention is', 'share');
    if (model.customerEffects === true && model.customer === undefined)
      report(' needs model.customer: name the column of the customers', 'customerEffects');
    // How many coefficients there are, the data must tell.
    checkShrinkage(model, Infinity, '', report);
    const roles = new Map<string, string>();
    const take = (name: string, key: string): void => {
      const other = roles.get(name);
      if (other !== undefined && other !== key) report(` names '${name}', which is model.${other} already`, key);
      roles.set(name, key);
    };
    for (const key of ['response', 'treatment', 'customer', 'campaign', 'week'] as const) {
      if (model[key] !== undefined) take(model[key], key);
    }
    // Usage may serve as a covariate and as a moderator too; the response and the treatment may not.
    for (const key of ['x', 'moderators', 'segments'] as const) {
      const taken = model[key].find((name) => roles.has(name));
      if (taken !== undefined) report(` names '${taken}', which is model.${roles.get(taken)!} already`, key);
    }
    const { campaignAttributes: attributes } = model;
    if (attributes.length > 0 && model.campaign === undefined)
      report(' needs model.campaign: whose attributes they are', 'campaignAttributes');
    const doubled = attributes.find((name) => roles.has(name) || model.segments.includes(name));
    if (doubled !== undefined) report(` names '${doubled}', which has another role already`, 'campaignAttributes');
    const both = model.segments.find((name) => model.x.includes(name) || model.moderators.includes(name));
    if (both !== undefined) report(` names '${both}', which is a column of numbers already`, 'segments');
    checkPooling(model, (message) => {
      report(message, 'pooling');
    });
    if (model.activity !== undefined && roles.has(model.activity))
      report(` names '${model.activity}', which is model.${roles.get(model.activity)!} already`, 'activity');
  });

/** Reports sets that cannot be pooled: those that there are none of, and those that have another prior. */
function checkPooling(
  { pooling, shrinkage, campaignAttributes, ...model }: ExperimentsSection,
  report: (message: string) => void,
): void {
  const absent = pooling.find((name) => model[name] === undefined || model[name] === false);
  if (absent !== undefined) report(` names ${absent}: it needs model.${absent}`);
  const twice = pooling.find((name, at) => pooling.indexOf(name) < at);
  if (twice !== undefined) report(` names ${twice} twice`);
  if (pooling.length > 0 && shrinkage !== 'none')
    report(' and model.shrinkage are both priors of the effects of levels; keep one of them');
  if (pooling.includes('campaign') && campaignAttributes.length > 0)
    report(' names campaign, whose effects are drawn around model.campaignAttributes already; leave it out');
}

export type ExperimentsSection = z.output<typeof schema>;

export const experimentsRules: SectionRules<ExperimentsSection> = {
  schema,
  subsections: { slab: slabKeys },
  priorSites: ['sigma', 'theta', 'sigma_u', 'corr_u', ...poolable.map(spreadName)],
};
