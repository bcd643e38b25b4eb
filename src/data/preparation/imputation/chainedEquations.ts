// Multiple imputation by chained equations: each variable with gaps in turn, given all others as they stand.
import type { RandomNumbers } from '../random.js';
import { drawLabels } from './drawLabels.js';
import { matchMeans } from './matchMeans.js';
import { designOf, type Variable } from './variables.js';

export interface ChainSettings {
  /** Rounds through all variables. */
  readonly iterations: number;
  /** Of predictive mean matching. */
  readonly donors: number;
}

/**
 * Fills the gaps of all variables, in place, with one draw of what they might hold: numbers by predictive mean matching, labels by
 * multinomial logistic regression (van Buuren 2018, §4.5). It starts from values drawn among those that are known. The same random numbers give the same values.
 */
export function chainEquations(
  variables: readonly Variable[],
  rows: number,
  { iterations, donors }: ChainSettings,
  random: RandomNumbers,
): void {
  const open = variables.filter(({ gaps }) => gaps.length > 0).sort((a, b) => a.gaps.length - b.gaps.length);
  for (const { gaps, known, ...own } of open) {
    const values = own.kind === 'number' ? own.values : own.codes;
    for (const row of gaps) values[row] = values[known[Math.floor(random.uniform() * known.length)]];
  }
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (const variable of open) {
      const design = designOf(
        variables.filter((other) => other !== variable),
        rows,
      );
      if (variable.kind === 'number') matchMeans(variable, design, donors, random);
      else drawLabels(variable, design, random);
    }
  }
}
