// The media-mix model's section of CONFIG.yaml.
import { z } from 'zod';
import type { SectionRules } from '../../data/configSchema.js';
import type { MediaMixColumns } from '../../data/mediaMixData.js';
import { count, names, priors, text } from '../../data/schemaParts.js';
import { adstock, adstockForms, conventions } from './adstock.js';
import { families, type MediaMixOptions, pooledBlocks, poolings } from './options.js';
import { sitesWithPriors } from './priors.js';
import { saturationForms } from './saturation.js';

const adstockSection = z.strictObject({
  form: z.enum(adstockForms),
  /** Of the tool whose convention it follows; by default the first that has the form. */
  convention: z.enum(conventions).optional(),
  lags: z.int().min(1).max(104).optional(),
  normalised: z.boolean().optional(),
});

const channel = z.strictObject({
  media: text,
  /** null: nothing was paid, or nothing is known of it. */
  spend: text.nullable().optional(),
});

const timeVariation = z.union([z.literal('gp'), z.strictObject({ knots: count })]);
const timeVarying = z.strictObject({ intercept: timeVariation.optional(), effects: timeVariation.optional() });
const trend = z.strictObject({ changepoints: z.int().min(0).max(50) });
const scale = z.strictObject({ by: z.enum(['all', 'geo']).optional(), response: z.number().gt(0).optional() });
const pooling = z.strictObject(
  Object.fromEntries(pooledBlocks.map((block) => [block, z.enum(poolings).optional()])) as Record<
    (typeof pooledBlocks)[number],
    z.ZodOptional<z.ZodEnum<{ [Word in (typeof poolings)[number]]: Word }>>
  >,
);
const liftTest = z.strictObject({
  channel: text,
  geo: text.optional(),
  media: z.number().min(0),
  change: z.number(),
  lift: z.number(),
  sd: z.number().gt(0),
});

const schema = z
  .strictObject({
    name: z.literal('media-mix'),
    response: text,
    family: z.enum(families).default('gaussian'),
    time: text,
    geo: text.optional(),
    /** A list of spend columns, or by channel its media and spend. */
    channels: z.union([names.min(1), z.record(text, channel)]),
    controls: names.default([]),
    standardise: z.union([z.boolean(), names]).default(true),
    worth: z.union([z.number().gt(0), text]).default(1),
    adstock: z
      .union([z.enum(adstockForms).transform((form): z.output<typeof adstockSection> => ({ form })), adstockSection])
      .default({ form: 'geometric' }),
    saturation: z.enum(saturationForms).default('logistic'),
    first: z.enum(['adstock', 'saturation']).default('adstock'),
    seasonality: z.int().min(0).max(26).default(0),
    trend: z
      .union([
        z.literal('none').transform(() => null),
        z.literal('linear').transform(() => ({ changepoints: 0 })),
        trend,
      ])
      .default(null),
    timeVarying: timeVarying.default({}),
    scale: scale.default({}),
    pooling: pooling.default({}),
    effectPrior: z.enum(['coefficient', 'roi']).default('coefficient'),
    liftTests: z.array(liftTest).default([]),
    priors,
  })
  .superRefine((model, context) => {
    const report = (message: string, path: string) => context.addIssue({ code: 'custom', message, path: [path] });
    try {
      adstock(model.adstock.form, model.adstock);
    } catch (error) {
      report(`: ${(error as Error).message}`, 'adstock');
    }
    if (!Array.isArray(model.channels) && Object.keys(model.channels).length === 0)
      report(' is empty; name a channel', 'channels');
    const media = channelsOf(model.channels).map((own) => own.media);
    if ([...media, ...model.controls].includes(model.response))
      report(` holds the response '${model.response}'; a channel or control must differ`, 'channels');
    const twice = model.controls.find((name) => media.includes(name));
    if (twice !== undefined) report(` names '${twice}', which model.channels names too; keep one`, 'controls');
    if (Array.isArray(model.standardise)) {
      const stray = model.standardise.find((name) => !model.controls.includes(name));
      if (stray !== undefined) report(` names '${stray}', which is not among the controls`, 'standardise');
    }
    if (model.geo === undefined && Object.keys(model.pooling).length > 0)
      report(' says how places differ, but model.geo names no column of places', 'pooling');
  });

export type MediaMixSection = z.output<typeof schema>;

export const mediaMixRules: SectionRules<MediaMixSection> = {
  schema,
  subsections: {
    adstock: Object.keys(adstockSection.shape),
    timeVarying: Object.keys(timeVarying.shape),
    trend: Object.keys(trend.shape),
    scale: Object.keys(scale.shape),
    pooling: [...pooledBlocks],
  },
  priorSites: sitesWithPriors,
};

function channelsOf(written: MediaMixSection['channels']): MediaMixColumns['channels'] {
  if (Array.isArray(written)) return written.map((name) => ({ name, media: name, spend: name }));
  return Object.entries(written).map(([name, { media, spend }]) => ({
    name,
    media,
    spend: spend === undefined ? media : spend,
  }));
}

export function columnsOf(section: MediaMixSection): MediaMixColumns {
  return { ...section, channels: channelsOf(section.channels) };
}

export function optionsOf(section: MediaMixSection): MediaMixOptions {
  return { ...section, adstock: adstock(section.adstock.form, section.adstock) };
}
