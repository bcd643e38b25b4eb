// Columns with margins like the paper's tables 1 and 2: usage in minutes and recharge, neither below 0.
import type { OutputColumn } from '../../data/writeTable.js';
import type { SimulationRandom } from '../simulation.js';
import { names } from './simulateTruth.js';

/** Recharge of 30 days for a minute of use: 87.56 for 97 minutes, as on average in table 2. */
const rechargePerMinute = 0.9;
/** Spread of the logarithm of what is recharged for a given use. */
const rechargeLogSd = 0.5;

/**
 * Minutes of use of three windows, their logs and the rolling one, recharge before, recharge after (cut off at 0), and the change.
 * @param x log usage of the three windows and the rolling one; @param change of the recharge, by the model
 */
export function paperColumns(
  x: readonly Float64Array[],
  change: Float64Array,
  random: SimulationRandom,
): OutputColumn[] {
  // Weeks of logs stand for minutes of one, one and 16/7 weeks.
  const weeks = [1, 1, 16 / 7];
  const minutes = weeks.map((length, j) => x[j].map((log) => cents(length * minutesOf(log))));
  const prior = change.map((_, row) => {
    const used = minutes[0][row] + minutes[1][row] + minutes[2][row];
    return cents(rechargePerMinute * used * Math.exp(rechargeLogSd * random.normal() - rechargeLogSd ** 2 / 2));
  });
  const next = change.map((own, row) => cents(Math.max(0, prior[row] + own)));
  return [
    { name: names.response, values: next.map((own, row) => cents(own - prior[row])) },
    ...names.x.map((name, j) => ({ name, values: x[j] })),
    ...['minutes_7', 'minutes_14', 'minutes_30'].map((name, j) => ({ name, values: minutes[j] })),
    { name: 'recharge_prior', values: prior },
    { name: 'recharge_next', values: next },
  ];
}

const minutesOf = (log: number): number => Math.exp(log) - 1;
/** Two decimals, whatever the last digit of a platform's exponential. */
const cents = (value: number): number => Math.round(100 * value) / 100;
