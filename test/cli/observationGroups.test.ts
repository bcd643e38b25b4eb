// log_likelihood and posterior_predictive on request: the normal densities of the stored draws, and data like the observed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runFit } from '../../src/cli/fit/runFit.js';
import { openPosterior, type PosteriorReader } from '../../src/data/run/posteriorReader.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { salesConfig, salesRows, toCsv } from './salesFolder.js';

const { folder } = temporaryFolder();
const path = join(folder, 'run', 'posterior.zarr');
const rows = salesRows();
const sorted = [...rows].sort((a, b) => String(a.market).localeCompare(String(b.market)));
const [chains, draws] = [2, 40];

async function allDraws(reader: PosteriorReader, site: string): Promise<(readonly Float64Array[])[]> {
  const all: (readonly Float64Array[])[] = [];
  for await (const block of reader.blocks(site)) all.push(...block.draws);
  return all;
}

beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  writeFileSync(join(folder, 'sales.csv'), toCsv(rows));
  writeFileSync(join(folder, 'config.yaml'), `${salesConfig}keep: [log_likelihood, posterior_predictive]\n`);
  const request = { config: join(folder, 'config.yaml'), overrides: { threads: 1 }, out: join(folder, 'run') };
  await runFit({ ...request, resume: false, command: 'test', resumeCommand: () => 'test' }, () => undefined);
});
afterAll(() => vi.restoreAllMocks());

/** Standardised residuals of stored values, by row in the order of the units (markets m0 … m4), then over all draws. */
async function residuals(values: (row: number, chain: number, draw: number) => number): Promise<number[][]> {
  const posterior = await openPosterior(path);
  const beta = await allDraws(posterior, 'beta');
  const [sigma] = await allDraws(posterior, 'sigma');
  return sorted.map(({ market, price }, row) => {
    const unit = Number(String(market).slice(1));
    return Array.from({ length: chains * draws }, (_, i) => {
      const [chain, draw] = [Math.floor(i / draws), i % draws];
      const mean = beta[2 * unit][chain][draw] + beta[2 * unit + 1][chain][draw] * Number(price);
      return (values(row, chain, draw) - mean) / sigma[chain][draw];
    });
  });
}

describe('keep: [log_likelihood, posterior_predictive]', () => {
  it('stores the log density of each observation at each draw', async () => {
    const [sigma] = await allDraws(await openPosterior(path), 'sigma');
    const stored = await allDraws(await openPosterior(path, 'log_likelihood'), 'log_sales');
    expect(stored.length).toBe(rows.length);
    for (const [row, all] of (await residuals((at) => Number(sorted[at].log_sales))).entries()) {
      for (const [i, z] of all.entries()) {
        const [chain, draw] = [Math.floor(i / draws), i % draws];
        const expected = -0.5 * z * z - Math.log(sigma[chain][draw]) - 0.5 * Math.log(2 * Math.PI);
        expect(stored[row][chain][draw]).toBeCloseTo(expected, 9);
      }
    }
  });

  it('stores data replicated with standard normal errors', async () => {
    const stored = await allDraws(await openPosterior(path, 'posterior_predictive'), 'log_sales');
    const z = (await residuals((row, chain, draw) => stored[row][chain][draw])).flat();
    const moment = (power: number): number => z.reduce((sum, value) => sum + value ** power / z.length, 0);
    // Standard errors of the moments of n independent standard normals: 1, √2 and √96 over √n.
    expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(z.length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan((4 * Math.SQRT2) / Math.sqrt(z.length));
    expect(Math.abs(moment(4) - 3)).toBeLessThan((4 * Math.sqrt(96)) / Math.sqrt(z.length));
  });
});
