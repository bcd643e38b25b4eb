// What a fit is about to do: configuration, data and model, loaded and checked.
import { fingerprint } from '../../data/fingerprint.js';
import { type Config, locateKey } from '../../data/config.js';
import type { InitialisationWord } from '../../data/configSchema.js';
import { InputError } from '../../data/inputError.js';
import { nearestName } from '../../data/nearestName.js';
import type { DataReport } from '../../data/preparation/dataReport.js';
import { readData, type ReadData } from '../../data/preparation/readData.js';
import type { ColumnRequest } from '../../data/readTable.js';
import type { Model, Site } from '../../models/model.js';
import type { HeldOutModel, ObservedModel, PreparedModel } from '../../models/modelEntry.js';
import { models } from '../../models/registry.js';
import { type ObservationGroup, observationGroups } from './observationGroups.js';
import {
  chooseMethod,
  lowRankLimits,
  type MethodChoice,
  type MethodName,
  positionBlocks,
  priorRefusal,
} from '../../inference/index.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import { dataRandom } from './dataRandom.js';
import { metricOf } from './methodSettings.js';

export interface FitJob {
  /** With what the method takes unless it is told otherwise. */
  readonly config: Config;
  readonly method: MethodChoice;
  readonly prepared: Omit<PreparedModel, 'onRows'>;
  readonly model: ObservedModel;
  /** Sites whose draws are stored; of the others running moments are kept. */
  readonly keptSites: readonly Site[];
  /** Groups with a number per draw and observation to store as well. */
  readonly keptGroups: readonly ObservationGroup[];
  readonly fingerprint: string;
  /** Rows that the fit does not see; null where it sees all. */
  readonly heldOut: HeldOutModel | null;
  /** What was done to the rows before the model saw them; null where they were read as they are. */
  readonly dataReport: DataReport | null;
}

/** Draws of all sites are kept unless they would take more than this on disk. */
const keepAllBytes = 2 ** 31;

/**
 * Reads the data and declares the model. Throws InputError for everything that is wrong with them.
 * @param before the method of the run that is continued: `auto` is that
 * @param imputation which completed data set, from 1
 */
export async function loadJob(given: Config, before?: MethodName, imputation = 1): Promise<FitJob> {
  // Data sets that were imputed differ by their number; the chains of their fits by the seed.
  const written = imputation === 1 ? given : { ...given, seed: given.seed + imputation - 1 };
  const entry = models[written.model.name];
  const { table, heldOut, report } = await readJobData(given, entry.columns(written.model), imputation);
  try {
    // What reads other rows may hold the table, which is not needed once these are read.
    const { onRows, ...prepared } = entry.prepare(table, written.model, heldOut ?? undefined);
    const held = heldOut && onRows(heldOut);
    const method = methodFor(prepared.model, written, before);
    const config = withUsual(written, method.method);
    const kept = keptSites(config, prepared.model);
    // Draws that are to be turned alike are of no use as running moments.
    const sites = prepared.model.sites.filter((site) => site.rotation === undefined || kept.includes(site));
    const model = { ...prepared.model, sites };
    return {
      config,
      method,
      prepared,
      model,
      keptSites: kept,
      keptGroups: keptGroups(config, model),
      // A run with rows held out is another when these are.
      fingerprint: fingerprint(held === null ? prepared.data : { fitted: prepared.data, heldOut: held.model.data }),
      heldOut: held,
      dataReport: report,
    };
  } catch (error) {
    throw placed(error, written);
  }
}

async function readJobData(config: Config, columns: readonly ColumnRequest[], imputation: number): Promise<ReadData> {
  const { data, seed, model } = config;
  const { response } = model as { readonly response?: string };
  try {
    return await readData(data, columns, { unique: data.unique, seed, random: dataRandom(seed), imputation, response });
  } catch (error) {
    throw placed(error, config);
  }
}

/** A fault that names its key, or whose message begins with it (`model.priors.sigma: …`), with file and line before it. */
function placed(error: unknown, config: Config): unknown {
  if (!(error instanceof InputError)) return error;
  const key = error.location.key ?? /^((?:model|keep)[.\w]*): /.exec(error.message)?.[1].split('.');
  if (key === undefined) return error;
  return new InputError(`${locateKey(config.file, key)}: ${error.message}`, error.location);
}

/** Throws InputError where the model does not suit the method, or the metric that it is to use. */
function methodFor(model: Model, { method, device }: Config, before: MethodName | undefined): MethodChoice {
  try {
    const on = device === 'auto' ? undefined : device;
    const choice = chooseMethod(model, method.name === 'auto' ? (before ?? 'auto') : method.name, on);
    const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
    const isHamiltonian = ['nuts', 'hmc', 'chees'].includes(choice.method.name);
    if (method.metric === 'lowRank' && isHamiltonian) lowRankLimits(metricOf(method), dimension);
    const refused = startRefusal(model, method.initialisation, isHamiltonian ? undefined : choice.method.title);
    if (refused !== undefined)
      throw new InputError(`method.initialisation: ${refused}`, { key: ['method', 'initialisation'] });
    return choice;
  } catch (error) {
    throw error instanceof RangeError ? new InputError(error.message) : error;
  }
}

/** Why chains cannot start so, in one line. @param other a method that has starts of its own */
function startRefusal(model: Model, kind: InitialisationWord, other: string | undefined): string | undefined {
  if (kind === 'jitter') return undefined;
  if (other !== undefined)
    return `${kind} is for nuts, hmc and chees, and ${other} has starts of its own; leave it out, or name one of these methods`;
  return kind === 'prior' ? priorRefusal(model) : undefined;
}

/** What the user left to the method is the method's own usual. */
function withUsual(config: Config, { usual }: MethodChoice['method']): Config {
  return { ...config, ...Object.fromEntries(config.unset.map((key) => [key, usual[key]])) };
}

function keptSites(config: Config, model: Model): readonly Site[] {
  const names = model.sites.map(({ name }) => name);
  const groups: readonly string[] = observationGroups;
  for (const name of config.keep) {
    if (names.includes(name) || groups.includes(name)) continue;
    const near = nearestName(name, [...names, ...groups]);
    throw new InputError(
      `keep: the model has no site '${name}'; ${near === null ? `sites: ${[...names, ...groups].join(', ')}` : `did you mean '${near}'?`}`,
    );
  }
  const population = model.sites.filter(({ level }) => level === 'population');
  if (config.keep.some((name) => names.includes(name))) {
    return model.sites.filter((site) => population.includes(site) || config.keep.includes(site.name));
  }
  const scalars = model.sites.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return scalars * config.chains * config.draws * 8 <= keepAllBytes ? model.sites : population;
}

function keptGroups(config: Config, model: ObservedModel): ObservationGroup[] {
  if (config.keep.includes('posterior_predictive') && model.replicate === undefined)
    throw new InputError(`keep: holds posterior_predictive, but ${model.name} cannot be replicated; leave it out`);
  return observationGroups.filter((name) => config.keep.includes(name));
}
