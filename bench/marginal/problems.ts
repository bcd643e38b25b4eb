// The models of the marginal benchmark: simulated two-level data, and the orange juice of ../shared where that is.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadJob } from '../../src/cli/fit/job.js';
import { loadConfig } from '../../src/data/config.js';
import { models } from '../../src/models/registry.js';
import { factorFromLabels, tableOf } from '../../src/data/table.js';
import { threeLevelData } from '../../src/data/threeLevelData.js';
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { benchmarkRandom } from '../gpu/random.js';

/** Two levels: every group has a constant and slopes of its own. */
export function twoLevels(rows: number, groups: number, slopes: number): Model {
  const random = benchmarkRandom(1);
  const sds = [1, 0.5, 0.3, 0.2];
  const means = [2, 1, -0.5, 0];
  const names = Array.from({ length: slopes }, (_, k) => `x${k + 1}`);
  const coefficients = Array.from({ length: groups }, () =>
    Array.from({ length: slopes + 1 }, (_, k) => means[k % 4] + sds[k % 4] * random.normal()),
  );
  const group = Int32Array.from({ length: rows }, (_, row) => Math.floor((row * groups) / rows));
  const x = names.map(() => Float64Array.from({ length: rows }, () => random.normal()));
  const y = Float64Array.from(group, (g, row) => {
    const own = coefficients[g];
    return own[0] + x.reduce((sum, column, k) => sum + own[k + 1] * column[row], 0) + random.normal();
  });
  const table = tableOf('simulated', [
    { kind: 'number', name: 'y', values: y },
    ...x.map((values, k) => ({ kind: 'number' as const, name: names[k], values })),
    factorFromLabels(
      'group',
      Array.from(group, (g) => String(g + 1)),
    ),
  ]);
  const columns = { response: 'y', unit: 'group', x: names, z: [], w: [], standardise: false };
  return threeLevelModel(threeLevelData(table, columns));
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The example's model of orange juice; undefined where the data are not beside the repository. */
export async function orangeJuice(covariance: 'diagonal' | 'full'): Promise<Model | undefined> {
  if (!existsSync(file('../../../shared/data/bayesm/orangeJuice_yx.csv.gz'))) return undefined;
  const config = loadConfig(file('../../examples/orange-juice/config.yaml'), models);
  const section = { ...config.model, covariance: { product: covariance, market: covariance } };
  const { model } = await loadJob({ ...config, model: section });
  return model;
}
