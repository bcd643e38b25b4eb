// The shape of CONFIG.yaml: every key, its type and range, its default. Line numbers are added by config.ts.

import { z } from 'zod';
import { suggestion } from './nearestName.js';
import type { PriorSpec } from './prior.js';
import { parsePrior } from './prior.js';

const text = z.string().min(1);

const names = z.array(text).superRefine((list, context) => {
  const seen = new Set<string>();
  for (const name of list) {
    if (seen.has(name)) context.addIssue({ code: 'custom', message: `names '${name}' twice` });
    seen.add(name);
  }
});

const count = z.int().min(1);
/** Many short chains are what a GPU is best at. */
const maxChains = 1024;

const prior = z.unknown().transform((written, context): PriorSpec => {
  try {
    return parsePrior(written);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `: ${(error as Error).message}` });
    return z.NEVER;
  }
});

const covariance = z.enum(['diagonal', 'full']);
const covariances = z.strictObject({
  product: covariance.default('diagonal'),
  market: covariance.default('diagonal'),
});

const dataSchema = z
  .strictObject({
    file: text.optional(),
    query: text.optional(),
    database: text.optional(),
    table: text.optional(),
    /** Columns that together name every row once. */
    unique: names.optional(),
  })
  .superRefine(({ file, query, database, table }, context) => {
    const report = (message: string) => context.addIssue({ code: 'custom', message });
    const given = [file, query, table].filter((value) => value !== undefined).length;
    if (database === undefined && table !== undefined) report(' has a table but no database; add database: FILE');
    else if (database !== undefined && file !== undefined) report(' has both file and database; keep one of them');
    else if (given !== 1) {
      const wanted = database === undefined ? 'file or query' : 'table or query';
      report(
        ` needs one of ${wanted}${database === undefined ? '' : ' with its database'}, ${given === 0 ? 'has none' : 'has both'}`,
      );
    }
  });

/** Model section of the three-level model (MISSION §1): y on x by occasion, z by unit, w by market. */
const threeLevelModelSchema = z
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
    priors: z.record(text, prior).default({}),
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

export type ModelConfig = z.output<typeof threeLevelModelSchema>;

/** What a model offers to the configuration: its section and the sites that take a prior. */
export interface ModelEntry {
  readonly schema: z.ZodType<ModelConfig> & { readonly shape: object };
  readonly sites: readonly string[];
}

/** The models that a configuration may name. */
export const modelRegistry: Readonly<Record<string, ModelEntry>> = {
  'three-level': {
    schema: threeLevelModelSchema,
    sites: ['sigma', 'gamma', 'delta', 'sigma_u', 'corr_u', 'sigma_v', 'corr_v'],
  },
};

/** Methods of inference, as the configuration and the command line name them. */
const methodWords = ['nuts', 'hmc', 'chees', 'marginal', 'gibbs', 'advi', 'pathfinder'] as const;
export type MethodWord = (typeof methodWords)[number];

const gibbsSchemes = ['plain', 'interweaved', 'collapsed', 'collapsedInterweaved', 'integrated'] as const;
export type GibbsScheme = (typeof gibbsSchemes)[number];

const methodNames = z.enum(['auto', ...methodWords]);

/** Metrics of HMC, NUTS and ChEES. */
const metricWords = ['diagonal', 'dense', 'lowRank'] as const;
export type MetricWord = (typeof metricWords)[number];

const methodSettings = z.strictObject({
  name: methodNames.default('auto'),
  warmup: z.int().min(0).optional(),
  draws: count.optional(),
  chains: count.max(maxChains).optional(),
  thin: count.optional(),
  /** Of HMC: length of a trajectory in units of the metric's time. Of ChEES: the first one. */
  integrationTime: z.number().gt(0).optional(),
  /** Of ChEES: groups of chains that start at the same point. */
  superchains: count.optional(),
  targetAcceptance: z.number().gt(0).lt(1).optional(),
  maxTreeDepth: z.int().min(1).max(15).optional(),
  metric: z.enum(metricWords).optional(),
  /** Of Gibbs: how coefficients and scales are updated, and the order of the blocks. */
  scheme: z.enum(gibbsSchemes).optional(),
  scan: z.enum(['systematic', 'reversed', 'random']).optional(),
  /** Of ADVI: its Gaussian family; structured keeps group coefficients conditional on their parents. */
  family: z.enum(['mean-field', 'full-rank', 'low-rank', 'structured']).optional(),
  /** Of ADVI: fixed draws climbed by a quasi-Newton method, or fresh draws at every step. */
  variant: z.enum(['deterministic', 'stochastic']).optional(),
  /** Of ADVI's low-rank family. */
  rank: count.optional(),
  /** Of ADVI and Pathfinder. */
  maxIterations: count.optional(),
  /** Of Pathfinder: paths from different starts. */
  paths: count.max(64).optional(),
});

type MethodSettings = z.output<typeof methodSettings>;

const methodSchema = z.union([methodNames.transform((name): MethodSettings => ({ name })), methodSettings]);

/** Devices by name; `eager:` is followed by the name of a tfjs backend. */
export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | `eager:${string}`;

const deviceWords = ['auto', 'cpu', 'webgpu', 'cuda', 'eager:<backend>'];

const device = text.transform((written, context): DeviceName | 'auto' => {
  if (deviceWords.slice(0, -1).includes(written) || /^eager:[a-z][\w-]*$/.test(written)) return written as DeviceName;
  const hint = written.startsWith('eager') ? 'name a tfjs backend, like eager:cpu' : suggestion(written, deviceWords);
  context.addIssue({ code: 'custom', message: `cannot be '${written}'; ${hint}` });
  return z.NEVER;
});

/** What the command line may set over the file; the same checks hold. */
export const overridesSchema = z.strictObject({
  /** Of the model section; the others stand at the top of the file. */
  family: z.enum(['gaussian']).optional(),
  method: methodNames.optional(),
  device: device.optional(),
  /** What to do when the device is lost, or runs out of memory, in the middle of a run. */
  onDeviceLoss: z.enum(['stop', 'retry', 'cpu']).optional(),
  precision: z.enum(['double', 'single']).optional(),
  chains: count.max(maxChains).optional(),
  warmup: z.int().min(0).optional(),
  draws: count.optional(),
  seed: z.int().min(0).optional(),
  threads: count.max(256).optional(),
});

/** The whole file for one model; `model` is checked first by name, so that its own keys are known. */
export function configSchema(model: ModelEntry['schema']) {
  return z.strictObject({
    data: dataSchema,
    model,
    ...overridesSchema.omit({ family: true }).shape,
    method: methodSchema.default({ name: 'auto' } satisfies MethodSettings),
    keep: names.default([]),
    out: text.optional(),
  });
}

/** The keys that each section knows, by its path; for "did you mean". */
export function knownKeys(model: ModelEntry['schema']): Readonly<Record<string, readonly string[]>> {
  return {
    '': Object.keys(configSchema(model).shape),
    data: Object.keys(dataSchema.shape),
    model: Object.keys(model.shape),
    method: Object.keys(methodSettings.shape),
    'model.covariance': Object.keys(covariances.shape),
  };
}
