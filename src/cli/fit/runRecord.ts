// run.json: versions, seed, the resolved configuration with every prior, and a fingerprint of the data.
import { formatPrior } from '../../data/prior.js';
import { packageVersions } from '../version.js';
import type { Target } from '../devices/chooseDevice.js';
import type { FitJob } from './job.js';

/** Everything that determines a result, with every default filled in. */
export function resolvedConfiguration({
  config,
  model,
  method: chosen,
  keptSites,
  keptGroups,
}: FitJob): Record<string, unknown> {
  const { data, model: declared, method, chains, warmup, draws, seed, precision, device, onDeviceLoss } = config;
  return {
    data: preparedFrom(data),
    model: {
      ...declared,
      priors: Object.fromEntries(Object.entries(declared.priors).map(([site, prior]) => [site, formatPrior(prior)])),
      resolvedPriors: model.description?.priors,
    },
    method: { ...method, name: chosen.method.name },
    device,
    onDeviceLoss,
    precision,
    chains,
    warmup,
    draws,
    seed,
    keep: [...keptSites.map(({ name }) => name), ...keptGroups],
  };
}

export function runRecord(
  job: FitJob,
  command: string,
  { open, prepared }: Target,
  devices: readonly unknown[],
): Record<string, unknown> {
  return {
    versions: Object.fromEntries(packageVersions().map(({ name, version }) => [name, version])),
    command,
    started: new Date().toISOString(),
    seed: job.config.seed,
    device: open.device.name,
    adapter: open.adapter ?? null,
    precision: open.device.precision,
    threads: prepared.threads,
    devices,
    configuration: resolvedConfiguration(job),
    dataFingerprint: job.fingerprint,
    rows: job.prepared.summary.rows,
  };
}

/** The section as it was written, without what the file leaves out beyond the kinds of source. */
function preparedFrom({
  file,
  query,
  database,
  table,
  unique,
  tables,
  from,
  steps,
  holdout,
}: FitJob['config']['data']) {
  const preparation = Object.entries({ tables, from, steps, holdout }).filter(([, value]) => value !== undefined);
  return { file, query, database, table, unique, ...Object.fromEntries(preparation) };
}
