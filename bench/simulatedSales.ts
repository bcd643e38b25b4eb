// Simulated sales as the three-level model's data, made in memory.
import { portableRandom } from '../src/cli/simulation/portableRandom.js';
import { type ThreeLevelData, threeLevelData } from '../src/data/threeLevelData.js';
import { type SalesSize, salesScenario } from '../src/models/threeLevel/scenario.js';
import { simulateThreeLevel } from '../src/models/threeLevel/simulate.js';
import { simulatedTable } from './simulatedTable.js';

/** Predictors are standardised. */
export function simulatedSales(size: SalesSize, seed: number): ThreeLevelData {
  const scenario = salesScenario(size);
  const { blocks } = simulateThreeLevel(scenario, portableRandom(seed));
  const names = (predictors: readonly { readonly name: string }[]): string[] => predictors.map(({ name }) => name);
  return threeLevelData(simulatedTable(blocks), {
    response: scenario.columns.response,
    product: scenario.columns.product,
    ...(size.markets > 0 && { market: scenario.columns.market }),
    x: names(scenario.x),
    z: names(scenario.z),
    w: names(scenario.w),
    standardise: true,
  });
}
