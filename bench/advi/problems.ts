// What the benchmark of ADVI is run on: simulated sales, orange juice and radon, each as the library's three-level model.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadJob } from '../../src/cli/fit/job.js';
import { loadConfig } from '../../src/data/config.js';
import { models } from '../../src/models/registry.js';
import { type Column, factorFromLabels, tableOf } from '../../src/data/table.js';
import { threeLevelData } from '../../src/data/threeLevelData.js';
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { simulatedSales } from '../simulatedSales.js';
import { readZipText } from '../../scripts/posteriordb/zipFile.js';

export interface AdviProblem {
  readonly name: string;
  /** Sites of the population's locations, and of the innermost groups' coefficients. */
  readonly locations: string;
  readonly groups: string;
  readonly model: Model;
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const orangeJuiceData = file('../../../shared/data/bayesm/orangeJuice_yx.csv.gz');
const orangeJuiceConfig = file('../../examples/orange-juice/config.yaml');
const radonData = file('../../../shared/data/posteriordb/radon_all.data.json.zip');

/** 20,000 rows of 12 products in 40 markets, 4 coefficients. */
export function simulated(): AdviProblem {
  const size = { rows: 20_000, products: 12, markets: 40, x: 3, z: 0, w: 2, covariance: 'diagonal' as const };
  return { name: 'simulated', locations: 'delta', groups: 'beta', model: threeLevelModel(simulatedSales(size, 1)) };
}

/** The example of the repository with diagonal or full covariances; undefined where the data are not beside it. */
export async function orangeJuice(covariance: 'diagonal' | 'full'): Promise<AdviProblem | undefined> {
  if (!existsSync(orangeJuiceData)) return undefined;
  const config = loadConfig(orangeJuiceConfig, models);
  const section = { ...config.model, covariance: { product: covariance, market: covariance } };
  const job = await loadJob({ ...config, model: section });
  return { name: `orange juice, ${covariance}`, locations: 'delta', groups: 'beta', model: job.model };
}

/** Log radon on the floor, both varying by county; undefined where the data are not beside the repository. */
export function radon(): AdviProblem | undefined {
  if (!existsSync(radonData)) return undefined;
  const raw = JSON.parse(readZipText(radonData)) as Record<'county_idx' | 'floor_measure' | 'log_radon', number[]>;
  const number = (name: string, values: number[]): Column => ({
    kind: 'number',
    name,
    values: Float64Array.from(values),
  });
  const table = tableOf('radon', [
    number('log_radon', raw.log_radon),
    number('floor', raw.floor_measure),
    factorFromLabels('county', raw.county_idx.map(String)),
  ]);
  const columns = { response: 'log_radon', product: 'county', x: ['floor'], z: [], w: [], standardise: false };
  return { name: 'radon', locations: 'gamma', groups: 'beta', model: threeLevelModel(threeLevelData(table, columns)) };
}
