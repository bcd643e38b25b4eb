// The shape of CONFIG.yaml: every key, its type and range, its default. Line numbers are added by config.ts.

import { z } from 'zod';
import { suggestion } from './nearestName.js';
import type { PriorSpec } from './prior.js';
import { holdoutKeys, preparationKeys, tableKeys } from './preparation/schema.js';
import { count, names, text } from './schemaParts.js';

/** Many short chains are what a GPU is best at. */
const maxChains = 1024;

const dataSchema = z
  .strictObject({
    file: text.optional(),
    query: text.optional(),
    database: text.optional(),
    table: text.optional(),
    /** Columns that together name every row once. */
    unique: names.optional(),
    ...preparationKeys,
  })
  .superRefine(({ file, query, database, table, tables, from, steps }, context) => {
    const report = (message: string) => context.addIssue({ code: 'custom', message });
    if ((steps ?? []).filter(({ name }) => name === 'impute').length > 1)
      context.addIssue({ code: 'custom', path: ['steps'], message: 'has two impute steps; name all columns in one' });
    if (tables !== undefined) {
      const other = Object.entries({ file, query, database, table }).find(([, value]) => value !== undefined);
      if (other !== undefined) report(` has tables and ${other[0]}; put all sources into tables`);
      else if (Object.keys(tables).length === 0)
        context.addIssue({
          code: 'custom',
          path: ['tables'],
          message: 'is empty; name a table, like {sales: sales.csv}',
        });
      return;
    }
    if (from !== undefined) report(' has from without tables; add tables: {sales: sales.csv}');
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

/** What a model must tell of its section of the configuration. */
export interface SectionRules<Section extends ModelSection = ModelSection> {
  readonly schema: z.ZodType<Section> & { readonly shape: object };
  /** Keys of the records in it, by name; for "did you mean". */
  readonly subsections?: Readonly<Record<string, readonly string[]>>;
  /** The sites that take a prior. */
  readonly priorSites: readonly string[];
}

/** What the section of every model has. */
export interface ModelSection {
  readonly name: string;
  readonly family: string;
  readonly priors: Readonly<Record<string, PriorSpec>>;
}

/** Methods of inference, as the configuration and the command line name them. */
const methodWords = [
  'nuts',
  'hmc',
  'chees',
  'marginal',
  'gibbs',
  'advi',
  'pathfinder',
  'reml',
  'ols',
  'ridge',
] as const;
export type MethodWord = (typeof methodWords)[number];

const gibbsSchemes = ['plain', 'interweaved', 'collapsed', 'collapsedInterweaved', 'integrated'] as const;
export type GibbsScheme = (typeof gibbsSchemes)[number];

const methodNames = z.enum(['auto', ...methodWords]);

/** Metrics of HMC, NUTS and ChEES. */
const metricWords = ['diagonal', 'dense', 'lowRank'] as const;
export type MetricWord = (typeof metricWords)[number];

/** Starts of HMC, NUTS and ChEES. */
const initialisations = ['jitter', 'prior', 'pathfinder', 'map'] as const;
export type InitialisationWord = (typeof initialisations)[number];

const hamiltonian: readonly MethodWord[] = ['nuts', 'hmc', 'chees'];

/** The methods that take a setting, where not all do. Whether a method takes a start depends on the model too. */
const takers: Readonly<Record<string, readonly MethodWord[]>> = {
  integrationTime: ['hmc', 'chees'],
  superchains: ['chees'],
  targetAcceptance: [...hamiltonian, 'marginal'],
  maxTreeDepth: ['nuts', 'marginal'],
  metric: hamiltonian,
  scheme: ['gibbs'],
  scan: ['gibbs'],
  family: ['advi'],
  variant: ['advi'],
  rank: ['advi', ...hamiltonian],
  cutoff: hamiltonian,
  maxIterations: ['advi', 'pathfinder'],
  paths: ['pathfinder', ...hamiltonian],
};

const methodKeys = z.strictObject({
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
  initialisation: z.enum(initialisations).optional(),
  metric: z.enum(metricWords).optional(),
  /** Of Gibbs: how coefficients and scales are updated, and the order of the blocks. */
  scheme: z.enum(gibbsSchemes).optional(),
  scan: z.enum(['systematic', 'reversed', 'random']).optional(),
  /** Of ADVI: its Gaussian family; structured keeps group coefficients conditional on their parents. */
  family: z.enum(['mean-field', 'full-rank', 'low-rank', 'structured']).optional(),
  /** Of ADVI: fixed draws climbed by a quasi-Newton method, or fresh draws at every step. */
  variant: z.enum(['deterministic', 'stochastic']).optional(),
  /** Of ADVI's low-rank family, and of a low-rank metric, where it is the most directions. */
  rank: count.optional(),
  /** Of a low-rank metric: by what factor the variance of a direction must differ from the diagonal's. */
  cutoff: z.number().gt(1).optional(),
  /** Of ADVI and Pathfinder. */
  maxIterations: count.optional(),
  /** Of Pathfinder: paths from different starts. */
  paths: count.max(64).optional(),
});

type MethodSettings = z.output<typeof methodKeys>;

/** A setting that the named method would pass over is refused; with `auto` it waits for a method that takes it. */
const methodSettings = methodKeys.superRefine(({ name, ...settings }, context) => {
  for (const key of Object.keys(settings)) {
    const methods = takers[key];
    if (name === 'auto' || methods === undefined || methods.includes(name)) continue;
    const message = `is not a setting of ${name}, but of ${methods.join(', ')}`;
    context.addIssue({ code: 'custom', path: [key], message });
  }
});

const methodSchema = z.union([methodNames.transform((name): MethodSettings => ({ name })), methodSettings]);

/** Devices by name; `eager:` is followed by the name of a tfjs backend. */
export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | `eager:${string}`;

const deviceWords = ['auto', 'cpu', 'webgpu', 'cuda', 'eager:<backend>'];

const device = text.transform((written, context): DeviceName | 'auto' => {
  if (deviceWords.slice(0, -1).includes(written) || /^eager:[a-z][\w-]*$/.test(written)) return written as DeviceName;
  context.addIssue({ code: 'custom', message: `cannot be '${written}'; ${deviceHint(written)}` });
  return z.NEVER;
});

function deviceHint(written: string): string {
  if (written.startsWith('eager')) return 'name a tfjs backend, like eager:cpu';
  // By its letters alone it would be nearest to cpu.
  return written.toLowerCase() === 'gpu' ? "did you mean 'webgpu'?" : suggestion(written, deviceWords);
}

/** What the command line may set over the file; the same checks hold. */
export const overridesSchema = z.strictObject({
  /** Of the model section; the others stand at the top of the file. */
  family: text.optional(),
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
export function configSchema(model: SectionRules['schema']) {
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
export function knownKeys({ schema, subsections = {} }: SectionRules): Readonly<Record<string, readonly string[]>> {
  return {
    '': Object.keys(configSchema(schema).shape),
    data: Object.keys(dataSchema.shape),
    'data.tables.*': tableKeys,
    'data.holdout': holdoutKeys,
    model: Object.keys(schema.shape),
    method: Object.keys(methodKeys.shape),
    ...Object.fromEntries(Object.entries(subsections).map(([name, keys]) => [`model.${name}`, keys])),
  };
}
