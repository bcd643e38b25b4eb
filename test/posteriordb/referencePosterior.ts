// Data and reference draws of posteriordb, and the distance of a fit from them in Monte-Carlo standard errors.
import { existsSync } from 'node:fs';
import { mcseMean, mcseSd } from '../../src/diagnostics/index.js';
import { readZipText } from './zipFile.js';

const folder = new URL('../../../shared/data/posteriordb/', import.meta.url);
const hasData = existsSync(folder);

if (!hasData && process.env.HIERAX_REQUIRE_SHARED === '1')
  throw new Error('HIERAX_REQUIRE_SHARED is set, but ../shared/data/posteriordb is absent');

/** Whether tests that need the data must be skipped. */
export const lacksPosteriordb = !hasData;

export function readData<T>(name: string): T {
  return JSON.parse(readZipText(new URL(`${name}.data.json.zip`, folder))) as T;
}

type Chains = readonly Float64Array[];

/** Reference draws `[chain][draw]` by parameter, ten chains of a thousand. */
export function readReferenceDraws(name: string): ReadonlyMap<string, Chains> {
  const chains = JSON.parse(readZipText(new URL(`${name}.draws.json.zip`, folder))) as Record<string, number[]>[];
  return new Map(
    Object.keys(chains[0]).map((parameter) => [parameter, chains.map((draws) => Float64Array.from(draws[parameter]))]),
  );
}

export interface Comparison {
  readonly parameter: string;
  /** Difference of means, and of standard deviations, over the combined Monte-Carlo standard error. */
  readonly mean: number;
  readonly sd: number;
}

export function compare(parameter: string, draws: Chains, reference: Chains): Comparison {
  const [own, theirs] = [moments(draws), moments(reference)];
  return {
    parameter,
    mean: (own.mean - theirs.mean) / Math.hypot(mcseMean(draws), mcseMean(reference)),
    sd: (own.sd - theirs.sd) / Math.hypot(mcseSd(draws), mcseSd(reference)),
  };
}

/** Mean and standard deviation of all chains together. */
export function moments(chains: Chains): { mean: number; sd: number } {
  const values = chains.flatMap((chain) => [...chain]);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, sd: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1)) };
}
