// Data from the three-level model with known truth: parameters drawn once, rows in blocks, every scalar named as `fit` names it.
import type { OutputColumn } from '../../data/writeTable.js';
import { isCountFamily, type ResponseFamily } from '../../data/countResponse.js';
import type { NamedValue, SimulationRandom } from '../simulation.js';
import { drawResponse, type ResponseParameters } from './drawResponse.js';
import { drawDeviation, type SimulatedCovariance } from '../simulatedCovariance.js';
import { type SimulatedGroups, simulatedTruth } from './simulatedTruth.js';

/** A predictor to draw: 0/1 with the given share of ones, standard normal without one. */
export interface SimulatedPredictor {
  readonly name: string;
  readonly shareOfOnes?: number;
}

/** What to simulate. Sizes: p = 1 + x.length, q = 1 + z.length, r = 1 + w.length; the constant comes first everywhere. */
export interface ThreeLevelSimulation extends ResponseParameters {
  /** Default gaussian. */
  readonly family?: ResponseFamily;
  readonly rows: number;
  readonly columns: {
    readonly response: string;
    readonly product: string;
    readonly market: string;
    readonly time: string;
    /** With binomial. */
    readonly trials?: string;
  };
  /** Labels in the order in which a reader sorts them (`sortLevels`). Every product is sold in every market. */
  readonly products: readonly string[];
  /** Null: two levels, the units are the products and w is empty. */
  readonly markets: readonly string[] | null;
  readonly x: readonly SimulatedPredictor[];
  readonly z: readonly SimulatedPredictor[];
  readonly w: readonly SimulatedPredictor[];
  /** `[p·q][r]`; with two levels (r = 1) it is Γ itself. */
  readonly delta: readonly (readonly number[])[];
  /** `[p]` */
  readonly product: SimulatedCovariance;
  /** `[p·q]`; not used with two levels. */
  readonly market: SimulatedCovariance;
}

export interface SimulatedThreeLevel {
  /** Every scalar of every reported site, in the order and under the names of summary.json. */
  readonly truth: readonly NamedValue[];
  /** The rows, sorted by market, product and time; to be gone through once. Arrays are used again by the next block. */
  readonly blocks: Iterable<readonly OutputColumn[]>;
}

const blockRows = 65_536;
/** Trials of a row are 1 … this, each as likely. */
const mostTrials = 20;

/**
 * Draws Γ, β and then, while `blocks` is consumed, the rows (MISSION §1, three-level): y given β_ij'[1, x] by its family,
 * nothing clipped. Every unit has at least two rows; how many differs by a factor of up to seven. Throws RangeError when there
 * are fewer than two rows for each unit.
 */
export function simulateThreeLevel(simulation: ThreeLevelSimulation, random: SimulationRandom): SimulatedThreeLevel {
  const units = simulation.products.length * (simulation.markets?.length ?? 1);
  if (simulation.rows < 2 * units)
    throw new RangeError(`${simulation.rows} rows are fewer than two for ${units} units`);
  const groups = drawGroups(simulation, random);
  const rowsOfUnit = drawRowCounts(units, simulation.rows, random);
  return { truth: simulatedTruth(simulation, groups), blocks: drawBlocks(simulation, groups, rowsOfUnit, random) };
}

const draw = ({ shareOfOnes }: SimulatedPredictor, random: SimulationRandom): number =>
  shareOfOnes === undefined ? random.normal() : Number(random.uniform() < shareOfOnes);

