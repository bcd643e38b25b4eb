// Compares a fit of examples/orange-juice/config.yaml with lme4's REML fit of the same model, and its convergence with the targets.
//
//     npx tsx scripts/check-orange-juice.ts RUN_DIR [--quick]
//
// Every number of the posterior is computed here from the stored draws, those of R-hat and ESS are read from the summaries. --quick
// leaves out the targets of R-hat and ESS, for runs too short to reach them; estimates are compared all the same.
// Exit 0: all hold; 1: some do not.
import { join } from 'node:path';
import { quoteText, rowsOf, withDuckDB } from '../src/data/duckdb.js';
import { scalarNames } from '../src/data/run/names.js';
import { openPosterior } from '../src/data/run/posteriorReader.js';
import type { PosteriorReader } from '../src/data/run/posteriorReader.js';
import { readRun } from '../src/data/run/runFolder.js';
import { quantile } from '../src/diagnostics/quantile.js';

/** Fixed effects by REML (estimate, standard error), lme4 on 106,139 rows; price is log price, centred. */
const fixedEffects: Readonly<Record<string, readonly [number, number]>> = {
  'delta[Intercept,Intercept]': [8.2241, 0.0327],
  'delta[log_price,Intercept]': [-2.3296, 0.0384],
  'delta[deal,Intercept]': [0.0663, 0.0057],
  'delta[feature,Intercept]': [0.7134, 0.0112],
  'delta[log_price,income]': [0.1387, 0.039],
};

/** Standard deviations by REML. */
const standardDeviations: Readonly<Record<string, number>> = {
  'sigma_u[Intercept]': 0.855,
  'sigma_u[log_price]': 0.774,
  'sigma_u[deal]': 0.06,
  'sigma_u[feature]': 0.292,
  'sigma_v[Intercept]': 0.146,
  'sigma_v[log_price]': 0.235,
  'sigma_v[deal]': 0.028,
  'sigma_v[feature]': 0.018,
  sigma: 0.5407,
};

/** Largest distance of a posterior mean from the REML estimate, in posterior standard deviations. */
const largestDistance = 0.2;
/** What four chains reach for the population's scalars, and for those of stores and of brands in stores. */
const target = { rhat: 1.01, ess: 400, groupRhat: 1.02 };

let failures = 0;

const printed = (name: string, columns: readonly string[]): string =>
  name.padEnd(26) + columns.map((column) => column.padStart(11)).join('');

function heading(name: string, columns: readonly string[]): void {
  console.log(printed(`\n${name}`.padEnd(27), columns));
}

function row(name: string, columns: readonly string[], holds: boolean): void {
  if (!holds) failures++;
  console.log(`${printed(name, columns)}  ${holds ? 'ok' : 'FAILED'}`);
}

/** All draws of a scalar, chains one after another. Throws when the run has no such scalar. */
async function drawsOf(reader: PosteriorReader, scalar: string): Promise<Float64Array> {
  const site = reader.sites.find(({ name }) => name === scalar.split('[')[0]);
  const element = site === undefined ? -1 : [...scalarNames(site, reader.coords)].indexOf(scalar);
  if (site === undefined || element < 0) throw new Error(`the run has no scalar ${scalar}`);
  return Float64Array.from((await reader.readSite(site.name, element)).flatMap((chain) => [...chain]));
}

function meanAndSd(values: Float64Array): readonly [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / (values.length - 1))];
}

async function compareEstimates(reader: PosteriorReader): Promise<void> {
  heading('fixed effect', ['mean', 'sd', 'REML', 's.e.', 'distance']);
  for (const [name, [estimate, error]] of Object.entries(fixedEffects)) {
    const [mean, sd] = meanAndSd(await drawsOf(reader, name));
    const distance = Math.abs(mean - estimate) / sd;
    const columns = [mean, sd, estimate, error, distance].map((value) => value.toFixed(4));
    row(name, columns, distance < largestDistance);
  }
  heading('standard deviation', ['q2.5', 'median', 'q97.5', 'REML']);
  for (const [name, estimate] of Object.entries(standardDeviations)) {
    const draws = await drawsOf(reader, name);
    const [low, middle, high] = [0.025, 0.5, 0.975].map((p) => quantile(draws, p));
    row(
      name,
      [low, middle, high, estimate].map((value) => value.toFixed(4)),
      low <= estimate && estimate <= high,
    );
  }
}

async function compareConvergence(dir: string): Promise<void> {
  // Sites of groups carry a store or a unit in their names.
  const isGroup = "(name LIKE 'beta[%' OR name LIKE 'gamma[%')";
  const sql = `SELECT ${isGroup} AS is_group, count(*)::INTEGER AS scalars, count(rhat)::INTEGER AS known, max(rhat) AS rhat,
    min("essBulk") AS bulk, min("essTail") AS tail FROM read_parquet(${quoteText(join(dir, 'summary.parquet'))}) GROUP BY 1 ORDER BY 1`;
  const classes = await withDuckDB((connection) => rowsOf(connection, sql));
  heading('convergence', ['scalars', 'max R-hat', 'min bulk', 'min tail']);
  if (classes.length !== 2) row('scalars of both kinds', [], false);
  for (const { is_group: group, scalars, known, rhat, bulk, tail } of classes) {
    const [worst, least, leastTail] = [rhat, bulk, tail].map(Number);
    const holds = group
      ? worst < target.groupRhat
      : worst < target.rhat && least > target.ess && leastTail > target.ess;
    const columns = [String(Number(scalars)), worst.toFixed(4), least.toFixed(0), leastTail.toFixed(0)];
    row(group ? 'stores, brands in stores' : 'population', columns, holds && scalars === known);
  }
}

const [dir, ...options] = process.argv.slice(2);
if (dir === undefined || options.some((option) => option !== '--quick')) {
  console.error('usage: npx tsx scripts/check-orange-juice.ts RUN_DIR [--quick]');
  process.exit(2);
}
const reader = await openPosterior(readRun(dir).posteriorPath);
await compareEstimates(reader);
if (!options.includes('--quick')) await compareConvergence(dir);
console.log(failures === 0 ? '\nall hold' : `\n${failures} do not hold`);
process.exitCode = failures === 0 ? 0 : 1;
