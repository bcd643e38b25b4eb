// Small hierarchies whose fits take a fraction of a second: the coverage benchmark's.
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { models } from '../../src/models/registry.js';
import { portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { simulatedSales } from '../simulatedSales.js';
import { simulatedTable } from '../simulatedTable.js';

interface CoverageProblem {
  readonly model: Model;
  /** The same model for another response. */
  readonly rebuild: (y: Float64Array) => Model;
}

function problem(markets: number, covariance: 'diagonal' | 'full'): CoverageProblem {
  const size = {
    rows: 360,
    products: markets === 0 ? 20 : 3,
    markets,
    x: 1,
    z: 0,
    w: markets === 0 ? 0 : 1,
    covariance,
  };
  const data = simulatedSales(size, 1);
  // Priors take their scale from `data.response`, which stays that of the first response.
  const rebuild = (y: Float64Array): Model =>
    threeLevelModel({ ...data, y }, { covariance: { product: covariance, market: covariance } });
  return { model: rebuild(data.y), rebuild };
}

/** Sixty consumers in twelve markets, two channels, a control and a trait. */
function panel(covariance: 'diagonal' | 'full'): CoverageProblem {
  const entry = models.hbmmm;
  const usual = Object.entries(entry.simulator!.options).map(([name, own]) => [name, own.default] as const);
  const size = { consumers: 60, markets: 12, months: 6, channels: 2, controls: 1, traits: 1, covariance };
  const { blocks } = entry.simulator!.plan({ ...Object.fromEntries(usual), ...size })(portableRandom(1));
  const section = entry.schema.parse({
    name: 'hbmmm',
    response: 'log_purchases',
    consumer: 'consumer',
    market: 'market',
    channels: ['tv', 'digital'],
    controls: ['confidence'],
    traits: ['age'],
    covariance,
  });
  return entry.prepare(simulatedTable(blocks), section);
}

export const problems = {
  'two levels, diagonal': problem(0, 'diagonal'),
  'two levels, full': problem(0, 'full'),
  'three levels, diagonal': problem(12, 'diagonal'),
  'three levels, full': problem(12, 'full'),
  'hbmmm, diagonal': panel('diagonal'),
  'hbmmm, full': panel('full'),
} as const;