/** `[1, predictors]` of each member of a level. */
function drawDesign(members: number, predictors: readonly SimulatedPredictor[], random: SimulationRandom): number[][] {
  return Array.from({ length: members }, () => [1, ...predictors.map((predictor) => draw(predictor, random))]);
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Designs and coefficients of markets and units; units lie sorted by market, then product. */
function drawGroups(simulation: ThreeLevelSimulation, random: SimulationRandom): SimulatedGroups {
  const { products, markets, delta } = simulation;
  const [p, q] = [simulation.x.length + 1, simulation.z.length + 1];
  const w = markets === null ? [[1]] : drawDesign(markets.length, simulation.w, random);
  const gamma = w.map((own) => {
    const means = delta.map((coefficients) => dot(coefficients, own));
    if (markets === null) return means;
    const deviation = drawDeviation(simulation.market, random);
    return means.map((mean, k) => mean + deviation[k]);
  });
  const z = drawDesign(products.length * gamma.length, simulation.z, random);
  const beta = z.map((own, unit) => {
    const ofMarket = gamma[Math.floor(unit / products.length)];
    const deviation = drawDeviation(simulation.product, random);
    return Array.from({ length: p }, (_, k) => dot(ofMarket.slice(k * q, (k + 1) * q), own) + deviation[k]);
  });
  return { w, z, gamma, beta };
}

/** Shares proportional to 1 / (0.2 + uniform), rounded so that they sum to `rows`, on top of two rows each. */
function drawRowCounts(units: number, rows: number, random: SimulationRandom): Int32Array {
  const shares = Float64Array.from({ length: units }, () => 1 / (0.2 + random.uniform()));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let [cumulative, placed] = [0, 0];
  return Int32Array.from(shares, (share) => {
    cumulative += share;
    const own = Math.round((cumulative / total) * (rows - 2 * units)) - placed;
    placed += own;
    return 2 + own;
  });
}

/** Rows of all units, the latest occasion being the same for all. */
function* drawBlocks(
  simulation: ThreeLevelSimulation,
  { w, z, beta }: SimulatedGroups,
  rowsOfUnit: Int32Array,
  random: SimulationRandom,
): Generator<readonly OutputColumn[]> {
  const { columns, products, markets, family = 'gaussian' } = simulation;
  const capacity = Math.min(blockRows, simulation.rows);
  const levelColumn = (predictors: readonly SimulatedPredictor[]) =>
    predictors.map((predictor) => predictorColumn(predictor, capacity));
  const codes = { market: new Int32Array(capacity), product: new Int32Array(capacity) };
  const time = new Int32Array(capacity);
  const isWhole = isCountFamily(family);
  const response = isWhole ? new Int32Array(capacity) : new Float64Array(capacity);
  const trials = new Int32Array(capacity);
  const [x, ofUnit, ofMarket] = [levelColumn(simulation.x), levelColumn(simulation.z), levelColumn(simulation.w)];
  const block = (count: number): OutputColumn[] => [
    ...(markets === null ? [] : [{ name: columns.market, codes: codes.market.subarray(0, count), levels: markets }]),
    { name: columns.product, codes: codes.product.subarray(0, count), levels: products },
    { name: columns.time, values: time.subarray(0, count) },
    { name: columns.response, values: response.subarray(0, count) },
    ...(family === 'binomial' ? [{ name: columns.trials!, values: trials.subarray(0, count) }] : []),
    ...[...x, ...ofUnit, ...ofMarket].map(({ name, values }) => ({ name, values: values.subarray(0, count) })),
  ];
  const last = rowsOfUnit.reduce((most, rows) => Math.max(most, rows), 0);
  let row = 0;
  for (const [unit, rows] of rowsOfUnit.entries()) {
    const market = Math.floor(unit / products.length);
    const coefficients = beta[unit];
    for (let occasion = last - rows + 1; occasion <= last; occasion++) {
      codes.market[row] = market;
      codes.product[row] = unit % products.length;
      time[row] = occasion;
      let mean = coefficients[0];
      for (let k = 0; k < x.length; k++) {
        const value = draw(simulation.x[k], random);
        x[k].values[row] = value;
        mean += coefficients[k + 1] * value;
      }
      for (let k = 0; k < ofUnit.length; k++) ofUnit[k].values[row] = z[unit][k + 1];
      for (let k = 0; k < ofMarket.length; k++) ofMarket[k].values[row] = w[market][k + 1];
      if (family === 'binomial') trials[row] = 1 + Math.floor(mostTrials * random.uniform());
      response[row] = drawResponse(family, mean, simulation, trials[row], random);
      row++;
      if (row < capacity) continue;
      yield block(row);
      row = 0;
    }
  }
  if (row > 0) yield block(row);
}

/** Room for a predictor's values; 0/1 are whole numbers. */
function predictorColumn({ name, shareOfOnes }: SimulatedPredictor, capacity: number) {
  return { name, values: shareOfOnes === undefined ? new Float64Array(capacity) : new Int32Array(capacity) };
}
