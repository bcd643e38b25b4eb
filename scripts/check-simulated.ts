// Checks a fit of simulated data: convergence of the population's scalars, known truth, and the time it took.
//
//     npx tsx scripts/check-simulated.ts DATA_DIR RUN_DIR
//
// Exit 0: every R-hat below 1.01, every bulk and tail ESS above 400, every true value within 4.5 posterior standard deviations, and
// the fit done in 120 seconds. 1: something of that does not hold.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRun } from '../src/data/run/runFolder.js';

const limits = { rhat: 1.01, ess: 400, distance: 4.5, seconds: 120 };

const [dataDir, runDir] = process.argv.slice(2);
if (runDir === undefined) {
  console.error('usage: npx tsx scripts/check-simulated.ts DATA_DIR RUN_DIR');
  process.exit(2);
}
const { parameters } = JSON.parse(readFileSync(join(dataDir, 'truth.json'), 'utf8')) as {
  parameters: readonly { name: string; value: number }[];
};
const truth = new Map(parameters.map(({ name, value }) => [name, value]));
const { summary, diagnostics } = readRun(runDir);
const failures: string[] = [];

console.log(
  `${'scalar'.padEnd(44)}${['truth', 'mean', 'sd', 'R-hat', 'bulk', 'tail'].map((name) => name.padStart(9)).join('')}`,
);
for (const { name, mean, sd, rhat, essBulk, essTail } of summary) {
  const value = truth.get(name) ?? NaN;
  const figures = [value, mean, sd, rhat].map((figure) => Number(figure ?? NaN).toFixed(4));
  const sizes = [essBulk, essTail].map((size) => Number(size ?? NaN).toFixed(0));
  console.log(name.padEnd(44) + [...figures, ...sizes].map((cell) => cell.padStart(9)).join(''));
  // Written so that a missing figure fails.
  if (!((rhat ?? NaN) < limits.rhat)) failures.push(`R-hat of ${name}`);
  if (!((essBulk ?? NaN) > limits.ess && (essTail ?? NaN) > limits.ess)) failures.push(`ESS of ${name}`);
  if (!(Math.abs((mean ?? NaN) - value) < limits.distance * (sd ?? NaN))) failures.push(`true value of ${name}`);
}
const { total } = diagnostics['seconds'] as { readonly total: number };
console.log(`\n${summary.length} scalars, fitted in ${total.toFixed(1)} s`);
if (summary.length === 0) failures.push('there is no scalar');
if (!(total < limits.seconds)) failures.push(`${total.toFixed(0)} s`);
for (const failure of failures) console.log(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
