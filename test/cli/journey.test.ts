// The README's journey on small data: simulate, fit, report; the truth lies where the posterior says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { hierax } from './hierax.js';

const { folder } = temporaryFolder();

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

describe('simulate, fit, report', () => {
  it.each([
    [1, ['--markets', 12, '--products', 4]],
    [2, ['--markets', 0, '--products', 30, '--covariance', 'full']],
    [3, ['--markets', 10, '--products', 5, '--format', 'csv']],
  ])('seed %i recovers the truth', async (seed, size) => {
    const data = join(folder, `data-${seed}`);
    const simulated = await hierax(
      'simulate',
      'three-level',
      '--rows',
      1500,
      ...size,
      '--x',
      2,
      '--seed',
      seed,
      '--out',
      data,
    );
    expect(simulated.code, simulated.stderr).toBe(0);
    const out = join(data, 'fit');
    const words = ['--chains', 2, '--warmup', 400, '--draws', 400];
    const fitted = await hierax('fit', join(data, 'config.yaml'), '--out', out, ...words);
    expect(fitted.code, fitted.stderr).toBe(0);
    expect((await hierax('report', out)).stdout).toBe(`${join(out, 'report.html')}\n`);

    const truth = new Map(
      read<{ parameters: { name: string; value: number }[] }>(join(data, 'truth.json')).parameters.map(
        ({ name, value }) => [name, value],
      ),
    );
    const { parameters } = read<{ parameters: { name: string; mean: number; sd: number; rhat: number }[] }>(
      join(out, 'summary.json'),
    );
    expect(parameters.length).toBeGreaterThan(8);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    for (const { name, mean, sd, rhat } of parameters) {
      expect(truth.has(name), name).toBe(true);
      expect(rhat, name).toBeLessThan(1.1);
      expect(Math.abs(mean - truth.get(name)!) / sd, name).toBeLessThan(4.5);
      expect(page).toContain(name.replaceAll('"', '&quot;'));
    }
  });
});
