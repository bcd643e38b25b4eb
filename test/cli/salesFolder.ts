// A small sales table and its configuration, whole or with one thing wrong, each in a folder of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../data/inputFiles.js';

/** Rows as records; the values are written as they are. */
export type Row = Readonly<Record<string, string | number>>;

/** 2 products × 5 markets × 20 weeks: log_sales on price, with size by product in market and income by market. */
export function salesRows(): Row[] {
  const rows: Row[] = [];
  for (let p = 0; p < 2; p++) {
    for (let m = 0; m < 5; m++) {
      for (let week = 1; week <= 20; week++) {
        const price = Math.sin(1 + 3 * p + 5 * m + 7 * week);
        const noise = 0.4 * Math.sin(11 * week * week + 13 * p + 17 * m * m);
        const size = Number((Math.cos(4 * p + 9 * m) * 2).toFixed(3));
        const income = [20, 28, 31, 25, 22][m];
        const sales = 3 + 0.4 * p - 0.1 * m - (1 + 0.1 * m + 0.1 * size) * price + noise;
        rows.push({ product: `p${p}`, market: `m${m}`, week, log_sales: sales, price, size, income });
      }
    }
  }
  return rows;
}

export function toCsv(rows: readonly Row[]): string {
  const names = Object.keys(rows[0]);
  return [names.join(','), ...rows.map((row) => names.map((name) => row[name]).join(','))].join('\n') + '\n';
}

/** Two levels of few predictors: quick to fit. Line 1 is `data:`. */
export const salesConfig = `data:
  file: sales.csv
model:
  name: three-level
  response: log_sales
  unit: market
  x: [price]
method: { name: nuts, chains: 2 }
warmup: 60
draws: 40
seed: 3
`;

/** So many transitions that a signal finds the run at work; few of them are stored. */
export const longConfig = salesConfig
  .replace('warmup: 60\ndraws: 40', 'warmup: 300\ndraws: 500')
  .replace('chains: 2', 'chains: 2, thin: 40');

/** Three levels, of the same table. */
export const threeLevelConfig = `data:
  file: sales.csv
model:
  name: three-level
  response: log_sales
  product: product
  market: market
  time: week
  x: [price]
  z: [size]
  w: [income]
method: { name: nuts, chains: 2 }
warmup: 60
draws: 40
seed: 3
`;

/** Makes folders with `sales.csv` and `config.yaml`; all go when the test file ends. */
export function salesFolders() {
  const { folder } = temporaryFolder();
  let made = 0;
  return (config: string = salesConfig, sales: string | Uint8Array | null = toCsv(salesRows())) => {
    const dir = join(folder, `case-${made++}`);
    mkdirSync(dir);
    if (sales !== null) writeFileSync(join(dir, 'sales.csv'), sales);
    writeFileSync(join(dir, 'config.yaml'), config);
    return { dir, config: join(dir, 'config.yaml'), out: join(dir, 'run'), at: (name: string) => join(dir, name) };
  };
}
