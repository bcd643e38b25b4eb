// Reads CONFIG.yaml: checked key by key, every fault told with its line; the command line's settings on top.

import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Document } from 'yaml';
import { LineCounter, isMap, isNode, isScalar, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import type {
  DeviceName,
  GibbsScheme,
  InitialisationWord,
  MethodWord,
  MetricWord,
  ModelSection,
  SectionRules,
} from './configSchema.js';
import { configSchema, knownKeys, overridesSchema } from './configSchema.js';
import { describeIssue } from './configIssue.js';
import { InputError } from './inputError.js';
import { nearestName, suggestion } from './nearestName.js';
import type { PreparedSource } from './preparation/prepareRows.js';

interface MethodConfig {
  readonly name: 'auto' | MethodWord;
  readonly thin: number;
  /** Undefined: the method's own. */
  readonly targetAcceptance: number | undefined;
  readonly maxTreeDepth: number;
  /** Of HMC, NUTS and ChEES. */
  readonly initialisation: InitialisationWord;
  readonly metric: MetricWord;
  /** Of HMC: length of a trajectory; of ChEES: the first one. Undefined: its own default. */
  readonly integrationTime: number | undefined;
  /** Of ChEES: groups of chains that start at the same point, dividing the chains. Undefined: its own default. */
  readonly superchains: number | undefined;
  /** Of Gibbs. */
  readonly scheme: GibbsScheme | undefined;
  readonly scan: 'systematic' | 'reversed' | 'random' | undefined;
  /** Of ADVI. */
  readonly family: 'mean-field' | 'full-rank' | 'low-rank' | 'structured' | undefined;
  readonly variant: 'deterministic' | 'stochastic' | undefined;
  readonly rank: number | undefined;
  readonly cutoff: number | undefined;
  /** Of ADVI and Pathfinder. */
  readonly maxIterations: number | undefined;
  /** Of Pathfinder. */
  readonly paths: number | undefined;
}

/** The resolved configuration: every default filled in. */
export interface Config {
  /** Absolute path of the file. */
  readonly file: string;
  readonly data: PreparedSource & { readonly unique: readonly string[] };
  readonly model: ModelSection;
  readonly method: MethodConfig;
  readonly device: DeviceName | 'auto';
  readonly onDeviceLoss: 'stop' | 'retry' | 'cpu';
  /** Undefined: the device's own, which is double on the processor and single elsewhere. */
  readonly precision: 'double' | 'single' | undefined;
  readonly chains: number;
  readonly warmup: number;
  readonly draws: number;
  /** Those that neither the file nor the command line sets: the method that is taken has its own. */
  readonly unset: readonly RunLength[];
  readonly seed: number;
  /** Undefined: as many as the machine offers. */
  readonly threads: number | undefined;
  /** Sites whose draws are kept in full besides the population's. */
  readonly keep: readonly string[];
  /** Absolute output folder, when the file names one. */
  readonly out: string | undefined;
}

/** Settings from the command line; each replaces the file's. */
export type Overrides = z.input<typeof overridesSchema>;

/** What a method takes unless it is told otherwise. */
const fewLongChains = { chains: 4, warmup: 1000, draws: 1000 } as const;
/** ChEES adapts over all chains, so that a shorter warm-up does (Hoffman et al. 2021). */
const manyShortChains = { chains: 64, warmup: 400, draws: 100 } as const;

const runLengths = ['chains', 'warmup', 'draws'] as const;
export type RunLength = (typeof runLengths)[number];

type Path = readonly PropertyKey[];

/**
 * Loads and checks a configuration for one of these models. Throws InputError `FILE:LINE: what; what would be right` for YAML faults, unknown
 * keys, wrong types and ranges, unknown models and sites, and impossible priors; `--option: …` for overrides.
 */
export function loadConfig(
  path: string,
  models: Readonly<Record<string, SectionRules>>,
  overrides: Overrides = {},
): Config {
  const file = resolve(path);
  const shown = basename(path);
  const { document, counter } = parseYaml(file, shown);
  const fail = (message: string, at: Path, key = false): never => {
    const line = lineOf(document, counter, at, key);
    throw new InputError(`${shown}:${line}: ${message}`, { file: shown, line });
  };

  const written = plainValue(document, counter, shown);
  if (!isMap(document.contents)) fail('a configuration is a list of keys such as data:, model:, method:', []);
  const rules = sectionRules(written, models, fail);
  const set = checkOverrides(overrides);
  const checked = configSchema(rules.schema).safeParse(withFamily(written, set.family));
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const { message, path: at, isKey } = describeIssue(issue, withFamily(written, set.family), knownKeys(rules));
    if (set.family !== undefined && at.join('.') === 'model.family')
      throw new InputError(message.replace(/^model\./, '--'), { value: set.family });
    return fail(message, at, isKey);
  }
  const config = checked.data;
  for (const site of Object.keys(config.model.priors)) {
    const { priorSites } = rules;
    if (priorSites.includes(site)) continue;
    fail(`unknown site '${site}' in model.priors; ${suggestion(site, priorSites)}`, ['model', 'priors', site], true);
  }
  const { method } = config;
  for (const key of runLengths) {
    if (config[key] === undefined || method[key] === undefined) continue;
    fail(`${key} is set here and in method; keep one of them`, [key], true);
  }
  const folder = dirname(file);
  const name = set.method ?? method.name;
  const usual = name === 'chees' ? manyShortChains : fewLongChains;
  const chains = set.chains ?? config.chains ?? method.chains ?? usual.chains;
  if (name === 'chees' && method.superchains !== undefined && chains % method.superchains !== 0) {
    fail(`method.superchains ${method.superchains} does not divide ${chains} chains; choose numbers that do`, [
      'method',
      'superchains',
    ]);
  }
  return {
    file,
    data: { ...config.data, folder, unique: config.data.unique ?? [] },
    model: config.model,
    method: {
      name,
      thin: method.thin ?? 1,
      targetAcceptance: method.targetAcceptance,
      maxTreeDepth: method.maxTreeDepth ?? 10,
      initialisation: method.initialisation ?? 'jitter',
      metric: method.metric ?? 'diagonal',
      integrationTime: method.integrationTime,
      superchains: method.superchains,
      scheme: method.scheme,
      scan: method.scan,
      family: method.family,
      variant: method.variant,
      rank: method.rank,
      cutoff: method.cutoff,
      maxIterations: method.maxIterations,
      paths: method.paths,
    },
    device: set.device ?? config.device ?? 'auto',
    onDeviceLoss: set.onDeviceLoss ?? config.onDeviceLoss ?? 'stop',
    precision: set.precision ?? config.precision,
    chains,
    unset: runLengths.filter((key) => (set[key] ?? config[key] ?? method[key]) === undefined),
    warmup: set.warmup ?? config.warmup ?? method.warmup ?? usual.warmup,
    draws: set.draws ?? config.draws ?? method.draws ?? usual.draws,
    seed: set.seed ?? config.seed ?? 1,
    threads: set.threads ?? config.threads,
    keep: config.keep,
    out: config.out === undefined ? undefined : resolve(folder, config.out),
  };
}

