// Simulated sales as the three-level model's data, made in memory.
import { portableRandom } from '../src/cli/simulation/portableRandom.js';
import { type Column, factorFromLabels, tableOf } from '../src/data/table.js';
import { type ThreeLevelData, threeLevelData } from '../src/data/threeLevelData.js';
import { type SalesSize, salesScenario } from '../src/models/threeLevel/scenario.js';
import { simulateThreeLevel } from '../src/models/threeLevel/simulate.js';

/** Predictors are standardised. */
export function simulatedSales(size: SalesSize, seed: number): ThreeLevelData {
  const scenario = salesScenario(size);
  const parts = new Map<string, { numbers: number[]; labels: (string | null)[] }>();
  for (const block of simulateThreeLevel(scenario, portableRandom(seed)).blocks) {
    for (const column of block) {
      const part = parts.get(column.name) ?? { numbers: [], labels: [] };
      parts.set(column.name, part);
      if ('codes' in column) for (const code of column.codes) part.labels.push(column.levels[code]);
      else {
        for (const value of column.values) {
          if (typeof value === 'number') part.numbers.push(value);
          else part.labels.push(value);
        }
      }
    }
  }
  const columns = [...parts].map(([name, { numbers, labels }]): Column =>
    labels.length > 0 ? factorFromLabels(name, labels) : { kind: 'number', name, values: Float64Array.from(numbers) },
  );
  const names = (predictors: readonly { readonly name: string }[]): string[] => predictors.map(({ name }) => name);
  return threeLevelData(tableOf('simulated', columns), {
    response: scenario.columns.response,
    product: scenario.columns.product,
    ...(size.markets > 0 && { market: scenario.columns.market }),
    x: names(scenario.x),
    z: names(scenario.z),
    w: names(scenario.w),
    standardise: true,
  });
}
