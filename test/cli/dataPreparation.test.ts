// hierax fit on tables that are joined and aggregated: the run says what was done to the rows.
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hierax } from './hierax.js';
import { salesFolders, salesRows, toCsv } from './salesFolder.js';

const folderWith = salesFolders();

const data = `data:
  tables: { sales: sales.csv, markets: markets.csv }
  steps:
    - filter: week <= 18
    - { join: markets, on: market }
    - { aggregate: { log_sales: mean, price: mean, rank: max(rank) }, by: [market, week] }
    - { standardise: [price] }
`;
const config = `${data}model: { name: three-level, response: log_sales, unit: market, x: [price], z: [rank] }
method: { name: nuts, chains: 2 }
warmup: 60
draws: 40
seed: 3
`;

function prepared(text = config) {
  const made = folderWith(text, toCsv(salesRows()));
  writeFileSync(made.at('markets.csv'), 'market,rank\n' + [3, 1, 4, 2, 5].map((rank, m) => `m${m},${rank}\n`).join(''));
  return made;
}

describe('a fit on prepared data', () => {
  it('writes what was done to the rows, in JSON, on the terminal and in the report', async () => {
    const { config: path, out, at } = prepared();
    const { code, stderr } = await hierax('fit', path, '--out', out);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('data: sales.csv (200 rows), markets.csv (5 rows); 4 steps; 90 rows (data_report.json)');
    const report = JSON.parse(readFileSync(at('run/data_report.json'), 'utf8')) as {
      steps: { name: string; rowsIn: number; rowsOut: number }[];
    };
    expect(report.steps.map(({ name, rowsIn, rowsOut }) => [name, rowsIn, rowsOut])).toEqual([
      ['filter', 200, 180],
      ['join', 180, 180],
      ['aggregate', 180, 90],
      ['standardise', 90, 90],
    ]);
    const page = readFileSync(at('run/report.html'), 'utf8');
    expect(page).toContain('one row for each market × week (180 rows before)');
    expect(page).toContain('data_report.json');
    const run = JSON.parse(readFileSync(at('run/run.json'), 'utf8')) as {
      rows: number;
      configuration: { data: { steps: unknown[] } };
    };
    expect(run.rows).toBe(90);
    expect(run.configuration.data.steps).toHaveLength(4);
    expect((await hierax('report', out)).code).toBe(0);
  });

  it('tells a fault of a step with file, line and step, and leaves nothing behind', async () => {
    const { config: path, out } = prepared(config.replace('on: market', 'on: makret'));
    const { code, stderr } = await hierax('fit', path, '--out', out);
    expect(code).toBe(2);
    expect(stderr).toBe("hierax: config.yaml:5: step 2 (join): sales has no column 'makret'; did you mean 'market'?\n");
  });

  it('names the prepared rows where a value is missing', async () => {
    const { config: path, out } = prepared(
      config.replace(
        '{ join: markets, on: market }',
        '{ join: markets, on: market }\n    - derive: { rank: CASE WHEN rank < 5 THEN rank END }',
      ),
    );
    const { code, stderr } = await hierax('fit', path, '--out', out);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^hierax: sales after 5 steps: column 'rank', row 73: 18 missing values, this is the first; fill them in/,
    );
  });
});