function parseYaml(file: string, shown: string): { document: Document.Parsed; counter: LineCounter } {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reasons: Record<string, string> = {
      ENOENT: `no such file; looked for ${file}`,
      EISDIR: 'is a folder; give the configuration in it, like config.yaml',
    };
    const reason = reasons[code ?? ''] ?? `cannot be read (${code})`;
    throw new InputError(`${shown}: ${reason}`, { file: shown });
  }
  if (source.trim() === '') throw new InputError(`${shown}: is empty; data: and model: are needed`, { file: shown });
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const fault = [...document.errors, ...document.warnings].at(0);
  if (fault !== undefined) {
    const line = counter.linePos(fault.pos[0]).line;
    throw new InputError(`${shown}:${line}: not valid YAML: ${fault.message.split('\n')[0]}`, { file: shown, line });
  }
  return { document, counter };
}

/** The document as plain values; throws InputError for an alias without its anchor, which shows only here. */
function plainValue(document: Document.Parsed, counter: LineCounter, shown: string): unknown {
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const line = counter.linePos(alias.range?.[0] ?? 0).line;
      const what = `*${alias.source} refers to nothing; quote it if it is text`;
      throw new InputError(`${shown}:${line}: not valid YAML: ${what}`, { file: shown, line });
    },
  });
  return document.toJS();
}

/** `FILE:LINE` of a key in a configuration that has been loaded: for faults that show only with the data. */
export function locateKey(file: string, key: Path): string {
  const { document, counter } = parseYaml(file, basename(file));
  return `${basename(file)}:${lineOf(document, counter, key, true)}`;
}

/** Line of the value at `path`, or of its key; of the nearest parent that exists when it does not. */
function lineOf(document: Document.Parsed, counter: LineCounter, path: Path, wantsKey: boolean): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent: unknown = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path[depth - 1]));
      if (pair === undefined) continue;
      const node = wantsKey || depth < path.length || !isScalar(pair.value) ? pair.key : pair.value;
      if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
    }
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
  }
  return document.contents?.range ? counter.linePos(document.contents.range[0]).line : 1;
}

/** The file's values with the command line's family. */
function withFamily(written: unknown, family: string | undefined): unknown {
  const { model, ...rest } = written as { readonly model: object };
  return family === undefined ? written : { ...rest, model: { ...model, family } };
}

function sectionRules(
  written: unknown,
  models: Readonly<Record<string, SectionRules>>,
  fail: (message: string, at: Path, key?: boolean) => never,
): SectionRules {
  const model: unknown = (written as { model?: unknown }).model;
  const known = Object.keys(models);
  const misspelt = nearestName('model', Object.keys(written as object));
  if (model === undefined && misspelt !== null)
    return fail(`unknown key '${misspelt}'; did you mean 'model'?`, [misspelt], true);
  if (typeof model !== 'object' || model === null)
    return fail(`model is missing; add model: {name: ${known[0]}, …}`, ['model']);
  const name: unknown = (model as { name?: unknown }).name;
  if (typeof name !== 'string') return fail(`model.name is missing; known: ${known.join(', ')}`, ['model', 'name']);
  if (!Object.hasOwn(models, name))
    return fail(`unknown model '${name}'; ${suggestion(name, known)}`, ['model', 'name']);
  return models[name];
}

function checkOverrides(overrides: Overrides): z.output<typeof overridesSchema> {
  const checked = overridesSchema.safeParse(overrides);
  if (checked.success) return checked.data;
  const { message } = describeIssue(checked.error.issues[0], overrides, {});
  const option = message.replace(/^\w+/, (key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  throw new InputError(`--${option}`, { value: message });
}
