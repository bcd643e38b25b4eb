// The rows of examples/journey as its data section makes them, against counts made by other queries on the same files.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { dataRandom } from '../../../src/cli/fit/dataRandom.js';
import { loadConfig } from '../../../src/data/config.js';
import { rowsOf, withDuckDB } from '../../../src/data/duckdb.js';
import { readData } from '../../../src/data/preparation/readData.js';
import { models } from '../../../src/models/registry.js';

const folder = fileURLToPath(new URL('../../../../shared/data/completejourney/', import.meta.url));
const lacksData = !existsSync(folder);

if (lacksData && process.env.HIERAX_REQUIRE_SHARED === '1')
  throw new Error('HIERAX_REQUIRE_SHARED is set, but ../shared/data/completejourney is absent');

it.skipIf(lacksData)('examples/journey prepares its rows', { timeout: 120_000 }, async () => {
  const config = loadConfig(fileURLToPath(new URL('../../../examples/journey/config.yaml', import.meta.url)), models);
  const { data, model, seed } = config;
  const columns = models[model.name].columns(model);
  const { table, heldOut, report } = await readData(data, columns, {
    seed,
    random: dataRandom(seed),
    imputation: 1,
    unique: data.unique,
    response: 'log_spend',
  });
  // Weeks with a purchase after a household's first, of households with demographics.
  const [{ weeks }] = await withDuckDB((connection) =>
    rowsOf(
      connection,
      `WITH weeks AS (SELECT household_id, date_trunc('week', transaction_timestamp) AS w FROM '${folder}transactions_sample.csv' WHERE sales_value > 0 GROUP BY ALL)
       SELECT count(*) - count(DISTINCT household_id) AS weeks FROM weeks WHERE household_id IN (SELECT household_id FROM '${folder}demographics.csv')`,
    ),
  );
  expect(table.rows + heldOut!.rows).toBe(Number(weeks));
  expect(report).toMatchObject({ rows: Number(weeks), heldOut: heldOut!.rows });
  for (const name of ['homeowner', 'married']) {
    const own = table.columns.get(name)!;
    expect(own.kind === 'number' && own.values.every((value) => value === 0 || value === 1)).toBe(true);
  }
  const imputed = report!.steps.find(({ name }) => name === 'impute')!.changes;
  expect(imputed[0]).toContain('of 233 household_ids completed by multinomial logistic regression');
  expect(imputed[1]).toContain('of 137 household_ids');
});
