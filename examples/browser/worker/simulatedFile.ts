// Data with known truth, as a CSV file made in the page by the simulator of `hierax simulate three-level`.
import { portableRandom } from '../../../src/cli/simulation/portableRandom.js';
import { salesScenario } from '../../../src/models/threeLevel/scenario.js';
import { simulateThreeLevel } from '../../../src/models/threeLevel/simulate.js';
import type { SimulationSettings } from '../messages.js';
import type { Role, Roles } from '../roles.js';

export interface SimulatedFile {
  readonly file: File;
  readonly roles: Roles;
  /** By name of the scalar. */
  readonly truth: ReadonlyMap<string, number>;
}

/** The same seed gives the same file, and the numbers are those that the command writes. */
export function simulatedFile({ seed, ...size }: SimulationSettings): SimulatedFile {
  const scenario = salesScenario({ ...size, covariance: 'diagonal' });
  const { truth, blocks } = simulateThreeLevel(scenario, portableRandom(seed));
  const text: string[] = [];
  for (const columns of blocks) {
    if (text.length === 0) text.push(columns.map(({ name }) => name).join(','));
    const count = 'codes' in columns[0] ? columns[0].codes.length : columns[0].values.length;
    for (let row = 0; row < count; row++) {
      const cells = columns.map((column) =>
        'codes' in column ? column.levels[column.codes[row]] : String(column.values[row]),
      );
      text.push(cells.join(','));
    }
  }
  const { response, product, market, time } = scenario.columns;
  const named = (predictors: readonly { readonly name: string }[], role: Role) =>
    predictors.map(({ name }): [string, Role] => [name, role]);
  return {
    file: new File([`${text.join('\n')}\n`], 'simulated.csv', { type: 'text/csv' }),
    roles: Object.fromEntries<Role>([
      ...(scenario.markets === null ? [] : [[market, 'market'] as const]),
      [product, 'product'],
      [time, 'time'],
      [response, 'response'],
      ...named(scenario.x, 'x'),
      ...named(scenario.z, 'z'),
      ...named(scenario.w, 'w'),
    ]),
    truth: new Map(truth.map(({ name, value }) => [name, value])),
  };
}
